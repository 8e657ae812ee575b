"""Asking the world: each question once, many side by side, and what cannot be asked today as it was heard before."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Final

from mailevents_dagster.deliverability.answers import Answer, Ask, Question

AT_ONCE: Final = 16
"""Questions under way: enough to be quick, and few enough for a name server that limits its clients."""


class World:
    """Remembers each answer, so that what is judged is what was heard. A view of it remembers what one topic asked."""

    def __init__(self, ask: Ask, before: Mapping[Question, Answer] | None = None, day_before: str = "") -> None:
        self._ask = ask
        self._before = before or {}
        self._day_before = day_before
        self._slots = threading.Semaphore(AT_ONCE)
        self._asked: dict[Question, Future[Answer]] = {}

    @property
    def heard(self) -> dict[Question, Answer]:
        return {question: one.result() for question, one in self._asked.items() if one.done()}

    def ask(self, name: str, kind: str) -> Answer:
        question = Question(name.lower().removesuffix("."), kind)
        mine: Future[Answer] = Future()
        known = self._asked.setdefault(question, mine)
        if known is mine:  # whoever asks the same meanwhile waits for this answer
            try:
                mine.set_result(self._hear(question))
            except BaseException as error:
                mine.set_exception(error)
        return known.result()

    def _hear(self, question: Question) -> Answer:
        with self._slots:
            answer = self._ask(question.name, question.kind)
        return self._kept(question, answer) if answer.is_unasked else answer

    def ask_all(self, questions: Iterable[tuple[str, str]]) -> list[Answer]:
        """Return the answers in the order of the questions, which are asked side by side."""
        with ThreadPoolExecutor(AT_ONCE, "questions") as pool:
            return [*pool.map(lambda one: self.ask(*one), questions)]

    def _kept(self, question: Question, answer: Answer) -> Answer:
        """Return what was heard before, with why it could not be asked today."""
        old = self._before.get(question)
        if old is None or old.is_unasked:
            return answer
        return replace(old, kept_from=old.kept_from or self._day_before, reason=answer.reason)

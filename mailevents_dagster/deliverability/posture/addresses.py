"""The addresses of a host, tried as senders do: one after the other, until one says something."""

from __future__ import annotations

from collections.abc import Callable

from mailevents_dagster.deliverability.answers import Answer, Ask, absent, unasked


def first_answer(host: str, ask: Ask, most: int, try_address: Callable[[str], Answer]) -> Answer:
    """Return what the first of so many addresses says that can be asked, or why none can."""
    addresses = [ask(host, kind) for kind in ("A", "AAAA")]
    found = [record for answer in addresses for record in answer.records][:most]
    if not found:
        lost = next((answer for answer in addresses if answer.is_unasked), None)
        return unasked(f"its address: {lost.reason}") if lost else absent(f"{host} has no address")
    answer = unasked("")
    for address in found:
        answer = try_address(address)
        if not answer.is_unasked:
            break
    return answer

"""Rules: what lines of one kind look like. One regular expression reads many lines at once (Arrow's RE2).

RE2 reads a text in one pass where the pattern begins with ^, has at most four groups, and leaves each character one way
to go on. That takes 0.3 to 0.8 us, anything else 3 us and more. So what stands in each line is read in steps: the group
`rest` of a rule is left to the rules in `then`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

LONGEST: Final = 16_384
"""Characters of a line that are looked at. Exim cuts its lines at 8 KB, Postfix at 2 KB; longer ones are rubbish."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A kind of text. The groups of its pattern name fields; a group that takes no part, or is empty, says nothing."""

    pattern: str
    event: str = "other"
    events: Mapping[str, str] = field(default_factory=dict)
    """The event by the word that the group `word` holds; `event` is for all other words."""
    then: tuple[Rule, ...] = ()
    """What reads the group `rest`; where none of them knows it, this rule does not know the text."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """What rules found in texts: fields as long as the texts, null where nothing was found."""

    count: int
    known: pa.BooleanArray
    fields: Mapping[str, pa.StringArray]

    def __getitem__(self, name: str) -> pa.StringArray:
        return self.fields[name] if name in self.fields else pa.nulls(self.count, pa.string())


@dataclass(frozen=True, slots=True, eq=False)
class _Match:
    """The rows that one rule knew, and their groups."""

    rows: NDArray[np.int64]
    groups: Mapping[str, pa.StringArray]


def read(texts: pa.StringArray, rules: Sequence[Rule]) -> Reading:
    """Return what the first rule that knows a text finds in it; the commonest kinds come first."""
    count = len(texts)
    rows = np.arange(count)
    known = np.zeros(count, np.bool_)
    matches = []
    for rule in rules:
        if not len(rows):
            break
        is_known, groups = _found(texts, rule)
        if not groups:
            continue
        mask = is_known.to_numpy(zero_copy_only=False)
        known[rows[mask]] = True
        matches.append(_Match(rows[mask], groups))
        rows, texts = rows[~mask], texts.filter(pc.invert(is_known))
    names = {name for match in matches for name in match.groups}
    return Reading(count, pa.array(known), {name: _placed(name, matches, count) for name in names})


def _found(texts: pa.StringArray, rule: Rule) -> tuple[pa.BooleanArray, Mapping[str, pa.StringArray]]:
    """Return which texts a rule knows, and the groups of these; none where it knows no text."""
    found = pc.extract_regex(texts, f"(?s){rule.pattern}")
    is_known = found.is_valid()
    if found.null_count == len(found):
        return is_known, {}
    found = found.filter(is_known)
    groups = {group.name: found.field(group.name) for group in found.type}
    groups["event"] = _events(groups.get("word"), len(found), rule)
    if not rule.then:
        return is_known, groups
    rest = read(groups.pop("rest"), rule.then)
    groups |= rest.fields
    if rest.known.false_count:
        is_known = pc.replace_with_mask(is_known, is_known, rest.known)
        groups = {name: values.filter(rest.known) for name, values in groups.items()} if rest.known.true_count else {}
    return is_known, groups


def _events(words: pa.StringArray | None, count: int, rule: Rule) -> pa.StringArray:
    if words is None:
        return pa.repeat(rule.event, count)
    place = pc.index_in(words, value_set=pa.array([*rule.events]))
    return pa.array([*rule.events.values()]).take(place).fill_null(rule.event)


def _placed(name: str, matches: Sequence[_Match], count: int) -> pa.StringArray:
    """Return the values of one group in all matches, each in its row."""
    parts = [(match.rows, match.groups[name]) for match in matches if name in match.groups]
    values = pa.concat_arrays([part for _, part in parts])
    values = pc.if_else(pc.equal(values, ""), None, values)
    if len(parts) == 1 and len(values) == count:
        return values
    places = np.full(count, -1)
    places[np.concatenate([rows for rows, _ in parts])] = np.arange(len(values))
    return values.take(pa.array(places, mask=places < 0))


def within_reach(texts: pa.StringArray) -> pa.StringArray:
    """Return the texts without nulls and without what is too long to be a log line."""
    texts = texts.fill_null("")
    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    return pc.utf8_slice_codeunits(texts, 0, LONGEST) if longest > LONGEST else texts

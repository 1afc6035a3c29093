"""Texts: which piece of the material goes into which text argument."""

import re
from collections.abc import Sequence

from offline_model.language import values
from offline_model.language.phrases import title_in
from offline_model.language.vocabulary import COMMENTING
from offline_model.language.words import likeness, stem, terms, words
from offline_model.request.conversation import Material
from offline_model.request.tools import Parameter

_AFTER_COLON = re.compile(r":\s+(\S.{2,})$", re.DOTALL)
_LIST_LINE = re.compile(r"^[ \t]*(?:[-*•]|\d{1,2}[.)])\s+(.+)$", re.MULTILINE)
_HEAD = 300
_MAX_ITEMS = 50


def text_for(
    parameter: Parameter, siblings: Sequence[Parameter], step: str, materials: Sequence[Material]
) -> str | None:
    """The text that `parameter` takes: its share of the material, else the text that the step quotes."""
    materials = [item for item in materials if item.is_text]
    if not materials:
        return _quoted_text(step)
    share = shares(siblings, materials).get(parameter.name, ())
    if len(share) == 1:
        return share[0].text
    return "\n\n".join(_headed(item) for item in share) or None


def list_items(parameter: Parameter, materials: Sequence[Material]) -> list[str]:
    """The material as the elements of a list: its list lines, else its pieces, else its paragraphs."""
    materials = [item for item in materials if item.is_text]
    best = max(materials, key=lambda item: _fit(parameter, item), default=None)
    if best is None:
        return []
    if len(materials) > 1 and _fit(parameter, best) <= 0:
        return [_headed(item) for item in materials]
    listed = _under(parameter, best.text)
    if listed:
        return listed[:_MAX_ITEMS]
    lines = [line.strip() for line in _LIST_LINE.findall(best.text)]
    return (lines or [part.strip() for part in best.text.split("\n\n") if part.strip()])[:_MAX_ITEMS]


def _under(parameter: Parameter, text: str) -> list[str]:
    wanted = {stem(word) for word in words(parameter.name)}
    found: list[str] = []
    inside = False
    for line in text.splitlines():
        item = re.match(r"\s+[-*•]\s+(.+)$|[-*•]\s+(?!\*\*)(.+)$", line)
        if inside and item:
            found.append((item[1] or item[2]).strip())
        elif line.strip():
            inside = bool(re.search(r":\W*$", line)) and bool(wanted & set(terms(line)))
    return found


def shares(siblings: Sequence[Parameter], materials: Sequence[Material]) -> dict[str, tuple[Material, ...]]:
    """Material for each text parameter: one takes all; of several, each takes what fits it best."""
    if len(siblings) <= 1:
        return {parameter.name: tuple(materials) for parameter in siblings}
    given: dict[str, list[Material]] = {parameter.name: [] for parameter in siblings}
    free = list(materials)
    pairs = sorted(
        (
            (_fit(parameter, item), -number, -place)
            for number, parameter in enumerate(siblings)
            for place, item in enumerate(materials)
        ),
        reverse=True,
    )
    for _, number, place in pairs:
        parameter, item = siblings[-number], materials[-place]
        if item in free and not given[parameter.name]:
            given[parameter.name].append(item)
            free.remove(item)
    for item in free:
        best = max(siblings, key=lambda parameter: _fit(parameter, item))
        given[best.name].append(item)
    return {name: tuple(sorted(items, key=materials.index)) for name, items in given.items()}


def _fit(parameter: Parameter, item: Material) -> float:
    label, head = set(terms(item.label)), set(terms(item.text[:_HEAD]))
    first = words(item.label)[:1]
    if first and first[0] in COMMENTING:
        label, head = {stem(first[0])}, set[str]()
    score = 0.0
    for term in {stem(word) for word in words(parameter.name)}:
        score += 2.0 * likeness(term, label) + 0.5 * likeness(term, head)
        score += 2.0 * likeness(term, [stem(word) for word in first])
    return score


def _headed(item: Material) -> str:
    return f"## {title_in(item.label) or item.label}\n\n{item.text}" if item.label else item.text


def _quoted_text(step: str) -> str | None:
    quoted = values.quoted_in(step)
    if quoted:
        return max(quoted, key=len)
    after = _AFTER_COLON.search(step)
    if after:
        return after[1]
    uris = values.file_uris_in(step)
    return uris[0] if uris else None

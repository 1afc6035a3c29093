"""Phrases: the words of a step that stand for a group, a measure, a source or a title."""

import re
from collections.abc import Sequence

_STOP = (
    r"(?=\s+(?:from|in|of|on|at|using|with|and|as|for|per|by|over|across|grouped|where|between|is|are|was|"
    r"were|to|per)\b|[,.;?!:]|$)"
)
_GROUP = re.compile(
    r"(?i)\b(?:per|by|(?:for|on|in|at|of) (?:each|every)|grouped by|group by|broken down by|across|split by)\s+"
    rf"(?:the\s+|each\s+)?([\w -]+?){_STOP}"
)
_SUPERLATIVE = re.compile(
    r"(?i)\b(?:most|least|fewest|highest|lowest|largest|smallest|biggest|longest|shortest|best|worst)\b"
)
_COUNTED = re.compile(r"\b(?:how many|number of|count(?: of)?)\s+(?:the\s+)?([\w-]+)", re.IGNORECASE)
_TOP = re.compile(
    rf"(?i)\b(?:top|best|first|bottom)\s+(?:\d+\s+)?([\w-]+)\s+by\s+(?:total\s+|average\s+)?([\w -]+?){_STOP}"
)
_WITH = re.compile(
    r"(?i)(?<![\w-])([\w-]+)\s+(?:with|having|that ha[sd]|ha[sd]|have)\s+(?:the\s+)?"
    r"(?:most|least|fewest|highest|lowest|largest|smallest|biggest|best|worst)\b"
)
_WHICH = re.compile(r"\bwhich\s+([\w-]+)", re.IGNORECASE)
_MEASURE = re.compile(
    rf"(?i)\b(?:average|mean|median|total|sum of|sum|maximum|minimum|max|min|highest|lowest|largest|smallest|biggest"
    rf"|longest|shortest|most|least)\s+(?:of\s+)?(?:the\s+)?([\w -]+?){_STOP}"
)
_SOURCE = re.compile(
    r"(?i)\b(?:from|in|of|using|out of|with|on|about)\s+(?:the|my|our|this|that|a|an)?\s*([\w][\w ./-]*?)(?=\s+(?:and"
    r"|by|per|as|for|where|with|from|in|using|grouped)\b|[,;?!:]|\.\s|\.?$)"
)
_NAMED = re.compile(
    r"(?i)\b(?:titled|entitled|called|named|with (?:the )?title|title:?)\s+(?:\"([^\"]+)\"|“([^”]+)”|'([^']+)'"
    r"|([^,.;]+))"
)
_ORDER = re.compile(
    r"(?i)^(?:please\s+)?(?:(?:find out|look up|work out|explain|describe|research|count|chart|plot|graph|draw|show"
    r"|write|"
    r"make|create|draft|compose|produce|prepare|assemble|generate|visuali[sz]e|summari[sz]e|build|list|find|tell|give|"
    r"display|report)\b\s*)(?:me\s+)?(?:(?:a|an|the)\s+)?(?:(?:(?:short|brief|one-page|long|detailed|bar|line|pie|quic"
    r"k|scatter|simple)\s+)*(?:chart|plot|graph|diagram|figure|report|summary|article|document|brief)\s+)?(?:(?:from|i"
    r"n) (?:the|our|my) [\w-]+\s+)?(?:(?:of|on|about|for|from)\s+)?(?:how many\s+)?"
)
_HOW = re.compile(
    r"(?i)(?:,|(?<!\s))\s+with (?:the )?(?:citations?|sources?|references?|figures?|numbers?|examples?)\b.*$"
)
_THING = re.compile(
    r"(?i)^\w+\s+(?:a|an|the)\s+([\w -]+?)\s+(?:of|for|from|about|on)\s+(?:it|them|both|this|that|these|those)\b"
)
_VAGUE = re.compile(r"(?:both|them|it|this|that|these|those|from|everything|all)\b", re.IGNORECASE)
_TIME_LIKE = re.compile(r"(?i)\b(?:day|date|week|month|quarter|year|hour|minute|time|daily|weekly|monthly|yearly)s?\b")


def group_phrases(text: str) -> list[str]:
    """What `text` groups by."""
    top = _TOP.search(text)
    if top:
        return [top[1]]
    groups = [phrase for match in _GROUP.findall(text) if not _MEASURE.match(phrase := match.strip())]
    return groups or extreme_groups(text)


def extreme_groups(text: str) -> list[str]:
    """What `text` seeks the extreme of: "which region", "the country with the highest"."""
    return [*_WITH.findall(text), *(_WHICH.findall(text) if _SUPERLATIVE.search(text) else [])]


def ranks_by(text: str) -> bool:
    """Whether `text` wants a top list of groups: "top 3 regions by sales"."""
    return bool(_TOP.search(text))


def measure_phrases(text: str) -> list[str]:
    """What `text` averages, sums or compares."""
    top = _TOP.search(text)
    found = [match.strip() for match in _MEASURE.findall(text)]
    return found or ([top[2].strip()] if top else [])


def source_phrases(text: str) -> list[str]:
    """What `text` takes its data from, likeliest (the last one) first."""
    return [match.strip() for match in reversed(_SOURCE.findall(text))]


def counted_phrases(text: str) -> list[str]:
    """What `text` counts."""
    return list(_COUNTED.findall(text))


def counts(text: str) -> bool:
    """Whether `text` asks for how many there are."""
    return bool(re.search(r"\bhow many\b|\bhow often\b|\bnumber of\b|\bcount\b", text, re.IGNORECASE))


def over_time(text: str) -> bool:
    """Whether `text` groups by a span of time."""
    return any(_TIME_LIKE.search(phrase) for phrase in group_phrases(text)) or "over time" in text.lower()


def object_of(text: str) -> str | None:
    """What an order is about: the words after "of" or "for", else those after the verb."""
    plain = text.strip().rstrip(".?!")
    after = re.search(r"\b(?:of|for|about|named|called)\s+(?:the\s+|a\s+)?(.+)$", plain, re.IGNORECASE)
    rest = after[1] if after else re.sub(r"^\S+\s+(?:(?:up|me|the|a|an|my|our)\s+)*", "", plain, count=1)
    return rest.strip("\"'`“” ") or None


def topic(text: str, labels: Sequence[str]) -> str | None:
    """A title for work on labelled material: the words of `text`, or of the labels where `text` only points at it."""
    own = title_in(text)
    if own and not _VAGUE.match(own) and not _THING.match(text):
        return own
    clear = [label for label in labels[:3] if not _THING.match(label)]
    return " and ".join(filter(None, map(title_in, clear or labels[:3]))) or own or None


def title_in(text: str) -> str:
    """A title: the one that `text` gives, else its words without the order, else the thing that it orders."""
    named = _NAMED.search(text)
    if named:
        return next(part for part in named.groups() if part).strip()
    line = re.split(r"(?<=\w)[.!?](?:\s|$)", " ".join(text.split()), maxsplit=1)[0]
    line = re.sub(r"\s+(?:from|in|using)\s+(?:the\s+)?(?:agentnet-file:\S+|[\w ./-]+)$", "", _ORDER.sub("", line))
    line = re.sub(r"^(?:in|from)\s+(?:the|our|my)\s+\w+\s+", "", line.strip(" .,:;?!"), flags=re.IGNORECASE)
    thing = _THING.match(text)
    line = line.partition(": ")[0]
    line = thing[1] if thing and _VAGUE.match(line) else _HOW.sub("", line)
    return line[:1].upper() + line[1:120]

"""The tool that a name means, where the name came with marks and prefixes of a model's template."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

Tools = Mapping[str, Mapping[str, Any]]
"""By name, each with the schema of its parameters."""

PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_CALLABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")
_MARKS = re.compile(r"<\|?[^<>|]*\|?>|[<|>]")
_PREFIX = re.compile(r"\A(?:to=|assistant|commentary|analysis|(?:functions?|tools?|default_api|mcp|api)[./:])+")
_COUNTER = re.compile(r"(?::\d+|\(.*)\Z", re.DOTALL)
_FOLDED = str.maketrans("", "", "_-. ")
MAX_NAME = 512


class AnyTool(Mapping[str, Mapping[str, Any]]):
    """The tools that there are, and besides them any that a name could be of: for calls of one that is not there."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    def __contains__(self, name: object) -> bool:
        return name in self._tools or (isinstance(name, str) and _CALLABLE.fullmatch(name) is not None)

    def __getitem__(self, name: str) -> Mapping[str, Any]:
        if name not in self:
            raise KeyError(name)
        return self._tools.get(name, {})

    def __iter__(self) -> Iterator[str]:
        return iter(self._tools)

    def __len__(self) -> int:
        return len(self._tools)


def tool_meant(name: str, tools: Collection[str]) -> str | None:
    """The one of `tools` that `name` means; None where that is not plain."""
    if name in tools:
        return name
    candidates = list(_candidates(name[:MAX_NAME]))
    for candidate in candidates:
        if candidate in tools:
            return candidate
    folded: dict[str, set[str]] = {}
    for tool in tools:
        folded.setdefault(_fold(tool), set()).add(tool)
    for candidate in candidates:
        if len(found := folded.get(_fold(candidate), set())) == 1:
            return next(iter(found))
    return None


def _candidates(name: str) -> Iterator[str]:
    """What the name may be without what does not belong to it, the likeliest first."""
    for piece in (name, *_MARKS.split(name)):
        bare = piece.strip(" \t\r\n\"'`*,;=")
        if not bare:
            continue
        yield bare
        short = _COUNTER.sub("", _PREFIX.sub("", bare)).strip(" \"'`")
        yield short
        yield from reversed(re.split(r"[./:\s]", short))
        half = len(short) // 2
        if short[:half] == short[half:]:
            yield short[:half]


def _fold(name: str) -> str:
    return name.casefold().translate(_FOLDED)

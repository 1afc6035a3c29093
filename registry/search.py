"""Search: from a need in a person's or a model's words to the entries that fit it best.

`Search.find` is the whole seam: whatever ranks later, such as embeddings beside full text, ranks behind it.

To rank all that hit a word costs their number, which may be that of all entries. So a few candidates come first, from
looks into the index that each bring some dozens: entries named by a word, those with all words, those with the rarest
of them. In a small registry the candidates are all that hit anything.
"""

import time
from collections.abc import Sequence
from typing import Any

import asyncpg
from cachetools import LRUCache

from agentnet.discovery.directory import Kind
from agentnet.errors import BusyError
from registry import sql
from registry.words import needed

FIELD_WEIGHTS = [0.5, 0.6, 0.8, 1.0]
"""How much a hit counts: in other words, (unused), in the description, in the name."""
NEAR_FORM = 0.6
"""What a word that only begins alike counts of a hit: `summarize` and `summary`."""
UNSEEN_WEIGHT = 0.3
"""What a word that hits nothing weighs against all; a word that hits a single name weighs 1."""
LABEL_BOOST = 0.25
"""What a skill id or a tag that the need holds whole adds to the score; two count."""
CUTOFF = 0.08
"""The least relevance, of 1, that is offered."""
RANKED = 50
"""Names whose skills and tags are looked at."""
SMALL = 400
"""Entries up to which all that hit anything are candidates."""
ALL = 2 * SMALL
STATISTICS_SECONDS = 60.0
REMEMBERED_NEEDS = 10_000
SEARCH_SECONDS = 2.0
"""How long the database works on one search."""
CONNECTIONS = 4
BUSY_RETRY_SECONDS = 1.0

Look = tuple[str, int]
"""A `tsquery`, and how many entries it brings at most."""


class Search:
    """Searches on a pool of its own: neither heartbeats nor look-ups of names wait behind them."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._lexemes: LRUCache[str, list[str]] = LRUCache(REMEMBERED_NEEDS)
        self._entries: float = 0.0
        self._shares: dict[str, float] = {}
        self._counted_at = float("-inf")

    async def find(self, tenant: str, text: str, kind: Kind, limit: int) -> list[asyncpg.Record]:
        """Rows of `sql.SEARCH` for a need, best first, each with `score` from 0 to 100; ties by name.

        Raises `BusyError` for one that took too long.
        """
        try:
            lexemes = await self._stems(needed(text))
            await self._count()
            estimates = [self._shares.get(lexeme, 0.0) * self._entries for lexeme in lexemes]
            looks = self._looks(lexemes, estimates, kind, tenant)
            queries, most = [query for query, _ in looks], [number for _, number in looks]
            tuning: list[Any] = [FIELD_WEIGHTS, NEAR_FORM, UNSEEN_WEIGHT, RANKED, LABEL_BOOST, CUTOFF, limit]
            return await self._pool.fetch(sql.SEARCH, kind, tenant, lexemes, estimates, queries, most, *tuning)
        except asyncpg.QueryCanceledError:
            raise BusyError("The search took too long; ask in fewer words.", retry_after=BUSY_RETRY_SECONDS) from None

    async def _stems(self, words: str) -> list[str]:
        known = self._lexemes.get(words)
        if known is None:
            known = self._lexemes[words] = list(await self._pool.fetchval(sql.LEXEMES, words))
        return known

    async def _count(self) -> None:
        """How many entries there are and which stems are common, as PostgreSQL's own statistics tell."""
        now = time.monotonic()
        if now - self._counted_at < STATISTICS_SECONDS:
            return
        self._counted_at = now  # the first of those who come meanwhile asks
        entries = float(await self._pool.fetchval(sql.SIZE) or 0)
        row = await self._pool.fetchrow(sql.FREQUENCIES) if entries > SMALL else None
        self._entries = entries
        # The array of shares ends with the least, the most and that of NULL.
        self._shares = dict(zip(row["lexemes"], row["shares"], strict=False)) if row and row["lexemes"] else {}

    def _looks(self, lexemes: Sequence[str], estimates: Sequence[float], kind: str, tenant: str) -> list[Look]:
        if self._entries <= SMALL:
            anything = " | ".join(near(lexeme) for lexeme in lexemes)
            looks = [(anything, ALL)] if anything else []
        else:
            common = dict(zip(lexemes, estimates, strict=True))
            looks = candidates(sorted(lexemes, key=lambda lexeme: common[lexeme]), common)
        seen = f"({quoted(f'{kind}/*')} | {quoted(f'{kind}/{tenant}')})"
        return [(f"({query}) & {seen}", most) for query, most in looks]


def candidates(rarest_first: Sequence[str], entries: dict[str, float]) -> list[Look]:
    """Looks for entries that may be the best; `entries` tells about how many have a word, 0 for few or none."""
    words = list(rarest_first)
    if not words:
        return []
    looks = [(" | ".join(quoted(f"n/{word}") for word in words), 24)]
    if len(words) > 1:
        looks.append((" & ".join(map(quoted, words)), 24))
    looks += [(" & ".join(map(quoted, words[:number])), 24) for number in (3, 2) if len(words) > number]
    looks += [(quoted(f"d/{word}"), 16) for word in words[:2]]
    looks += [(quoted(word), 24) for word in words[:2] if entries[word] <= COMMON or len(words) == 1]
    # Stems that nobody counted are rare, or nobody's: then what begins like them may be meant.
    if unknown := [word for word in words if not entries[word]][:3]:
        looks.append((" | ".join(map(near, unknown)), 24))
    return looks


COMMON = 5000
"""Entries with a word, beyond which they are looked for by more than this word."""


def near(lexeme: str) -> str:
    """The query for what begins like a stem, as `sql.SEARCH` has it."""
    if len(lexeme) < 4:
        return quoted(lexeme)
    left_off = 2 if len(lexeme) >= 8 else 1 if len(lexeme) >= 6 else 0
    return quoted(lexeme[: len(lexeme) - left_off]) + ":*"


def quoted(lexeme: str) -> str:
    """A stem within a `tsquery`."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"

"""Search: from a need in a person's or a model's words to the entries that fit it best, as `ranking` ranks them.

`Search.find` is the whole seam: whatever ranks later, such as embeddings beside full text, ranks behind it.

To rank all that hit a word costs their number, which may be that of all entries. So a few candidates come first, from
looks into the index that each bring about a dozen: entries named by a word, those with it in their description, those
with all words, with the rarest of them. A look costs the number of entries with its rarest word, so that words which
many have are looked for beside a rarer one only; where there is none, the first entries are walked through. In a small
registry the candidates are all that hit anything.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from operator import mul
from typing import TYPE_CHECKING, Any

import asyncpg
from cachetools import LRUCache

from agentnet.discovery.directory import Kind
from agentnet.errors import BusyError
from agentnet.ids import EVERYONE
from registry import sql
from registry.ranking import Ranked, ranked
from registry.words import needed

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection = PoolConnectionProxy[asyncpg.Record]

SMALL = 400
"""Entries up to which all that hit anything are candidates."""
ALL = 2 * SMALL
STATISTICS_SECONDS = 60.0
REMEMBERED_WORDS = 50_000
SEARCH_SECONDS = 2.0
"""How long the database works on one search."""
CONNECTIONS = 4
BUSY_RETRY_SECONDS = 1.0

FEWEST = 6
"""Candidates of a look, where no more are asked for."""
TOGETHER = 4
"""Words that are looked for together at most: so many name few entries, however common each is."""
COMMON = 10_000
"""Entries with a word, beyond which it is looked for beside a rarer one only: a look at it reads all of them."""
EVERYWHERE = 30_000
"""Entries with a word, from which it is not even looked for beside a rarer one: so many read all that way cost more
than to find it among the candidates by chance."""
DENSE = 0.05
"""Share of entries with some words from which a walk through the first `WALKED` finds enough."""
WALKED = 500
NAMES = 6
"""Words that are looked for in names."""
MOST_SEEN = 0.5
"""Share of entries that a tenant sees of a kind, from which looks are not narrowed to them."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Where candidates come from: `tsquery`s with how many entries each brings at most, the likeliest to be best first.

    They end with the first `enough` entries.
    """

    queries: list[tuple[str, int]]
    enough: int
    walk: str | None = None
    """What is looked for, after them, in the first `WALKED` entries."""


class Search:
    """Searches on a pool of its own: neither heartbeats nor look-ups of names wait behind them."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._pool = pool
        self._lexemes: LRUCache[str, list[str]] = LRUCache(REMEMBERED_WORDS)
        self._entries: float = 0.0
        self._shares: dict[str, float] = {}
        self._counted_at = float("-inf")
        self._counting = asyncio.Lock()
        # First come, first served, which asyncpg's pool is not: who wakes there may find the connection taken by one
        # that came meanwhile, and goes to the end of the line.
        self._turns = asyncio.Semaphore(CONNECTIONS)

    async def find(self, tenant: str, text: str, kind: Kind, limit: int) -> list[tuple[asyncpg.Record, float]]:
        """Rows of `sql.SHOWN` for a need, best first, each with its score from 0 to 100; ties by name.

        Raises `BusyError` for one that took too long.
        """
        try:
            async with self._turns, self._pool.acquire() as connection:
                best = await self._ranked(connection, tenant, text, kind, limit)
                if not best:
                    return []
                names = "/".join("*" + each.name if each.tenant == EVERYONE else each.name for each in best)
                rows = await connection.fetch(sql.SHOWN, kind, tenant, names, limit)
        except asyncpg.QueryCanceledError:
            raise BusyError("The search took too long; ask in fewer words.", retry_after=BUSY_RETRY_SECONDS) from None
        return [(row, best[row["place"] - 1].score * 100) for row in rows]

    async def _ranked(self, connection: "Connection", tenant: str, text: str, kind: Kind, limit: int) -> list[Ranked]:
        """Candidates, best first."""
        lexemes = await self._stems(connection, needed(text).split())
        if not lexemes:
            return []
        await self._count(connection)
        looks = self._looks(lexemes, kind, tenant, limit)
        queries, most = [query for query, _ in looks.queries], [number for _, number in looks.queries]
        values: list[Any] = [kind, tenant, queries, most, looks.enough]
        values += ["/".join(map(quoted, lexemes)), "/".join(map(near, lexemes)), "/".join(lexemes)]
        if looks.walk is None:
            rows = await connection.fetch(sql.CANDIDATES, *values)
        else:
            rows = await connection.fetch(sql.CANDIDATES_AND_WALK, *values, looks.walk, WALKED)
        return ranked(rows, [self._shares.get(lexeme, 0.0) * self._entries for lexeme in lexemes])

    async def _stems(self, connection: "Connection", words: Sequence[str]) -> list[str]:
        """Each once. What is known of a word needs no look into the database."""
        known = {word: self._lexemes.get(word) for word in words}
        if new := [word for word, lexemes in known.items() if lexemes is None]:
            for row in await connection.fetch(sql.LEXEMES, new):
                known[row["word"]] = self._lexemes[row["word"]] = row["lexemes"]
        return list(dict.fromkeys(lexeme for lexemes in known.values() for lexeme in lexemes or ()))

    async def _count(self, connection: "Connection") -> None:
        """How many entries there are and which stems are common, as PostgreSQL's own statistics tell."""
        if self._is_counted():
            return
        # Who comes before the first count waits: a search would take all that hit anything for candidates.
        if self._counting.locked() and self._counted_at > float("-inf"):
            return
        async with self._counting:
            if self._is_counted():
                return
            entries = float(await connection.fetchval(sql.SIZE) or 0)
            row = await connection.fetchrow(sql.FREQUENCIES) if entries > SMALL else None
            self._entries = entries
            # The array of shares ends with the least, the most and that of NULL.
            self._shares = dict(zip(row["lexemes"], row["shares"], strict=False)) if row and row["lexemes"] else {}
            self._counted_at = time.monotonic()

    def _is_counted(self) -> bool:
        return time.monotonic() - self._counted_at < STATISTICS_SECONDS

    def _looks(self, lexemes: Sequence[str], kind: str, tenant: str, limit: int) -> Looks:
        if self._entries <= SMALL:
            anything = " | ".join(near(lexeme) for lexeme in lexemes)
            looks = Looks([(anything, ALL)] if anything else [], ALL)
        else:
            looks = candidates(lexemes, self._shares, self._entries, limit)
        marks = f"{kind}/*", f"{kind}/{tenant}"
        # A mark that most entries have costs a look at all of them; the rows tell the same.
        if sum(self._shares.get(mark, 0.0) for mark in marks) >= MOST_SEEN:
            return looks
        seen = " | ".join(map(quoted, marks))
        return replace(looks, queries=[(f"({query}) & ({seen})", most) for query, most in looks.queries])


def candidates(lexemes: Sequence[str], shares: Mapping[str, float], entries: float, limit: int) -> Looks:
    """Looks for entries that may be the best; `shares` tells which share of all `entries` has a stem that is common."""
    if not lexemes:
        return Looks([], 0)

    def having(lexeme: str) -> float:
        return shares.get(lexeme, 0.0) * entries

    few = max(FEWEST, limit)
    words = sorted(lexemes, key=having)
    telling = [word for word in words if having(word) <= EVERYWHERE][:TOGETHER]
    rare = bool(telling) and having(telling[0]) <= COMMON
    # All that tell, then fewer: in this order, for each look stands for those behind it where it brings enough.
    whole, *parts = dict.fromkeys(_all_of(telling[:number]) for number in (TOGETHER, 2, 1)) if rare else [""]
    looks = [
        (whole, 2 * few),
        (" | ".join(quoted(f"n/{word}") for word in words[:NAMES]), 2 * few),
        *((quoted(mark), few) for mark in (f"d/{word}" for word in words[:2]) if having(mark) <= COMMON),
        *((part, 2 * few) for part in parts),
        # Stems that nobody counted are rare, or nobody's: then what begins like them may be meant.
        (" | ".join(near(word) for word in words[:3] if word not in shares), 2 * few),
    ]
    return Looks([look for look in looks if look[0]], 4 * few, None if rare else _dense(words, shares))


def _dense(words: Sequence[str], shares: Mapping[str, float]) -> str:
    """The rarest word and as many more as a walk meets often enough together."""
    together = [share for share in accumulate((shares[word] for word in words), mul) if share >= DENSE]
    return _all_of(words[: max(1, len(together))])


def _all_of(words: Sequence[str]) -> str:
    return " & ".join(map(quoted, words))


def near(lexeme: str) -> str:
    """The query for what begins like a stem, as `sql.CANDIDATES` takes it."""
    if len(lexeme) < 4:
        return quoted(lexeme)
    left_off = 2 if len(lexeme) >= 8 else 1 if len(lexeme) >= 6 else 0
    return quoted(lexeme[: len(lexeme) - left_off]) + ":*"


def quoted(lexeme: str) -> str:
    """A stem within a `tsquery`."""
    return "'" + lexeme.replace("\\", "\\\\").replace("'", "''") + "'"

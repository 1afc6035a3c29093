"""Search: from a need in a person's or a model's words to the entries that fit it best.

`find` is the whole seam: whatever ranks later, such as embeddings beside full text, ranks behind it.
"""

from typing import Any

import asyncpg

from agentnet.discovery.directory import Kind
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
CANDIDATES = 50
"""Names whose skills and tags are looked at."""


async def find(
    pool: "asyncpg.Pool[asyncpg.Record]", tenant: str, text: str, kind: Kind, limit: int
) -> list[asyncpg.Record]:
    """Rows of `sql.SEARCH` for a need, best first, each with `score` from 0 to 100; ties by name."""
    arguments: list[Any] = [kind, tenant, needed(text), limit]
    tuning = [FIELD_WEIGHTS, NEAR_FORM, UNSEEN_WEIGHT, CANDIDATES, LABEL_BOOST, CUTOFF]
    return await pool.fetch(sql.SEARCH, *arguments, *tuning)

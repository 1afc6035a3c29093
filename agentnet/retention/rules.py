"""Rules: for each tenant and each state in which a task may end, how long it is kept and how many are."""

from dataclasses import dataclass
from typing import Literal, get_args

from agentnet.database import Database
from agentnet.errors import NotFoundError
from agentnet.retention import sql
from agentnet.settings import Settings

MAX_DAYS = 36_500
MAX_COUNT = 1_000_000_000

EndState = Literal["completed", "failed", "canceled", "rejected"]
STATES: dict[EndState, int] = {"completed": 3, "failed": 4, "canceled": 5, "rejected": 7}
"""The states in which tasks end, by A2A's numbers. What has not ended is kept."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A task goes when it is older than `days`, or when `count` newer ones of its agent ended alike; None: no limit."""

    days: int | None = None
    count: int | None = None

    @property
    def keeps_all(self) -> bool:
        """Whether nothing ever goes by it."""
        return self.days is None and self.count is None


@dataclass(frozen=True, slots=True)
class TenantRule:
    """The rule that holds for a tenant."""

    rule: Rule
    is_default: bool
    """The network's, because the tenant has none of its own."""


class Rules:
    """The rules of all tenants."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._pool = database.pool
        self._default = Rule(settings.retention_days, settings.retention_count)

    async def of(self, tenant: str) -> dict[EndState, TenantRule]:
        """What holds for a tenant."""
        own = {row["state"]: Rule(row["days"], row["count"]) for row in await self._pool.fetch(sql.RULES, tenant)}
        return {state: TenantRule(own.get(state, self._default), state not in own) for state in STATES}

    async def set(self, tenant: str, state: str, rule: Rule) -> None:
        """Give a tenant a rule of its own, also to keep everything. Raises `NotFoundError` for no such state."""
        await self._pool.execute(sql.SET_RULE, tenant, end_state(state), rule.days, rule.count)

    async def drop(self, tenant: str, state: str) -> None:
        """Let the network's default hold. Raises `NotFoundError` for no such state."""
        await self._pool.execute(sql.DROP_RULE, tenant, end_state(state))

    async def any(self) -> bool:
        """Whether anything may have to go at all."""
        return not self._default.keeps_all or bool(await self._pool.fetchval(sql.ANY_RULE))


def end_state(name: str) -> EndState:
    """The state of that name. Raises `NotFoundError`."""
    for state in get_args(EndState):
        if state == name:
            found: EndState = state
            return found
    raise NotFoundError(f"No task ends in a state {name[:40]!r}.", hint=f"There are: {', '.join(STATES)}.")

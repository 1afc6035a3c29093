"""A caller, and the delegation that a call belongs to."""

from dataclasses import dataclass, field, replace

USE = "use"
ADMIN = "admin"
SERVICE = "service"


@dataclass(frozen=True, slots=True)
class Budget:
    """What is left for a task and all that it delegates. None means not limited."""

    hops: int
    """Delegations that may still be stacked."""
    tokens: int | None = None
    """Model tokens."""
    deadline: float | None = None
    """Unix time in seconds after which nothing new is begun."""

    def fields(self) -> dict[str, int | float | None]:
        """Its fields by name, as JSON tells them."""
        return {"hops": self.hops, "tokens": self.tokens, "deadline": self.deadline}

    def after_hop(self) -> "Budget":
        """The budget that a delegated task gets."""
        return replace(self, hops=self.hops - 1)


@dataclass(frozen=True, slots=True)
class Delegation:
    """The task on whose behalf a call is made."""

    parent_id: str
    root_id: str
    budget: Budget


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is calling. The tenant comes from the credential and from nowhere else."""

    tenant: str
    subject: str
    """Who asked at the root: `key:<id>`, or `service:<name>` for a service's own business."""
    scopes: frozenset[str] = frozenset({USE})
    chain: tuple[str, ...] = field(default=())
    """Agents that passed the work on, outermost first: `agent:<name>`."""
    delegation: Delegation | None = None

    @property
    def caller(self) -> str:
        """Who makes this very call: the last of the chain, or the subject."""
        return self.chain[-1] if self.chain else self.subject

"""The ledger: which calls were made, what came back, and which are to be made now.

The model keeps no state. Each turn runs the same rules from the start; a call whose result is in the input returns it,
any other is noted as pending. So no call is ever made twice, and a run resumes anywhere.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from offline_model.request.conversation import Result
from offline_model.request.tools import ToolSpec, canonical

MAX_CALLS = 60


@dataclass(frozen=True)
class Call:
    """A call to make."""

    name: str
    arguments: Mapping[str, Any]
    handoff: bool = False


@dataclass(frozen=True)
class Decision:
    """What a turn does: calls to make in parallel, or the answer."""

    calls: tuple[Call, ...] = ()
    text: str = ""


@dataclass
class Ledger:
    """Built anew each turn from the results in the input."""

    results: Iterable[Result] = ()
    pending: list[Call] = field(default_factory=list[Call])

    def __post_init__(self) -> None:
        self._outputs = {(result.name, canonical(result.arguments)): result.output for result in self.results}

    @property
    def exhausted(self) -> bool:
        """Whether this run has made so many calls that it must answer with what it has."""
        return len(self._outputs) >= MAX_CALLS

    def call(self, tool: ToolSpec, arguments: Mapping[str, Any]) -> str | None:
        """The output of this call, or None when it is yet to come."""
        key = (tool.name, canonical(arguments))
        if key in self._outputs:
            return self._outputs[key]
        if self.exhausted:
            return "Error: the offline model has reached its limit of calls."
        call = Call(tool.name, dict(arguments), tool.handoff)
        if call not in self.pending:
            self.pending.append(call)
        return None

    def outputs(self) -> list[str]:
        """Everything that came back so far."""
        return list(self._outputs.values())

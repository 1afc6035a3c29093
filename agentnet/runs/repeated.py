"""Runs that go round in circles: a model that makes the same call again and again, and gets the same result each time.

At the third such call its model is told, at the fifth the run ends. A call is the same whatever the order of its
arguments. Only what the journal holds is counted, so a replay comes to the same count. A run that changes something
between the calls, such as one that edits a file and runs the tests anew, is not ended for asking again.
"""

import json
from typing import Any

from agentnet.arguments.texts import shortened
from agentnet.runs.ending import Ended, Ending, end

TOLD_AT = 3
ENDS_AT = 5
REFUSED = ("Error", "The call of ")
"""How results begin of calls that were not made, or did nothing."""
MAX_RESULT = 300
"""Characters of the result that the reason of the end repeats."""
_STRUCTURED = frozenset({"text", "image", "file"})
"""Kinds of results that the SDK takes apart."""

_Call = tuple[str, str, str]


class Repeated:
    """The calls of one run, each with its result and how often it came."""

    def __init__(self) -> None:
        self._all: dict[_Call, int] = {}
        self._in_a_row: dict[_Call, int] = {}
        """Since something else was changed."""

    def count(self, name: str, arguments: str, result: Any, acts: bool) -> tuple[int, int]:
        """How often this call came with this result, in all and since another changed something."""
        text = _same(result)
        call = name, _ordered(arguments), text
        total = self._all[call] = self._all.get(call, 0) + 1
        if total == 1 and acts and not text.startswith(REFUSED):
            self._in_a_row.clear()
        row = self._in_a_row[call] = self._in_a_row.get(call, 0) + 1
        return total, row

    async def told(self, run: Ended, name: str, arguments: str, result: Any, acts: bool = False) -> Any:
        """`result`, as the model of `run` is told it. Ends the run of one that does not listen."""
        total, row = self.count(name, arguments, result, acts)
        if row >= ENDS_AT:
            run.working += 1  # as one that is still at its call: what it ends waits for its siblings alone
            try:
                await end(run, Ending(stopped(run.agent, name, result)))
            finally:
                run.working -= 1
        return result if total < TOLD_AT else _with_a_word(name, result, total)


def stopped(agent: str, name: str, result: Any) -> str:
    """Why a run was ended."""
    said = shortened(result if isinstance(result, str) else json.dumps(result, default=str), MAX_RESULT)
    return (
        f"Stopped: {agent} called {name} {ENDS_AT} times with the same arguments, and got the same result each time. "
        f"The task is not done. The result was: {said}"
    )


def _with_a_word(name: str, result: Any, times: int) -> Any:
    if isinstance(result, list) or (isinstance(result, dict) and result.get("type") in _STRUCTURED):
        return result
    return (
        f"{result}\n\n[You have called {name} with these arguments {times} times, with the same result each time. "
        f"Another call will not change it, and the run ends at the {ENDS_AT}th: use what you have, try something else, "
        "or say that it cannot be done.]"
    )


def _ordered(arguments: str) -> str:
    try:
        values = json.loads(arguments)
        values = json.loads(values) if isinstance(values, str) else values
    except (ValueError, RecursionError):
        return arguments.strip()
    return json.dumps(values, sort_keys=True)


def _same(result: Any) -> str:
    """A result without what differs each time: every delegation is another task."""
    text = result if isinstance(result, str) else json.dumps(result, default=str, sort_keys=True)
    if text.startswith('{"agent":') and '"task_id"' in text:
        try:
            found = json.loads(text)
        except ValueError:
            return text
        return json.dumps({key: value for key, value in found.items() if key not in ("task_id", "files")})
    return text

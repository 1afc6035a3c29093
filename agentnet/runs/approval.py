"""Calls that need a person first: approval before a call, and the question whether an unfinished call took effect."""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from a2a.types.a2a_pb2 import Message

from agentnet.runs.question import Question, answer_to, data_of, text_of
from agentnet.runs.scope import RunScope
from agentnet.runs.traits import Traits

YES = frozenset({"y", "yes", "ok", "okay", "approve", "approved", "ja", "sure", "go ahead", "do it", "true"})
INTENT = "?"
"""Suffix of the journal key that says: this call was begun."""


@dataclass(frozen=True, slots=True)
class Approvals:
    """Names of tools: those to be approved, and those that must not be repeated blindly."""

    needed: frozenset[str] = field(default_factory=frozenset[str])
    not_repeatable: frozenset[str] = field(default_factory=frozenset[str])
    destructive: bool = False
    """Whether tools that may destroy something need approval, whatever their names."""

    async def clear(
        self, name: str, traits: Traits, scope: RunScope, key: str, arguments: str
    ) -> tuple[str, str | None]:
        """Get what the call needs; answers its arguments, perhaps edited, or what the model is told instead."""
        if name in self.needed or (self.destructive and traits.destructive):
            arguments, refusal = await self._approve(name, scope, key, arguments)
            if refusal is not None:
                return arguments, refusal
        if name in self.not_repeatable or not traits.repeatable:
            return arguments, await self._begin_once(name, scope, key, arguments)
        return arguments, None

    async def _approve(self, name: str, scope: RunScope, key: str, arguments: str) -> tuple[str, str | None]:
        answer = await wait_for_answer(
            scope,
            Question(
                f"{key}!approve",
                f"May {scope.agent} call {name} with {arguments}? Answer yes or no.",
                {"kind": "approval", "tool": name, "arguments": _object(arguments), "path": list(scope.path)},
            ),
        )
        data = data_of(answer)
        approved = bool(data["approve"]) if "approve" in data else _is_yes(text_of(answer))
        if not approved:
            reason = str(data.get("reason") or text_of(answer))
            return arguments, f"The call of {name} was not approved: {reason}"
        edited = data.get("arguments")
        return (json.dumps(edited) if isinstance(edited, dict) else arguments), None

    async def _begin_once(self, name: str, scope: RunScope, key: str, arguments: str) -> str | None:
        if key + INTENT not in scope.run.leased.journal:  # stored before the call, as what it did is stored behind it
            await scope.journal(key + INTENT, b"begun")
            return None
        answer = await wait_for_answer(
            scope,
            Question(
                f"{key}!happened",
                f"{scope.agent} was interrupted while it called {name} with {arguments}. Did this happen? "
                "Answer yes with its result, or no to let it be called again.",
                {"kind": "in-doubt", "tool": name, "arguments": _object(arguments), "path": list(scope.path)},
            ),
        )
        data = data_of(answer)
        happened = bool(data["happened"]) if "happened" in data else _is_yes(text_of(answer))
        return f"It was done before the interruption. {data.get('result') or text_of(answer)}" if happened else None


async def wait_for_answer(scope: RunScope, question: Question) -> Message:
    """The answer to `question`: at once if it was given before, else the run is stopped and this never returns."""
    answer = answer_to(scope.run, question.key)
    if answer is not None:
        return answer
    scope.working -= 1
    try:
        scope.ask(question)
        never: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        return await never  # the run is replayed with the answer
    finally:
        scope.working += 1


def _is_yes(text: str) -> bool:
    words = text.strip().lower().rstrip(".!")
    return words in YES or words.split(",")[0].split(" ")[0] in YES


def _object(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments

"""Calls that need a person first: approval before a call, and the question whether an unfinished call took effect."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import Any

from a2a.types.a2a_pb2 import Message

from agentnet.runs.question import Question, answer_to, data_of, text_of
from agentnet.runs.scope import RunScope
from agentnet.runs.traits import Traits

YES = frozenset({"y", "yes", "ok", "okay", "approve", "approved", "ja", "sure", "go ahead", "do it", "true"})
NO = frozenset(
    {"n", "no", "nope", "nein", "not", "never", "don't", "dont", "do not", "reject", "rejected", "deny", "denied"}
    | {"decline", "declined", "refuse", "refused", "stop", "cancel", "false"}
)
ASKED_TIMES = 4
"""After so many answers that are neither yes nor no the last one is taken for no: it may be a program's."""
MAX_SHOWN = 200
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
        approved, answer = await decision(
            scope,
            "approve",
            Question(
                f"{key}!approve",
                f"May {scope.agent} call {name} with {_shown(arguments)}? Answer yes or no.",
                {"kind": "approval", "tool": name, "arguments": _object(arguments), "path": list(scope.path)},
            ),
        )
        data = data_of(answer)
        if not approved:
            reason = str(data.get("reason") or text_of(answer))
            return arguments, f"The call of {name} was not approved: {reason}"
        edited = data.get("arguments")
        return (json.dumps(edited) if isinstance(edited, dict) else arguments), None

    async def _begin_once(self, name: str, scope: RunScope, key: str, arguments: str) -> str | None:
        if key + INTENT not in scope.run.leased.journal:  # stored before the call, as what it did is stored behind it
            await scope.journal(key + INTENT, b"begun")
            return None
        happened, answer = await decision(
            scope,
            "happened",
            Question(
                f"{key}!happened",
                f"{scope.agent} was interrupted while it called {name} with {_shown(arguments)}. Did this happen? "
                "Answer yes with its result, or no to let it be called again.",
                {"kind": "in-doubt", "tool": name, "arguments": _object(arguments), "path": list(scope.path)},
            ),
        )
        data = data_of(answer)
        return f"It was done before the interruption. {data.get('result') or text_of(answer)}" if happened else None


async def decision(scope: RunScope, field: str, question: Question) -> tuple[bool, Message]:
    """The answer to a question of yes or no, in the data under `field` or in words, and which of both it is.

    Asked again where it is neither: a guess would make a call that nobody wanted, or leave out one that somebody did.
    """
    asked = question
    for number in range(2, ASKED_TIMES + 1):
        answer = await wait_for_answer(scope, asked)
        if (said := verdict(answer, field)) is not None:
            return said, answer
        shown = " ".join(text_of(answer).split())[:MAX_SHOWN]
        text = f"That is neither yes nor no: {shown!r}. {question.text}"
        asked = replace(question, key=f"{question.key}{number}", text=text)
    answer = await wait_for_answer(scope, asked)
    return verdict(answer, field) or False, answer


def verdict(answer: Message, field: str) -> bool | None:
    """Yes, no, or None for neither."""
    data = data_of(answer)
    said = data[field] if field in data else text_of(answer)
    if isinstance(said, bool):
        return said
    words = str(said).strip().lower().replace("\u2019", "'").rstrip(".!")
    first = words.replace(",", " ").replace(".", " ").replace(":", " ").replace(";", " ").partition(" ")[0].rstrip("!")
    for known, meant in ((YES, True), (NO, False)):
        if words in known or first in known:
            return meant
    return None


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


def _object(arguments: str) -> Any:
    try:
        return json.loads(arguments)
    except ValueError:
        return arguments


def _shown(arguments: str) -> str:
    """Arguments as whoever decides reads them: letters and not their escapes, but nothing that cannot be seen."""
    try:
        text = json.dumps(json.loads(arguments), ensure_ascii=False)
    except ValueError:
        text = arguments
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text)

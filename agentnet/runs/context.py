"""What a model is sent in a turn: as much as its context takes, and of the tools as many as it can read.

Decided by the conversation, by what the model counted in the turns before, and by what is known of its context; what
was learnt of that in a turn is in the journal, so that a replay comes to the same prompts. Where nothing is known,
nothing is counted: the first refusal tells.
"""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from agents import Model
from openai.types.responses import ResponseCompletedEvent

from agentnet.mcp.finding import FINDER_NAMES
from agentnet.models.counting import ratio_of
from agentnet.models.endpoints.endpoint import OPENAI_URL, Endpoint
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.notice import Notice
from agentnet.prompts.shortening import Shortened
from agentnet.prompts.sizes import sizes_told
from agentnet.prompts.tokens import of_text, of_tools
from agentnet.runs.scope import RunScope

ANSWER_TOKENS = 1024
"""Kept free for the answer where its longest length is not set."""
ANSWER_SHARE = 0.25
"""Of the context, kept free for the answer at most."""
LEAST_ANSWER = 64
ARGUMENTS = 5
"""Of a turn, that a prompt is made of."""
OLD_TARGET, NEW_TARGET = 0.65, 0.95
"""Of the room for items. Old items are cut to the first, so that the next turns need no cut and find a cache."""
GUESS = 0.7
"""Of what was refused: what is tried where a refusal does not say how much there is room for."""
TOOLS_SHARE = 0.5
"""Of the context: tools that take more are found by `find_tools`."""
AGAIN = 2
"""So many times a turn that was refused is asked again, shorter."""
NEAR_SHARE = 0.5
"""Of the context: the model's own counter is asked about a first prompt that is longer, by our count."""
SAMPLE_CHARACTERS = 16_000
"""Of a prompt, that it is asked to count."""
RATIOS = (0.5, 4.0)
"""Tokens of the model for one of our count, at least and at most."""
HARMLESS = frozenset({"ask_user", "give_up"})
"""Tools that an answer in a form does without, at servers where a form shuts all tools off."""


def endpoint_of(model: Model) -> Endpoint | None:
    """Where a model is asked; None for one that is installed."""
    found = getattr(model, "endpoint", None)
    return found if isinstance(found, Endpoint) else None


def _learnt_of(model: Model) -> int | None:
    """The context that refusals told of, or that prompts were cut to: runs of a process share their models."""
    refused: int | None = getattr(model, "_agentnet_context", None)
    cut = _cut_of(model)
    return cut if refused is None else refused if cut is None else min(refused, cut)


def _cut_of(model: Model) -> int | None:
    """What its server reads of a prompt at most, where it cuts longer ones without a word."""
    found: int | None = getattr(model, "reads_at_most", None)
    return found


def _learn(model: Model, context: int) -> None:
    model._agentnet_context = context  # type: ignore[attr-defined]


@dataclass(slots=True)
class _Prompt:
    """The arguments of a turn, in the order of the SDK's interface of models."""

    instructions: str | None
    items: Any
    settings: Any
    tools: list[Any]
    form: Any
    rest: tuple[Any, ...]

    @property
    def args(self) -> tuple[Any, ...]:
        """As they are passed on."""
        return (self.instructions, self.items, self.settings, self.tools, self.form, *self.rest)


class Contexts:
    """The conversations of one run: its own, and those of agents that are its tools."""

    def __init__(self, scope: RunScope) -> None:
        self._scope = scope
        self._known: dict[str, Conversation] = {}

    def at(self, path: str) -> "Conversation":
        """The conversation at `path` in the run."""
        if path not in self._known:
            self._known[path] = Conversation(self._scope)
        return self._known[path]


@dataclass(slots=True)
class Conversation:
    """One conversation with a model, turn by turn, replayed ones included."""

    scope: RunScope
    learnt: int | None = None
    """What refusals told of the context, as far as this task knows."""
    ratio: float = 1.0
    """Tokens that the model counts for one of ours."""
    is_counted: bool = False
    """Whether the model, or its own counter, has told the ratio."""
    is_guessed: bool = False
    """Whether a refusal told no size, and what it refused was taken for one."""
    asked: float = 0.0
    """Of the last prompt, by our count; 0 where nothing was counted."""
    left_out: int = 0
    """Characters that were left out anew for this turn."""
    shortened: Shortened = field(default_factory=Shortened)

    async def stream(
        self,
        model: Model,
        key: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        say: Callable[[Notice], None] | None = None,
    ) -> AsyncIterator[Any]:
        """A turn of `model`, asked again with less where its context is too small; `say` hears of its silence.

        Raises `ModelError`.
        """
        if say is not None and getattr(model, "tells_of_silence", False):
            kwargs = {**kwargs, "say": say}
        if not self.is_counted:
            await self._measure(model, key, args)
        sent, refusals = self.prepared(model, key, args)
        while True:
            if self.left_out:
                endpoint = endpoint_of(model)
                yield Notice(
                    f"left out {self.left_out:,} characters of earlier messages and results",
                    endpoint.label if endpoint else "",
                )
                self.left_out = 0
            events: Any = model.stream_response(*sent, **kwargs)
            try:
                async for event in events:
                    if isinstance(event, ResponseCompletedEvent):
                        self.told(model, key, event.response.usage)
                    yield event
                return
            except ModelError as error:
                refusals += 1
                if error.kind is not Kind.OVERFLOW or refusals > AGAIN or not _counts(args):
                    raise
                sent = self._smaller(model, f"{key}/refused{refusals}", args, sent, error)
            finally:
                if hasattr(events, "aclose"):  # a model need not stream by a generator
                    await events.aclose()

    def replayed(self, model: Model, key: str, args: tuple[Any, ...], usage: Any) -> None:
        """Take note of a turn that the journal answers."""
        self.prepared(model, key, args, live=False)
        self.told(model, key, usage, live=False)

    def told(self, model: Model, key: str, usage: Any, *, live: bool = True) -> None:
        """What the model counted in the turn that ends."""
        if self._was_cut(model, key, live=live):  # the count of a part tells nothing of the whole
            return
        before = self.ratio
        self._count(getattr(usage, "input_tokens", 0) or 0)
        if self.is_guessed and self.learnt and self.ratio != before:  # the guess was made by our count
            self.learnt, self.is_guessed = int(self.learnt * self.ratio / before) + 1, False
            if live:
                _learn(model, self.learnt)

    def prepared(
        self, model: Model, key: str, args: tuple[Any, ...], *, live: bool = True
    ) -> tuple[tuple[Any, ...], int]:
        """The arguments of a turn as they are sent, and how many refusals of it are in the journal."""
        if len(args) < ARGUMENTS:
            return args, 0
        self.left_out = 0
        journal = self.scope.run.leased.journal
        if (ratio := journal.get(f"{key}/ratio")) is not None:
            self.ratio, self.is_counted = float(ratio), True
        known = f"{key}/context"
        if known in journal:
            self.learnt = int(journal[known])
        elif live and (learnt := _learnt_of(model)) is not None and learnt != self.learnt:
            self.learnt = learnt
            self.scope.note(known, b"%d" % learnt)  # a replay, wherever it is made, must cut at the same turn
        sent = self._fitted(model, args)
        refusals = 0
        while (noted := journal.get(f"{key}/refused{refusals + 1}")) is not None:
            refusals += 1
            self.learnt, self.ratio, self.is_guessed = json.loads(noted)
            sent = self._fitted(model, args)
        return sent, refusals

    async def _measure(self, model: Model, key: str, args: tuple[Any, ...]) -> None:
        """Ask the model's own counter about a first prompt that is near the limit; a replay finds what it told."""
        endpoint, noted = endpoint_of(model), f"{key}/ratio"
        known = [self._room(endpoint), _learnt_of(model)]
        room = min((each for each in known if each), default=None)
        if endpoint is None or room is None or not _counts(args) or noted in self.scope.run.leased.journal:
            return
        self.shortened.take(args[1])
        tokens = of_text(args[0] or "") + of_tools(self._listed(args[3], room)) + self.shortened.tokens
        if tokens < room * NEAR_SHARE:
            return
        sample = _sample(args[0], args[1])
        ratio = await ratio_of(endpoint, sample, of_text(sample))
        if ratio is not None:
            self.scope.note(noted, b"%.4f" % _bounded(ratio))

    def _was_cut(self, model: Model, key: str, *, live: bool) -> bool:
        """Whether the model's server has read a part of the prompt only, as far as its length was known."""
        noted, cut = f"{key}/cut", _cut_of(model) if live else None
        if cut is not None and self.asked * self.ratio > cut:
            self.scope.note(noted, b"")  # a replay, wherever it is made, must not count by it either
        return noted in self.scope.run.leased.journal

    def _count(self, counted: int) -> None:
        if self.asked and counted:
            self.ratio, self.is_counted = _bounded(counted / self.asked), True

    def _fitted(self, model: Model, args: tuple[Any, ...]) -> tuple[Any, ...]:
        prompt, endpoint = _Prompt(args[0], args[1], args[2], args[3], args[4], args[5:]), endpoint_of(model)
        room = self._room(endpoint)
        prompt.tools = self._listed(prompt.tools, room)
        if prompt.form is not None and not _may_ask_for_form(endpoint, prompt):
            prompt.form = None
        if room is not None and _counts(args):
            self._fit(prompt, room)
        return prompt.args

    def _room(self, endpoint: Endpoint | None) -> int | None:
        """Tokens of the context, prompt and answer together; None where nothing is known of it."""
        declared = endpoint.context_tokens if endpoint else None
        return min((room for room in (declared, self.learnt) if room), default=None)

    def _listed(self, tools: list[Any], room: int | None) -> list[Any]:
        """The tools that the model is told of: where they are too many, those of servers are found by `find_tools`,
        and where the rest is still too many those of the folder, too."""
        served, own = self.scope.served, self.scope.own
        if served is None and not own:
            return tools
        plain = [tool for tool in tools if tool.name not in FINDER_NAMES]
        if self._can_be_read(plain, room):
            return plain
        listed = [tool for tool in tools if tool.name not in served] if served else tools
        if not own or self._can_be_read(listed, room):
            return listed
        return [tool for tool in listed if tool.name not in own]

    def _can_be_read(self, tools: list[Any], room: int | None) -> bool:
        return len(tools) <= self.scope.max_tools and (room is None or of_tools(tools) <= room * TOOLS_SHARE)

    def _fit(self, prompt: _Prompt, room: int) -> None:
        longest = prompt.settings.max_tokens
        free = room - min(longest or ANSWER_TOKENS, int(room * ANSWER_SHARE))
        fixed = of_text(prompt.instructions or "") + of_tools(prompt.tools)
        self.shortened.take(prompt.items)
        if (fixed + self.shortened.tokens) * self.ratio > free:
            rest = free / self.ratio - fixed
            self.left_out += self.shortened.shorten(prompt.items, rest * OLD_TARGET, rest * NEW_TARGET)
        prompt.items = self.shortened.items(prompt.items)
        self.asked = fixed + self.shortened.tokens
        answer = max(int(room - self.asked * self.ratio), LEAST_ANSWER)
        if longest and longest > answer:
            prompt.settings = replace(prompt.settings, max_tokens=answer)

    def _smaller(
        self, model: Model, key: str, args: tuple[Any, ...], sent: tuple[Any, ...], error: ModelError
    ) -> tuple[Any, ...]:
        """The arguments of a turn that was refused, with less. Raises `ModelError` where nothing can be left out."""
        if not self.asked:  # nothing was counted as long as nothing was known
            self.shortened.take(args[1])
            self.asked = of_text(sent[0] or "") + of_tools(sent[3]) + self.shortened.tokens
        limit, counted = sizes_told(str(error))
        self._count(counted or 0)
        known = self._room(endpoint_of(model))
        self.is_guessed = not (limit or known)
        self.learnt = limit or known or int(self.asked * self.ratio * GUESS) + 1
        if known is not None and known < self.learnt:
            self.learnt = known
        noted = json.dumps([self.learnt, self.ratio, self.is_guessed]).encode()
        now = self._fitted(model, args)
        if now == sent:  # by our count it fits: we count too little
            self.ratio = min(max(self.ratio / GUESS, self.learnt / self.asked), RATIOS[1])
            noted = json.dumps([self.learnt, self.ratio, self.is_guessed]).encode()
            now = self._fitted(model, args)
        if now == sent:
            raise ModelError(
                Kind.OVERFLOW,
                "Instructions, tools and the request alone are longer than the model's context, and nothing else is "
                f"left to leave out. {error}",
                hint="Give the model a longer context, or the agent shorter instructions and fewer tools.",
            ) from error
        _learn(model, self.learnt)
        self.scope.note(key, noted)
        return now


def _bounded(ratio: float) -> float:
    return min(max(ratio, RATIOS[0]), RATIOS[1])


def _sample(instructions: str | None, items: list[Any]) -> str:
    """Some of the texts of a prompt, the newest first: they are most of it."""
    texts = [item.get("content") or item.get("output") for item in reversed(items) if isinstance(item, dict)]
    said = [text[:SAMPLE_CHARACTERS] for text in (*texts, instructions) if isinstance(text, str)]
    return "\n".join(said)[:SAMPLE_CHARACTERS]


def _counts(args: tuple[Any, ...]) -> bool:
    """Whether it is a conversation, whose items can be counted."""
    return len(args) >= ARGUMENTS and isinstance(args[1], list)


def _may_ask_for_form(endpoint: Endpoint | None, prompt: _Prompt) -> bool:
    """Whether the server may be asked for the form of the answer without shutting the tools off.

    Grammars of vLLM, Ollama and llama.cpp leave no way to call a tool: there the instructions alone tell of the form,
    and the server is asked for it when an answer has to be mended.
    """
    if endpoint is None or endpoint.base_url.rstrip("/") == OPENAI_URL or prompt.settings.tool_choice == "none":
        return True
    return all(tool.name in HARMLESS for tool in prompt.tools)

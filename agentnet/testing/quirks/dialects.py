"""Quirks of templates: a call that comes as text, and thoughts that come amid the words, each in the ways of models."""

import json
from collections.abc import Callable, Iterator
from typing import Any

from agentnet.testing.quirks.edits import deltas, words
from agentnet.testing.quirks.quirk import CHAT, Need, Quirk
from agentnet.testing.wire import Event, WireTurn

THOUGHT = "The user wants a product. I should use the tool and then say what it is."

NO_TOOL = "calculate_product"

Given = dict[str, Any]
Dialect = Callable[[str, Given], str]


def _object(name: str, given: Given, key: str = "arguments") -> str:
    return json.dumps({"name": name, key: given})


def _python(name: str, given: Given) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in given.items())})"


def _tagged(name: str, given: Given) -> str:
    inner = "".join(f"<parameter={key}>\n{value}\n</parameter>\n" for key, value in given.items())
    return f"<tool_call>\n<function={name}>\n{inner}</function>\n</tool_call>"


def _of_glm(name: str, given: Given) -> str:
    inner = "".join(f"<arg_key>{key}</arg_key>\n<arg_value>{value}</arg_value>\n" for key, value in given.items())
    return f"<tool_call>{name}\n{inner}</tool_call>"


def _invoked(name: str, given: Given) -> str:
    inner = "".join(f'<parameter name="{key}">{value}</parameter>\n' for key, value in given.items())
    return f'<invoke name="{name}">\n{inner}</invoke>'


def _of_deepseek(name: str, given: Given) -> str:
    call = f"<｜tool▁call▁begin｜>{name}<｜tool▁sep｜>{json.dumps(given)}<｜tool▁call▁end｜>"
    return f"<｜tool▁calls▁begin｜>{call}<｜tool▁calls▁end｜>"


def _of_kimi(name: str, given: Given) -> str:
    call = f"<|tool_call_begin|>functions.{name}:0<|tool_call_argument_begin|>{json.dumps(given)}<|tool_call_end|>"
    return f"<|tool_calls_section_begin|>{call}<|tool_calls_section_end|>"


def _of_harmony(name: str, given: Given) -> str:
    return f"<|channel|>commentary to=functions.{name} <|constrain|>json<|message|>{json.dumps(given)}<|call|>"


DIALECTS: dict[str, tuple[str, Dialect]] = {
    "hermes": ("Qwen's and Hermes's", lambda name, given: f"<tool_call>\n{_object(name, given)}\n</tool_call>"),
    "hermes-unclosed": ("the same without its end", lambda name, given: f"<tool_call>\n{_object(name, given)}"),
    "qwen-coder": ("Qwen 3 Coder's", _tagged),
    "mistral": ("Mistral's", lambda name, given: f"[TOOL_CALLS][{_object(name, given)}]"),
    "mistral-new": ("Mistral's of 2025", lambda name, given: f"[TOOL_CALLS]{name}[ARGS]{json.dumps(given)}"),
    "llama": ("Llama 3.1's", lambda name, given: f"<|python_tag|>{_object(name, given, 'parameters')}"),
    "llama-function": ("Llama 3's", lambda name, given: f"<function={name}>{json.dumps(given)}</function>"),
    "llama-python": ("Llama 3.2's and 4's", lambda name, given: f"[{_python(name, given)}]"),
    "json": ("a bare JSON object", _object),
    "json-parameters": ("one with `parameters`", lambda name, given: _object(name, given, "parameters")),
    "json-in-a-list": ("a list of one", lambda name, given: f"[{_object(name, given)}]"),
    "json-fenced": ("an object in a block of code", lambda name, given: f"```json\n{_object(name, given)}\n```"),
    "json-of-openai": (
        "OpenAI's own form, as text",
        lambda name, given: json.dumps(
            {"tool_calls": [{"type": "function", "function": {"name": name, "arguments": json.dumps(given)}}]}
        ),
    ),
    "function-call": ("another tag", lambda name, given: f"<function_call>{_object(name, given)}</function_call>"),
    "granite": ("Granite's", lambda name, given: f"<|tool_call|>[{_object(name, given)}]"),
    "phi": ("Phi's", lambda name, given: f"functools[{_object(name, given)}]"),
    "deepseek": ("DeepSeek's", _of_deepseek),
    "kimi": ("Kimi's", _of_kimi),
    "glm": ("GLM's", _of_glm),
    "gemma": ("Gemma's", lambda name, given: f"```tool_code\n{_python(name, given)}\n```"),
    "harmony": ("GPT-OSS's", _of_harmony),
    "minimax": ("MiniMax's", lambda n, g: f"<minimax:tool_call>\n{_invoked(n, g)}\n</minimax:tool_call>"),
    "anthropic": ("Claude's", lambda n, g: f"<function_calls>\n{_invoked(n, g)}\n</function_calls>"),
    "react": ("ReAct's", lambda n, g: f"Thought: I need it.\nAction: {n}\nAction Input: {json.dumps(g)}"),
}
"""How calls look as text: whose way it is, and how one is written."""

RUN = ("hermes", "qwen-coder", "mistral", "llama", "json", "json-fenced", "harmony")
"""Those that are played on every turn: a client must understand them. Of the others a hint may do."""

THINKING: dict[str, tuple[str, str]] = {
    "tag": ("<think>\n", "\n</think>\n\n"),
    "tag-open-missing": ("", "\n</think>\n\n"),
    "thinking-tag": ("<thinking>", "</thinking>\n"),
    "thought-tag": ("<thought>\n", "</thought>\n"),
    "reasoning-tag": ("<reasoning>\n", "\n</reasoning>\n"),
    "mistral": ("[THINK]", "[/THINK]"),
    "kimi": ("◁think▷", "◁/think▷"),
    "seed": ("<seed:think>", "</seed:think>"),
    "harmony": ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    "cohere": ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
    "after-space": ("\n\n <think>", "</think>"),
}
"""What is before and after a thought."""


def as_text(dialect: Dialect, before: str = "") -> Callable[[WireTurn], None]:
    """All calls of a turn become its words."""

    def edit(turn: WireTurn) -> None:
        said = [dialect(call.name, json.loads(call.arguments)) for call in turn.calls]
        turn.text, turn.calls, turn.finish = before + "\n".join(said), [], "stop"

    return edit


def of_no_tool(dialect: Dialect) -> Callable[[WireTurn], None]:
    """All calls of a turn become its words, each of a tool that is not there."""

    def edit(turn: WireTurn) -> None:
        for call in turn.calls:
            call.name = NO_TOOL
        as_text(dialect)(turn)

    return edit


def _in_thought(turn: WireTurn) -> None:
    as_text(DIALECTS["hermes"][1])(turn)
    turn.reasoning, turn.text = f"{THOUGHT}\n{turn.text}", ""


def _thinks(turn: WireTurn) -> None:
    turn.reasoning = THOUGHT


def _thinks_only(turn: WireTurn) -> None:
    turn.reasoning, turn.text = f"{THOUGHT} {turn.text}", ""


def _before_words(before: str, after: str) -> Callable[[WireTurn], None]:
    return words(lambda text: f"{before}{THOUGHT}{after}{text}")


def _in_field(name: str, form: Callable[[str], Any] = lambda text: text) -> Callable[[list[Event]], Any]:
    def edit(delta: Event) -> Event:
        if "reasoning_content" not in delta:
            return delta
        rest = {key: value for key, value in delta.items() if key != "reasoning_content"}
        return {**rest, name: form(delta["reasoning_content"])}

    return deltas(edit)


def _by_characters(chunks: list[Event]) -> Iterator[Event]:
    """Words come in single characters, so that marks come in pieces."""
    for chunk in chunks:
        choice = chunk["choices"][0] if chunk["choices"] else {"delta": {}}
        for character in choice["delta"].get("content") or ():
            yield {**chunk, "choices": [{**choice, "delta": {"content": character}}]}
        if not choice["delta"].get("content"):
            yield chunk


CALLS_AS_TEXT = tuple(
    Quirk(
        f"text-call-{name}",
        f"A call comes as text: {whose}.{'' if name in RUN else ' Once.'}",
        on="calls",
        times=None if name in RUN else 1,
        turn=as_text(dialect),
    )
    for name, (whose, dialect) in DIALECTS.items()
)

MORE_CALLS = (
    Quirk("text-calls-two", "Two calls come as text.", Need.CALLS, on="calls", turn=as_text(DIALECTS["hermes"][1])),
    Quirk(
        "text-call-after-words",
        "A call comes as text after words.",
        on="calls",
        turn=as_text(DIALECTS["hermes"][1], "Let me use the tool.\n\n"),
    ),
    Quirk(
        "text-call-after-thought",
        "A call comes as text after a thought.",
        on="calls",
        turn=as_text(DIALECTS["hermes"][1], f"<think>\n{THOUGHT}\n</think>\n\n"),
    ),
    Quirk(
        "text-call-in-characters",
        "It comes in single characters.",
        on="calls",
        turn=as_text(DIALECTS["hermes"][1]),
        chat=_by_characters,
        apis=CHAT,
    ),
    Quirk("text-call-in-thought", "A call comes in a thought, once.", on="calls", times=1, turn=_in_thought),
    *(
        Quirk(
            f"text-call-unknown-{name}",
            f"A call comes as text, of a tool that is not there, in {DIALECTS[name][0]}. Once.",
            on="calls",
            times=1,
            turn=of_no_tool(DIALECTS[name][1]),
        )
        for name in ("hermes", "mistral-new", "json-parameters", "json-of-openai", "json-fenced", "glm", "react")
    ),
    Quirk(
        "text-call-unknown-always",
        "It comes again and again.",
        on="calls",
        turn=of_no_tool(DIALECTS["hermes"][1]),
    ),
    Quirk(
        "text-like-a-call",
        "The answer is JSON that is no call.",
        Need.WORDS,
        turn=words(lambda _: '{"name": "Ada", "arguments": ["analytical", "engine"]}'),
    ),
    Quirk(
        "text-about-calls",
        "The answer speaks of how calls look.",
        Need.WORDS,
        turn=words(lambda _: "Models write <tool_call> before a call and </tool_call> after it. It is 42."),
    ),
)

THOUGHTS = tuple(
    Quirk(f"thought-{name}", "A thought comes before the words.", turn=_before_words(before, after), on="words")
    for name, (before, after) in THINKING.items()
)

MORE_THOUGHTS = (
    Quirk("thought-before-calls", "A thought is beside a call.", turn=_before_words(*THINKING["tag"]), on="calls"),
    Quirk(
        "thought-empty",
        "A thought holds nothing.",
        on="words",
        turn=words(lambda text: f"<think>\n\n</think>\n\n{text}"),
    ),
    Quirk(
        "thought-in-characters",
        "A thought comes in single characters.",
        on="words",
        turn=_before_words(*THINKING["tag"]),
        chat=_by_characters,
        apis=CHAT,
    ),
    Quirk(
        "thought-twice",
        "Two thoughts come before the words.",
        on="words",
        turn=words(lambda text: f"<think>One.</think>\n<think>Two.</think>\n{text}"),
    ),
    Quirk("thought-unclosed", "A thought has no end.", on="words", turn=words(lambda text: f"<think>{THOUGHT} {text}")),
    Quirk(
        "thought-quoted",
        "The answer speaks of how thoughts look.",
        on="words",
        turn=words(lambda text: f"{text} Models write <think> before a thought and </think> after it."),
    ),
    Quirk("thought-in-its-field", "Thoughts come in `reasoning_content`, or as an item.", turn=_thinks),
    Quirk("thought-in-reasoning", "They come in `reasoning`.", turn=_thinks, chat=_in_field("reasoning"), apis=CHAT),
    Quirk(
        "thought-in-details",
        "They come in `reasoning_details`.",
        turn=_thinks,
        chat=_in_field("reasoning_details", lambda text: [{"type": "reasoning.text", "text": text, "index": 0}]),
        apis=CHAT,
    ),
    Quirk(
        "thought-in-content",
        "They are parts of the content, as Mistral's.",
        turn=_thinks,
        chat=_in_field("content", lambda text: [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]),
        apis=CHAT,
    ),
    Quirk("thought-only", "All is thought and nothing said.", turn=_thinks_only, on="words"),
    Quirk("thought-only-once", "Once all is thought and nothing said.", turn=_thinks_only, on="words", times=1),
)

QUIRKS = (*CALLS_AS_TEXT, *MORE_CALLS, *THOUGHTS, *MORE_THOUGHTS)

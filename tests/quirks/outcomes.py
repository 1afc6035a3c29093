"""What comes of an ask of a server with each quirk: the table that issue 11 wants kept.

`ANSWER`: the right answer, with not one request more than it takes. `REPAIRED`: the right answer, by whatever way.
`says`: another answer, word for word; `holds`: one that has these words in it. `told`: the task failed, and its reason
holds one of these words.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Outcome:
    """How an ask ends."""

    kind: Literal["answer", "repaired", "says", "holds", "told"]
    words: tuple[str, ...] = ()
    """Of `says` the answer, or one of several; of `told` what the reason has one of."""

    def __str__(self) -> str:
        return f"{self.kind}: {' | '.join(self.words)}" if self.words else self.kind


ANSWER = Outcome("answer")
REPAIRED = Outcome("repaired")


def says(*answers: str) -> Outcome:
    """The task is completed with one of these answers."""
    return Outcome("says", answers)


def holds(*words: str) -> Outcome:
    """The task is completed with an answer that has all of these words in it."""
    return Outcome("holds", words)


def told(*words: str) -> Outcome:
    """The task failed, for a reason that has one of these words in it."""
    return Outcome("told", words)


REASON = told("hamster")
OVERFLOW = told("context")
CUT = told("length", "limit")
SILENT = told("no word", "nothing", "silent", "no sign")
BROKEN = told("broke", "ended", "end")


def all_of(outcome: Outcome, names: str, prefix: str = "") -> dict[str, Outcome]:
    """These names, each with the prefix, and what comes of them."""
    return {f"{prefix}{name}": outcome for name in names.split()}


CALLS = {
    **all_of(REPAIRED, "missing null empty empty-in-parallel numeric same-in-turn same-each-turn long", "call-id-"),
    **all_of(ANSWER, "of-name in-every-chunk empty-after-the-first", "call-id-"),
    **all_of(REPAIRED, "all-0 missing missing-in-parallel null as-text", "call-index-"),
    "call-index-all-0-in-pieces": REPAIRED,
    **all_of(ANSWER, "index-from-1 index-jumps in-one-chunk in-the-last-chunk pieces-interleaved", "call-"),
    **all_of(REPAIRED, "type-missing type-null in-the-old-form doubled", "call-"),
    "call-beside-words": ANSWER,
    **all_of(REPAIRED, "with-channel with-constraint with-namespace with-space in-capitals with-parentheses", "name-"),
    **all_of(REPAIRED, "unknown empty null in-pieces in-every-chunk", "name-"),
    **all_of(
        REPAIRED,
        "stop-with-calls calls-with-words never missing empty eos capitals of-anthropic old number first "
        "in-every-chunk twice",
        "finish-",
    ),
}

ARGUMENTS = all_of(
    REPAIRED,
    "object encoded-twice encoded-thrice null null-as-text empty blank missing empty-list none fenced with-end-mark "
    "with-call-mark with-space numbers-as-text with-null-field of-python with-last-comma in-words without-last-brace "
    "with-brace-too-many cut in-a-list wrapped wrapped-as-input with-field misnamed not-there a-number nan nested-deep "
    "sent-again growing after-an-empty-object null-at-first",
    "arguments-",
)

DIALECTS = {
    **all_of(
        REPAIRED,
        "hermes hermes-unclosed qwen-coder mistral mistral-new llama llama-function llama-python json json-parameters "
        "json-in-a-list json-fenced json-of-openai function-call granite phi deepseek kimi glm gemma harmony minimax "
        "anthropic react after-words after-thought in-characters in-thought",
        "text-call-",
    ),
    **all_of(REPAIRED, "hermes mistral-new json-parameters json-of-openai json-fenced glm react", "text-call-unknown-"),
    "text-call-unknown-always": told("calculate_product"),
    "text-calls-two": REPAIRED,
    "text-like-a-call": says('{"name": "Ada", "arguments": ["analytical", "engine"]}'),
    "text-about-calls": says("Models write <tool_call> before a call and </tool_call> after it. It is 42."),
    **all_of(
        REPAIRED,
        "tag tag-open-missing thinking-tag thought-tag reasoning-tag mistral kimi seed harmony cohere after-space "
        "before-calls empty in-characters twice in-its-field in-reasoning in-details in-content only-once",
        "thought-",
    ),
    "thought-quoted": says("It is 42. Models write <think> before a thought and </think> after it."),
    **all_of(told("said nothing", "nothing was said", "no answer"), "unclosed only", "thought-"),
}

CONTENT = {
    **all_of(
        REPAIRED,
        "channel end-of-chatml end-of-llama end-of-text end-of-mistral end-of-gemma start-of-chatml after-space "
        "with-nul as-list none-once",
        "words-",
    ),
    "words-with-half-a-character": says("It is 42.", "It is 42.\ufffd"),
    "words-of-all-planes": says("It is 42. \U0001f642 ñ 漢"),
    "words-split-in-a-character": says("It is 42. \U0001f642"),
    **all_of(told("said nothing", "nothing was said", "no answer"), "none blank", "words-"),
    **all_of(
        REPAIRED,
        "role-missing role-in-every-chunk role-null role-of-gemini delta-null delta-missing delta-named-message "
        "deltas-empty deltas-with-nulls choices-empty choices-null choices-missing choices-two head-missing head-null "
        "head-empty time-with-fraction time-as-text more-fields",
    ),
    **all_of(
        REPAIRED,
        "missing null empty partial zero as-text floats nulls negative details-null of-anthropic growing "
        "beside-choices elsewhere unasked",
        "usage-",
    ),
}

FRAMES = {
    **all_of(
        ANSWER,
        "crlf without-space in-crumbs at-once with-comments with-ids without-last-line big",
        "frames-",
    ),
    **all_of(
        REPAIRED,
        "with-pings with-mark in-two-lines without-end with-end after-end unnamed not-json word null number list empty "
        "not-a-number",
        "frames-",
    ),
    "frames-bad-utf8": says("It is 42.", "It is 42.\ufffd"),
    **all_of(REPAIRED, "type-missing type-json type-text stream-packed"),
    **all_of(REPAIRED, "whole-json whole-json-as-stream whole-json-as-event"),
    "lines-of-json": REPAIRED,
    **all_of(told("HTML", "page", "nginx"), "html"),
    **all_of(REPAIRED, "html-once empty-200-once done-only-once"),
    **all_of(told("nothing", "empty"), "empty-200 empty-json-200 done-only comments-only no-content"),
    **all_of(told("read", "API", "answer"), "other-json other-json-list ollama-own-api"),
    **all_of(told("GPU fell off the bus"), "error-in-200 error-in-200-of-words"),
}

EVENTS = {
    **all_of(
        REPAIRED,
        "unnumbered numbered-0 without-indexes index-all-0 without-item-ids items-without-ids items-same-id "
        "items-without-status items-status-null items-open items-text-as-string items-without-annotations "
        "without-added without-deltas without-done without-items-done only-items only-end few without-start "
        "without-end-once end-without-output end-output-null end-output-missing end-without-usage end-without-head "
        "end-without-rest end-twice failed-once failed-by-limit-once queued unknown other-items thought-encrypted",
        "events-",
    ),
    "events-without-end": REPAIRED,
    "events-failed": REASON,
    "events-failed-without-error": told("error", "failed"),
    "events-cancelled": told("cancel"),
}

FAILURES = {
    **all_of(
        REASON,
        "400 401 402 403 404 405 408 409 413 422 425 429 451 500 501 502 503 504 520 522 524 529 599",
        "status-",
    ),
    **{f"status-{status}-once": REPAIRED for status in (408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529)},
    **all_of(REPAIRED, "500-amid 500-twice", "status-"),
    "status-301": told("model"),
    **all_of(
        REASON,
        "openai gemini gemini-object azure azure-gateway vllm vllm-detail vllm-details ollama llama-cpp lm-studio "
        "anthropic openrouter mistral cohere bedrock hugging-face tgi-list databricks problem errors word text nested",
        "body-",
    ),
    "body-proxy": told("Bad Gateway"),
    "body-empty": told("503"),
    "body-null": told("400"),
    "body-broken": told("The hams", "400"),
    "body-bytes": told("400"),
    "body-secret": told("key"),
    **all_of(
        REPAIRED,
        "seconds fraction date past milliseconds reset words nonsense negative 503 of-gemini",
        "wait-",
    ),
    **all_of(REASON, "long long-of-gemini no-more", "wait-"),
    "wait-long-date": told("Rate limit"),
    **all_of(REPAIRED, "loading loading-of-hugging-face"),
    "loading-always": told("Loading model"),
}

MEANINGS = {
    **all_of(
        OVERFLOW,
        "openai openai-responses vllm vllm-prompt llama-cpp lm-studio gemini anthropic mistral sglang of-500",
        "overflow-",
    ),
    "overflow-groq": told("too large"),
    "overflow-tgi": told("tokens"),
    "no-model-openai": told("does not exist"),
    "no-model-ollama": told("try pulling it"),
    "no-model-vllm": told("does not exist"),
    "no-model-gemini": told("is not found"),
    "no-model-azure": told("does not exist"),
    "no-model-lm-studio": told("Invalid model identifier"),
    "no-model-no-tools": told("does not support tools"),
    "no-model-no-chat": told("not a chat model"),
    "no-model-path": told("Not Found"),
    "key-openai": told("Incorrect API key"),
    "key-gemini": told("API key not valid"),
    "key-anthropic": told("invalid x-api-key"),
    "key-vllm": told("Unauthorized"),
    "key-country": told("not supported"),
    "key-basic": told("401"),
    "quota-openai": told("exceeded your current quota"),
    "quota-openrouter": told("Insufficient credits"),
    "quota-deepseek": told("Insufficient Balance"),
    "quota-anthropic": told("credit balance"),
    "quota-openai-hard-limit": told("hard limit"),
    "filtered-azure": told("filtered"),
    "filtered-openai": told("usage policy"),
}

BREAKS = {
    "break-after-words": BROKEN,
    "break-amid-call": BROKEN,
    "end-after-words": BROKEN,
    "end-after-role": told("nothing", "broke", "end"),
    **all_of(
        REPAIRED,
        "break-after-words-once break-amid-call-once break-amid-event-once break-by-reset-once end-after-words-once "
        "end-amid-call-once reset-before-head-once close-before-head-once close-after-head-once close-after-answer",
    ),
    "reset-before-head": told("connection", "answer"),
    **all_of(SILENT, "never-answers silent-after-head silent-amid-words"),
    **all_of(
        REPAIRED,
        "never-answers-once silent-amid-words-once silent-at-the-end alive-by-comments alive-by-pings alive-by-lines "
        "alive-by-thoughts slow",
    ),
    "alive-for-ever": told("longer", "total", "12"),
    **all_of(
        REASON,
        "error-amid error-amid-named error-amid-in-words error-amid-of-vllm error-amid-of-openrouter error-event",
    ),
    **all_of(REPAIRED, "error-amid-once error-first-once"),
    "error-amid-of-quota": told("quota"),
}

FIELDS = {
    **all_of(
        REPAIRED,
        "strict strict-of-gemini strict-in-words additional-properties titles defaults schema-mark references formats "
        "stream-options stream-options-in-words stream-options-in-a-string tool-names parallel-calls developers "
        "many-tools root-unions type-lists unions empty-properties max-tokens max-completion-tokens max-output-tokens "
        "temperature tool-choice store metadata include reasoning listed-content null-content late-system streams",
        "refuses-",
    ),
    "refuses-everything": told("not permitted"),
}

ENDINGS = {
    **all_of(holds("It is", "cut here"), "cut-once cut of-gemini", "length-"),
    "length-at-once": CUT,
    "length-amid-call-once": REPAIRED,
    "length-amid-call": CUT,
    **all_of(told("filter", "held back", "SAFETY"), "at-once amid-words of-gemini prohibited", "filter-"),
    "declined": told("declined", "can't help"),
    "declined-in-words": says("I'm sorry, but I can't help with that."),
    **all_of(told("again and again"), "line-for-ever word-for-ever verse-for-ever thought-for-ever"),
    "blanks-for-ever": told("again and again", "tokens", "did not finish"),
    **all_of(told("tokens", "did not finish"), "words-for-ever thoughts-for-ever arguments-for-ever"),
    "same-call-for-ever": told("multiply"),
    "calls-for-ever": told("10 model turns"),
}

OUTCOMES: dict[str, Outcome] = {
    **CALLS,
    **ARGUMENTS,
    **DIALECTS,
    **CONTENT,
    **FRAMES,
    **EVENTS,
    **FAILURES,
    **MEANINGS,
    **BREAKS,
    **FIELDS,
    **ENDINGS,
}
"""By the names of the quirks."""

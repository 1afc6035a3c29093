"""What a refusal of an endpoint means: its status, headers and body, of any shape, made one `ModelError`."""

import re
from collections.abc import Collection
from http import HTTPStatus

from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.sentences import codes_of, payload_of, sentence_of, shortened
from agentnet.models.endpoints.waits import Headers, wait_of

OVERFLOW = re.compile(
    r"context[ _](?:length|window|size|limit)|maximum context|exceed_context|model_context_window|max_(?:seq|model)_len"
    r"|longer than the (?:maximum )?(?:model|context)"
    r"|(?:prompt|input)(?: is)? too (?:long|large)(?! for this field)|maximum (?:allowed )?(?:prompt|input) length"
    r"|range of input length should be|reduce the length of|input token count|input tokens? (?:exceeds?|limit)"
    r"|exceeds? the (?:maximum )?(?:number of )?(?:input )?tokens?\b|exceeds? .{0,40}\bn_ctx\b|string_above_max_length",
    re.IGNORECASE,
)
FILTERED = re.compile(
    r"content_(?:filter|policy)|content management policy|responsible.?ai|data_inspection_failed|content_blocked"
    r"|flagged (?:for|by|as)|moderation|safety system|blocked by .{0,40}(?:safety|filter|polic)",
    re.IGNORECASE,
)
KEY = re.compile(
    r"api_key_invalid|api key not valid|invalid[ _]api[ _]?key|incorrect api key|authentication_error", re.IGNORECASE
)
SPENT = re.compile(
    r"insufficient[_ ](?:quota|balance|credits?|funds)|billing_hard_limit|billing_not_active|credit balance|arrearage"
    r"|payment required|account_deactivated|exceeded_current_quota_error|(?:more|out of|no) credits|overdue",
    re.IGNORECASE,
)
LOADING = re.compile(
    r"\b(?:is|still|currently|model)? ?(?:loading|warming up|starting up|initiali[sz]ing)\b|not ready", re.IGNORECASE
)
CROWDED = re.compile(
    r"overloaded|too many|capacity|throttl|busy|rate.?limit|high demand|resource_exhausted|queue is full", re.IGNORECASE
)
AGAIN = frozenset({408, 409, 425, 499})
CROWDED_STATUSES = frozenset({429, 498, 529})
HINTS = {
    Kind.KEY: "Check the key that is set for this model.",
    Kind.QUOTA: "Its account is used up: see to its plan or credit.",
    Kind.OVERFLOW: "The conversation is longer than the model's context.",
}


def failure_of(status: int, headers: Headers, body: bytes) -> ModelError:
    """What an answer of that status means, in the body's own words. For any status that is no success."""
    payload = payload_of(body)
    words = sentence_of(payload)
    kind = kind_of(status, words, codes_of(payload))
    wait = wait_of(headers, payload, words)
    return ModelError(
        kind, _told(f"answers {_named(status)}", words), wait=wait, hint=_hint(kind, status), answered=status
    )


def redirected(status: int, location: str | None) -> ModelError:
    """What a redirect means: none is followed, or the conversation and the endpoint's keys go where it leads."""
    where = f" to {shortened(location.split('?', 1)[0])}" if location else ""
    return ModelError(
        Kind.REQUEST,
        _told(f"answers {_named(status)}", f"it leads elsewhere{where}: nothing was sent there"),
        hint="If that is right, set it as the base URL of this model.",
        answered=status,
    )


def failure_said(payload: object, headers: Headers | None = None) -> ModelError:
    """What an error means that comes where an answer is due: in a stream, or as JSON with status 200.

    `payload` is the decoded event, or its `error`. A status in it counts as one.
    """
    words, codes = sentence_of(payload), codes_of(payload)
    status = next((int(code) for code in codes if code.isdigit() and 400 <= int(code) < 600), 0)
    kind = kind_of(status or _status_named(codes), words, codes)
    return ModelError(
        kind,
        _told("ended its answer with an error", words),
        wait=wait_of(headers or {}, payload, words),
        hint=_hint(kind, status),
        answered=status or None,
    )


def kind_of(status: int, words: str, codes: Collection[str] = ()) -> Kind:
    """Why, by the status and by what was said; a status of 0 is that of an error amid a stream."""
    said = f"{words} {' '.join(sorted(codes))}"
    crowded = status in CROWDED_STATUSES
    if SPENT.search(said) or status == HTTPStatus.PAYMENT_REQUIRED:
        return Kind.QUOTA
    if crowded:
        return Kind.QUOTA if any("perday" in code for code in codes) else Kind.BUSY
    if OVERFLOW.search(said) and not CROWDED.search(said):
        return Kind.OVERFLOW
    if FILTERED.search(said):
        return Kind.FILTERED
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN) or (status < 500 and KEY.search(said)):
        return Kind.KEY
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return Kind.BUSY if CROWDED.search(said) and not LOADING.search(said) else Kind.LOADING
    if status >= 500 or status in AGAIN:
        return Kind.LOADING if LOADING.search(words) else Kind.SERVER
    if status == 0:
        return Kind.BUSY if CROWDED.search(said) else Kind.SERVER
    return Kind.REQUEST


def _status_named(codes: Collection[str]) -> int:
    """The status that a word for a kind of errors stands for; 0 where none does."""
    named = {
        "invalid_request_error": 400,
        "invalid_argument": 400,
        "badrequesterror": 400,
        "authentication_error": 401,
        "permission_error": 403,
        "permission_denied": 403,
        "not_found_error": 404,
        "rate_limit_error": 429,
        "rate_limit_exceeded": 429,
        "overloaded_error": 529,
    }
    return next((status for code, status in named.items() if code in codes), 0)


def _named(status: int) -> str:
    try:
        return f"{status} ({HTTPStatus(status).phrase})"
    except ValueError:
        return str(status)


def _told(what: str, words: str) -> str:
    if not words:
        return f"The model's server {what}, without a word of why."
    return f"The model's server {what}: {words}{'' if words.endswith(('.', '!', '?', '…')) else '.'}"


def _hint(kind: Kind, status: int) -> str | None:
    if kind is Kind.REQUEST and status == HTTPStatus.NOT_FOUND:
        return "Check the model's name and its URL, which ends in /v1 with most servers."
    return HINTS.get(kind)

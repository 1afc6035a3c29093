"""Quirks of refusals: statuses, the shapes of their bodies, and how long a server asks to wait."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

from agentnet.testing.quirks.quirk import JSON, Exchange, Quirk, Reply

REASON = "The hamster in the wheel is asleep."
"""What a failure is told with: a client is to pass it on."""

STATUSES = (
    400,
    401,
    402,
    403,
    404,
    405,
    408,
    409,
    413,
    422,
    425,
    429,
    451,
    500,
    501,
    502,
    503,
    504,
    520,
    522,
    524,
    529,
)
PASSING = (408, 409, 425, 429, 500, 502, 503, 504, 520, 522, 524, 529)
"""Those after which another try may go well."""

PROXY_PAGE = f"""<html>
<head><title>502 Bad Gateway</title></head>
<body>
<center><h1>502 Bad Gateway</h1></center>
<hr><center>nginx/1.27.2</center>
<!-- a padding to disable MSIE and Chrome friendly error page {"x" * 600} -->
</body>
</html>
"""


def told(
    status: int, value: Any, headers: Mapping[str, str] | None = None, *, text: bool = False
) -> Callable[[Exchange], Reply]:
    """A failure with a body: JSON, or with `text` words as they are."""
    body = value if text else json.dumps(value)
    kind = {"content-type": "text/plain"} if text else JSON
    return lambda _: Reply(status, {**kind, **(headers or {})}, [body.encode()])


def of_openai(message: str, kind: str = "invalid_request_error", code: str | None = None, param: Any = None) -> Any:
    """The body of an error at OpenAI."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def of_gemini(message: str, status: str, code: int, *details: Any) -> Any:
    """The body of an error of Gemini: a list."""
    return [{"error": {"code": code, "message": message, "status": status, "details": list(details)}}]


def of_vllm(message: str, kind: str = "BadRequestError", code: int = 400) -> Any:
    """The body of an error of vLLM, as it was before 0.10."""
    return {"object": "error", "message": message, "type": kind, "param": None, "code": code}


def _status(status: int) -> Callable[[Exchange], Reply]:
    return told(status, of_openai(f"{REASON} ({status})", "server_error" if status >= 500 else "invalid_request_error"))


def _limited(
    headers: Mapping[str, str], message: str = "Rate limit reached for requests."
) -> Callable[[Exchange], Reply]:
    return told(429, of_openai(message, "requests", "rate_limit_exceeded"), headers)


def _at_a_date(seconds: float) -> Callable[[Exchange], Reply]:
    def reply(exchange: Exchange) -> Reply:
        when = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
        return _limited({"retry-after": when})(exchange)

    return reply


def _shape(name: str, whose: str, value: Any, status: int = 400, **options: Any) -> Quirk:
    return Quirk(f"body-{name}", f"A refusal has the form of {whose}.", reply=told(status, value, **options))


ALWAYS = tuple(Quirk(f"status-{status}", f"Every request gets {status}.", reply=_status(status)) for status in STATUSES)
ONCE = tuple(
    Quirk(f"status-{status}-once", f"The first request gets {status}.", times=1, reply=_status(status))
    for status in PASSING
)
MORE = (
    Quirk("status-500-amid", "The request after a call gets 500, once.", on="words", times=1, reply=_status(500)),
    Quirk("status-500-twice", "The first two requests get 500.", times=2, reply=_status(500)),
    Quirk(
        "status-301",
        "Every request is sent elsewhere, over http.",
        reply=lambda _: Reply(301, {"location": "http://127.0.0.1:9/v1"}),
    ),
    Quirk("status-599", "The status is none.", reply=_status(599)),
)

BODIES = (
    _shape("openai", "OpenAI", of_openai(REASON)),
    _shape("gemini", "Gemini: a list", of_gemini(REASON, "INVALID_ARGUMENT", 400)),
    _shape("gemini-object", "Gemini: no list", of_gemini(REASON, "INVALID_ARGUMENT", 400)[0]),
    _shape("azure", "Azure", {"error": {"code": "BadRequest", "message": REASON, "innererror": {"code": "Other"}}}),
    _shape("azure-gateway", "Azure's gateway", {"statusCode": 403, "message": REASON}, 403),
    _shape("vllm", "vLLM", of_vllm(REASON)),
    _shape("vllm-detail", "FastAPI", {"detail": REASON}),
    _shape(
        "vllm-details",
        "FastAPI's checks",
        {"detail": [{"type": "missing", "loc": ["body", "messages"], "msg": REASON, "input": {}}]},
        422,
    ),
    _shape("ollama", "Ollama: a string", {"error": REASON}),
    _shape("llama-cpp", "llama.cpp", {"error": {"code": 400, "message": REASON, "type": "invalid_request_error"}}),
    _shape("lm-studio", "LM Studio", {"error": {"message": REASON}}),
    _shape("anthropic", "Anthropic", {"type": "error", "error": {"type": "invalid_request_error", "message": REASON}}),
    _shape(
        "openrouter",
        "OpenRouter: the reason is in the metadata",
        {
            "error": {
                "message": "Provider returned error",
                "code": 400,
                "metadata": {"raw": json.dumps({"error": {"message": REASON}}), "provider_name": "Novita"},
            }
        },
    ),
    _shape(
        "mistral",
        "Mistral",
        {
            "object": "error",
            "message": {"detail": [{"type": "extra_forbidden", "loc": ["body"], "msg": REASON}]},
            "type": "invalid_request_error",
        },
        422,
    ),
    _shape("cohere", "Cohere", {"message": REASON}),
    _shape("bedrock", "Bedrock", {"Message": REASON}, 403),
    _shape("hugging-face", "Hugging Face", {"error": REASON, "error_type": "validation"}, 422),
    _shape("tgi-list", "a list of words", {"error": [REASON]}),
    _shape("databricks", "Databricks", {"error_code": "BAD_REQUEST", "message": REASON}),
    _shape("problem", "RFC 9457", {"type": "about:blank", "title": "Bad Request", "status": 400, "detail": REASON}),
    _shape("errors", "JSON:API", {"errors": [{"message": REASON}]}),
    _shape("word", "JSON that is one string", REASON),
    _shape("text", "plain text", REASON, text=True),
    _shape("proxy", "a proxy's page", PROXY_PAGE, 502, text=True),
    _shape("empty", "nothing", "", 503, text=True),
    _shape("null", "null", None),
    _shape("broken", "JSON that is cut", '{"error": {"message": "The hams', text=True),
    _shape("bytes", "a megabyte", "x" * 1_000_000, text=True),
    _shape("nested", "JSON in JSON", {"error": {"message": json.dumps({"error": {"message": REASON}})}}),
    _shape(
        "secret",
        "one that repeats the key",
        of_openai("Incorrect API key provided: sk-quirk-12345678.", code="invalid_api_key"),
        401,
    ),
)

WAITS = (
    Quirk("wait-seconds", "429 with Retry-After: 1, once.", times=1, reply=_limited({"retry-after": "1"})),
    Quirk("wait-fraction", "429 with a fraction of a second, once.", times=1, reply=_limited({"retry-after": "0.2"})),
    Quirk("wait-date", "429 with a date, once.", times=1, reply=_at_a_date(1)),
    Quirk("wait-past", "429 with a date that is past, once.", times=1, reply=_at_a_date(-60)),
    Quirk("wait-milliseconds", "429 with retry-after-ms, once.", times=1, reply=_limited({"retry-after-ms": "300"})),
    Quirk(
        "wait-reset",
        "429 with x-ratelimit-reset-requests, once.",
        times=1,
        reply=_limited({"x-ratelimit-reset-requests": "300ms", "x-ratelimit-remaining-requests": "0"}),
    ),
    Quirk(
        "wait-words",
        "429 with the time in words, once.",
        times=1,
        reply=_limited({}, "Rate limit reached. Please try again in 300ms."),
    ),
    Quirk("wait-nonsense", "429 with a time that is none, once.", times=1, reply=_limited({"retry-after": "soon"})),
    Quirk("wait-negative", "429 with a time below 0, once.", times=1, reply=_limited({"retry-after": "-5"})),
    Quirk(
        "wait-503",
        "503 with Retry-After: 1, once.",
        times=1,
        reply=told(503, of_openai(REASON), {"retry-after": "1"}),
    ),
    Quirk(
        "wait-long",
        "429 with Retry-After: 120.",
        reply=_limited({"retry-after": "120"}, f"{REASON} Try again in 2 minutes."),
    ),
    Quirk("wait-long-date", "429 with a date in an hour.", reply=_at_a_date(3600)),
    Quirk(
        "wait-of-gemini",
        "429 with the time in a detail, once.",
        times=1,
        reply=told(
            429,
            of_gemini(
                "Resource has been exhausted.",
                "RESOURCE_EXHAUSTED",
                429,
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"},
            ),
        ),
    ),
    Quirk(
        "wait-long-of-gemini",
        "So with ten minutes.",
        reply=told(
            429,
            of_gemini(
                REASON,
                "RESOURCE_EXHAUSTED",
                429,
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "600s"},
            ),
        ),
    ),
    Quirk("wait-no-more", "429 that says not to try again.", reply=_limited({"x-should-retry": "false"}, REASON)),
)

LOADING = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
LOADS = (
    Quirk(
        "loading",
        "503, as the model loads, three times.",
        times=3,
        reply=told(HTTPStatus.SERVICE_UNAVAILABLE, LOADING),
    ),
    Quirk(
        "loading-of-hugging-face",
        "503 with how long it takes.",
        times=1,
        reply=told(503, {"error": "Model m is currently loading", "estimated_time": 0.5}),
    ),
    Quirk("loading-always", "The model loads for ever.", reply=told(503, LOADING)),
)

QUIRKS = (*ALWAYS, *ONCE, *MORE, *BODIES, *WAITS, *LOADS)

"""What a refusal means, and what of it is told: bodies as real servers send them."""

import json
from email.utils import formatdate
from typing import Any

import pytest

from agentnet.models.endpoints.failure import Kind
from agentnet.models.endpoints.refusals import failure_of, failure_said
from agentnet.models.endpoints.waits import wait_of

GEMINI_LIMIT = [
    {
        "error": {
            "code": 429,
            "message": "You exceeded your current quota, please check your plan and billing details.",
            "status": "RESOURCE_EXHAUSTED",
            "details": [
                {
                    "@type": "type.googleapis.com/google.rpc.QuotaFailure",
                    "violations": [{"quotaId": "RequestsPerMinute"}],
                },
                {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "38.5s"},
            ],
        }
    }
]
GEMINI_DAY = json.loads(json.dumps(GEMINI_LIMIT).replace("RequestsPerMinute", "GenerateRequestsPerDayPerProject"))
OPENAI_QUOTA = {
    "error": {
        "message": "You exceeded your current quota, please check your plan and billing details.",
        "type": "insufficient_quota",
        "param": None,
        "code": "insufficient_quota",
    }
}
OPENAI_LIMIT = {
    "error": {
        "message": "Rate limit reached for gpt-4.1 on tokens per min (TPM): Limit 30000. Please try again in 1.242s.",
        "type": "tokens",
        "code": "rate_limit_exceeded",
    }
}
OPENROUTER = {
    "error": {
        "message": "Provider returned error",
        "code": 429,
        "metadata": {
            "raw": '{"error": {"message": "model x is temporarily rate-limited upstream"}}',
            "provider_name": "p",
        },
    }
}


def body(value: Any) -> bytes:
    return value if isinstance(value, bytes) else json.dumps(value).encode()


@pytest.mark.parametrize(
    ("status", "sent", "kind", "said"),
    [
        (429, OPENAI_LIMIT, Kind.BUSY, "Rate limit reached for gpt-4.1"),
        (429, OPENAI_QUOTA, Kind.QUOTA, "You exceeded your current quota"),
        (429, GEMINI_LIMIT, Kind.BUSY, "You exceeded your current quota"),
        (429, GEMINI_DAY, Kind.QUOTA, "You exceeded your current quota"),
        (429, OPENROUTER, Kind.BUSY, "model x is temporarily rate-limited upstream"),
        (429, b"", Kind.BUSY, "answers 429 (Too Many Requests), without a word of why."),
        (
            402,
            {"error": {"message": "Insufficient Balance", "code": "invalid_request_error"}},
            Kind.QUOTA,
            "Insufficient",
        ),
        (
            400,
            {"error": {"message": "Your credit balance is too low to access the API."}},
            Kind.QUOTA,
            "credit balance",
        ),
        (403, {"error": {"code": "Arrearage", "message": "Access denied, account in arrears."}}, Kind.QUOTA, "arrears"),
        (401, {"error": {"message": "Incorrect API key provided: sk-a***z."}}, Kind.KEY, "Incorrect API key provided"),
        (401, {"detail": "Not authenticated"}, Kind.KEY, "Not authenticated."),
        (403, {"message": "Forbidden by policy"}, Kind.KEY, "Forbidden by policy"),
        (
            400,
            [{"error": {"code": 400, "message": "API key not valid. Please pass a valid API key.", "status": "X"}}],
            Kind.KEY,
            "API key not valid. Please pass a valid API key.",
        ),
        (
            400,
            {"error": {"message": 'Unknown name "strict": Cannot find field.'}},
            Kind.REQUEST,
            'Unknown name "strict"',
        ),
        (
            404,
            {"error": {"message": "model 'llama9' not found", "type": "api_error"}},
            Kind.REQUEST,
            "model 'llama9' not",
        ),
        (404, b"404 page not found", Kind.REQUEST, "404 page not found"),
        (405, b"<html><head><title>405 Not Allowed</title></head></html>", Kind.REQUEST, "405 Not Allowed"),
        (
            422,
            {"detail": [{"loc": ["body", "tools", 0], "msg": "Field required"}]},
            Kind.REQUEST,
            "body.tools.0: Field",
        ),
        (
            400,
            {"object": "error", "message": "[{'type': 'missing'}]", "code": 400},
            Kind.REQUEST,
            "[{'type': 'missing'}]",
        ),
        (400, {"error": "invalid role: developer"}, Kind.REQUEST, "invalid role: developer"),
        (400, {"error": {"message": {"detail": [{"loc": ["x"], "msg": "bad"}]}}}, Kind.REQUEST, "x: bad"),
        (400, {"errors": [{"message": "one"}, {"message": "two"}]}, Kind.REQUEST, "one; two"),
        (
            400,
            {"error": {"message": "max_tokens is too large: 9000. At most 4096 completion tokens."}},
            Kind.REQUEST,
            "9000",
        ),
        (
            400,
            {
                "error": {
                    "message": "This model's maximum context length is 4096 tokens.",
                    "code": "context_length_exceeded",
                }
            },
            Kind.OVERFLOW,
            "maximum context length is 4096",
        ),
        (
            400,
            {
                "error": {
                    "code": 400,
                    "message": "the request exceeds the available context size",
                    "type": "exceed_context_size_error",
                }
            },
            Kind.OVERFLOW,
            "available context size",
        ),
        (
            400,
            {"error": {"message": "prompt is too long: 228307 tokens > 200000 maximum"}},
            Kind.OVERFLOW,
            "prompt is too",
        ),
        (400, {"error": {"message": "Range of input length should be [1, 30720]"}}, Kind.OVERFLOW, "Range of input"),
        (
            400,
            {"error": {"message": "Input length 131393 exceeds the maximum allowed input length of 131040 tokens."}},
            Kind.OVERFLOW,
            "131393",
        ),
        (500, {"error": {"message": "input exceeds context window of 2048"}}, Kind.OVERFLOW, "context window"),
        (
            400,
            {"error": {"code": "content_filter", "message": "The prompt triggered a policy."}},
            Kind.FILTERED,
            "triggered",
        ),
        (
            400,
            {"error": {"code": "data_inspection_failed", "message": "Inappropriate content."}},
            Kind.FILTERED,
            "Inappropr",
        ),
        (
            503,
            {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}},
            Kind.LOADING,
            "Loading model",
        ),
        (503, {"error": "Model m is currently loading", "estimated_time": 20.0}, Kind.LOADING, "currently loading"),
        (503, b"", Kind.LOADING, "answers 503"),
        (
            503,
            [{"error": {"code": 503, "message": "The model is overloaded. Please try again later."}}],
            Kind.BUSY,
            "overloaded",
        ),
        (
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
            Kind.BUSY,
            "Overloaded.",
        ),
        (408, b"", Kind.SERVER, "answers 408"),
        (409, {"error": {"message": "Conflict"}}, Kind.SERVER, "Conflict"),
        (425, b"", Kind.SERVER, "answers 425"),
        (499, b"", Kind.SERVER, "answers 499"),
        (
            500,
            {"error": {"message": "The server had an error while processing your request."}},
            Kind.SERVER,
            "had an error",
        ),
        (502, b"<html><body><center><h1>502 Bad Gateway</h1></center></body></html>", Kind.SERVER, "502 Bad Gateway."),
        (504, b"upstream request timeout", Kind.SERVER, "upstream request timeout"),
        (520, b"", Kind.SERVER, "answers 520"),
        (524, b"error code: 524", Kind.SERVER, "error code: 524"),
        (500, b"{" * 5000, Kind.SERVER, "answers 500"),
        (500, b"\xff\xfe\x00broken\x1b[31m", Kind.SERVER, "broken"),
        (500, b"x" * 5_000_000, Kind.SERVER, "xxx"),
    ],
)
def test_a_refusal_is_told_as_what_it_is_in_its_own_words(status: int, sent: Any, kind: Kind, said: str) -> None:
    failure = failure_of(status, {}, body(sent))
    assert failure.kind is kind
    assert said in str(failure)
    assert failure.answered == status
    assert len(failure.message) < 600
    assert failure.message.isprintable()
    assert failure.message.startswith("The model's server answers ")
    assert failure.message.endswith((".", "…"))


@pytest.mark.parametrize(
    ("payload", "kind", "said"),
    [
        ({"error": {"message": "model runner has unexpectedly stopped"}}, Kind.SERVER, "model runner has unexpectedly"),
        ({"error": "an error was encountered while running the model"}, Kind.SERVER, "while running the model"),
        ({"message": "Provider disconnected", "code": 502}, Kind.SERVER, "Provider disconnected"),
        ({"message": "Rate limit exceeded", "type": "rate_limit_error"}, Kind.BUSY, "Rate limit exceeded"),
        ({"type": "overloaded_error", "message": "Overloaded"}, Kind.BUSY, "Overloaded"),
        ({"message": "bad schema", "type": "invalid_request_error"}, Kind.REQUEST, "bad schema"),
        ({"message": "prompt is too long", "type": "invalid_request_error"}, Kind.OVERFLOW, "prompt is too long"),
        ({"message": "spent", "code": "insufficient_quota"}, Kind.QUOTA, "spent"),
        ("no JSON at all", Kind.SERVER, "no JSON at all"),
        (None, Kind.SERVER, "without a word of why"),
        (7, Kind.SERVER, "without a word of why"),
    ],
)
def test_an_error_amid_an_answer_is_told_too(payload: object, kind: Kind, said: str) -> None:
    failure = failure_said(payload)
    assert failure.kind is kind
    assert said in failure.message


@pytest.mark.parametrize(
    ("headers", "sent", "words", "seconds"),
    [
        ({"retry-after": "30"}, None, "", 30.0),
        ({"retry-after": "1.5"}, None, "", 1.5),
        ({"retry-after": "-5"}, None, "", 0.0),
        ({"retry-after-ms": "250", "retry-after": "1"}, None, "", 0.25),
        ({"retry-after": formatdate(1_900_000_030), "date": formatdate(1_900_000_000)}, None, "", 30.0),
        ({"retry-after": formatdate(1_000_000_000)}, None, "", 0.0),
        ({"retry-after": "soon"}, None, "", None),
        ({"retry-after": "nan"}, None, "", None),
        ({"retry-after": "1e999"}, None, "", None),
        ({}, GEMINI_LIMIT, "", 38.5),
        ({}, {"error": "loading", "estimated_time": 20.0}, "", 20.0),
        ({}, {"retry_after": {"seconds": 4}}, "", 4.0),
        ({}, None, "Please try again in 1m30.5s.", 90.5),
        ({}, None, "Please try again in 6ms. Visit us", 0.006),
        ({}, None, "Please retry after 26 seconds.", 26.0),
        ({}, None, "Please try again in 2 minutes and 3 seconds", 120.0),
        ({}, None, "Please try again in a while", None),
        ({"x-ratelimit-reset-requests": "1s", "x-ratelimit-reset-tokens": "6m0s"}, None, "", 360.0),
        (
            {
                "x-ratelimit-reset-requests": "12ms",
                "x-ratelimit-remaining-requests": "0",
                "x-ratelimit-reset-tokens": "6m0s",
                "x-ratelimit-remaining-tokens": "100",
            },
            None,
            "",
            0.012,
        ),
        ({"x-ratelimit-reset-requests": "8h", "x-ratelimit-remaining-requests": "99"}, None, "", None),
        ({}, None, "", None),
    ],
)
def test_how_long_a_server_wants_to_be_left_alone(
    headers: dict[str, str], sent: object, words: str, seconds: float | None
) -> None:
    assert wait_of(headers, sent, words) == (seconds if seconds is None else pytest.approx(seconds))


def test_a_moment_in_place_of_a_span_is_counted_from_now() -> None:
    import time

    now = time.time()
    assert wait_of({"x-ratelimit-reset": str(int((now + 30) * 1000))}) == pytest.approx(30, abs=5)
    assert wait_of({"x-ratelimit-reset": str(int(now + 30))}) == pytest.approx(30, abs=5)


def test_no_key_of_ours_is_told_and_the_name_is() -> None:
    failure = failure_of(401, {}, b'{"error": {"message": "Wrong key: sk-very-secret-1."}}')
    told = failure.named("house", tries=3, secrets=["sk-very-secret-1", "none"])
    assert str(told) == (
        "The model house's server answers 401 (Unauthorized): Wrong key: …. It was asked 3 times. "
        "Check the key that is set for this model."
    )
    assert (told.kind, told.answered) == (failure.kind, failure.answered)

"""Quirks that mean one thing in the words of many servers: a prompt too long, no such model, a bad key, no money."""

from typing import Any

from agentnet.testing.quirks.failures import of_gemini, of_openai, of_vllm, told
from agentnet.testing.quirks.quirk import Quirk

OVERFLOWS: dict[str, tuple[int, Any]] = {
    "openai": (
        400,
        of_openai(
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 130000 tokens. "
            "Please reduce the length of the messages.",
            code="context_length_exceeded",
            param="messages",
        ),
    ),
    "openai-responses": (
        400,
        of_openai(
            "Your input exceeds the context window of this model. Please adjust your input and try again.",
            code="context_length_exceeded",
            param="input",
        ),
    ),
    "vllm": (
        400,
        of_vllm(
            "This model's maximum context length is 4096 tokens. However, you requested 5120 tokens (4608 in the "
            "messages, 512 in the completion). Please reduce the length of the messages or completion."
        ),
    ),
    "vllm-prompt": (
        400,
        of_vllm("The decoder prompt (length 5000) is longer than the maximum model length of 4096."),
    ),
    "llama-cpp": (
        400,
        {
            "error": {
                "code": 400,
                "message": "request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it",
                "type": "exceed_context_size_error",
                "n_prompt_tokens": 5000,
                "n_ctx": 4096,
            }
        },
    ),
    "lm-studio": (
        400,
        {
            "error": "Trying to keep the first 5000 tokens when context the overflows. However, the model is loaded "
            "with context length of only 4096 tokens, which is not enough."
        },
    ),
    "gemini": (
        400,
        of_gemini(
            "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).",
            "INVALID_ARGUMENT",
            400,
        ),
    ),
    "anthropic": (
        400,
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "prompt is too long: 210000 tokens > 200000 maximum"},
        },
    ),
    "mistral": (
        400,
        {
            "object": "error",
            "message": "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum "
            "context length",
            "type": "invalid_request_error",
            "code": "3051",
        },
    ),
    "groq": (
        413,
        of_openai(
            "Request too large for model `m` in organization `o` on tokens per minute (TPM): Limit 6000, Requested "
            "7800, please reduce your message size and try again.",
            "tokens",
            "rate_limit_exceeded",
        ),
    ),
    "sglang": (
        400,
        of_vllm("The input (5000 tokens) is longer than the model's context length (4096 tokens)."),
    ),
    "tgi": (
        422,
        {
            "error": "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` "
            "tokens and 100 `max_new_tokens`",
            "error_type": "validation",
        },
    ),
    "of-500": (
        500,
        {
            "error": {
                "code": 500,
                "message": "the request exceeds the available context size. try increasing the context size or enable "
                "context shift",
                "type": "exceed_context_size_error",
            }
        },
    ),
}

NO_MODELS: dict[str, tuple[int, Any]] = {
    "openai": (
        404,
        of_openai("The model `gpt-9` does not exist or you do not have access to it.", code="model_not_found"),
    ),
    "ollama": (404, of_openai('model "qwen9" not found, try pulling it first', "api_error")),
    "vllm": (404, of_vllm("The model `qwen9` does not exist.", "NotFoundError", 404)),
    "gemini": (
        404,
        of_gemini("models/gemini-9 is not found for API version v1main, or is not supported.", "NOT_FOUND", 404),
    ),
    "azure": (
        404,
        {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}},
    ),
    "lm-studio": (400, {"error": {"message": 'Invalid model identifier "qwen9".', "code": "model_not_found"}}),
    "no-tools": (400, of_openai("registry.ollama.ai/library/gemma:2b does not support tools", "api_error")),
    "no-chat": (404, of_openai("This is not a chat model and thus not supported in the v1/chat/completions endpoint.")),
    "path": (404, {"detail": "Not Found"}),
}

KEYS: dict[str, tuple[int, Any]] = {
    "openai": (401, of_openai("Incorrect API key provided: none.", code="invalid_api_key")),
    "gemini": (
        400,
        of_gemini(
            "API key not valid. Please pass a valid API key.",
            "INVALID_ARGUMENT",
            400,
            {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"},
        ),
    ),
    "anthropic": (401, {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}),
    "vllm": (401, {"error": "Unauthorized"}),
    "country": (
        403,
        of_openai(
            "Country, region, or territory not supported", "request_forbidden", "unsupported_country_region_territory"
        ),
    ),
    "basic": (401, None),
}

QUOTAS: dict[str, tuple[int, Any]] = {
    "openai": (
        429,
        of_openai(
            "You exceeded your current quota, please check your plan and billing details.",
            "insufficient_quota",
            "insufficient_quota",
        ),
    ),
    "openrouter": (402, {"error": {"message": "Insufficient credits. Add more to continue.", "code": 402}}),
    "deepseek": (402, of_openai("Insufficient Balance", "unknown_error", "invalid_request_error")),
    "anthropic": (
        400,
        {
            "type": "error",
            "error": {"type": "invalid_request_error", "message": "Your credit balance is too low to access the API."},
        },
    ),
    "openai-hard-limit": (
        400,
        of_openai("Billing hard limit has been reached", "invalid_request_error", "billing_hard_limit_reached"),
    ),
}

FILTERED = {
    "azure": (
        400,
        {
            "error": {
                "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management "
                "policy. Please modify your prompt and retry.",
                "type": None,
                "param": "prompt",
                "code": "content_filter",
                "status": 400,
                "innererror": {"code": "ResponsibleAIPolicyViolation"},
            }
        },
    ),
    "openai": (
        400,
        of_openai(
            "Your request was flagged as potentially violating our usage policy.", code="content_policy_violation"
        ),
    ),
}


def _quirks(meaning: str, says: str, bodies: dict[str, tuple[int, Any]]) -> tuple[Quirk, ...]:
    return tuple(
        Quirk(f"{meaning}-{whose}", f"{says}, as {whose} says it.", reply=told(status, body))
        for whose, (status, body) in bodies.items()
    )


QUIRKS = (
    *_quirks("overflow", "The prompt is too long", OVERFLOWS),
    *_quirks("no-model", "The model or the path is not there", NO_MODELS),
    *_quirks("key", "The key is refused", KEYS),
    *_quirks("quota", "The money is spent", QUOTAS),
    *_quirks("filtered", "The prompt is held back", FILTERED),
)

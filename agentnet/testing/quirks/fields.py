"""Quirks of hosts that refuse a part of a request: each gets a 400 in the host's words, for as long as it is sent."""

from typing import Any

from agentnet.testing.quirks.failures import of_gemini, of_openai, told
from agentnet.testing.quirks.quirk import BOTH, CHAT, Exchange, Need, Quirk, Reply
from agentnet.testing.quirks.requests import (
    Found,
    empty_properties,
    has,
    in_functions,
    in_messages,
    in_schemas,
    late_system,
    listed_content,
    many_tools,
    null_content,
    root_unions,
    said_by,
    type_lists,
)
from agentnet.testing.wire import Api


def _refuses(
    name: str, says: str, found: Found, reply: Any, need: Need = Need.CALL, apis: tuple[Api, ...] = BOTH
) -> Quirk:
    def refuse(exchange: Exchange) -> Reply | None:
        given: Reply = reply(exchange)
        return given if found(exchange.body) else None

    return Quirk(f"refuses-{name}", f"The host refuses {says}.", need, reply=refuse, apis=apis)


def _openai(message: str, param: str | None = None, code: str = "unsupported_parameter", status: int = 400) -> Any:
    return told(status, of_openai(message, code=code, param=param))


def _gemini(message: str) -> Any:
    return told(400, of_gemini(message, "INVALID_ARGUMENT", 400))


def _extra(*path: Any) -> Any:
    """As FastAPI, and so Mistral, vLLM and Fireworks, say it."""
    detail = [
        {"type": "extra_forbidden", "loc": ["body", *path], "msg": "Extra inputs are not permitted", "input": True}
    ]
    return told(422, {"detail": detail})


def _unknown(name: str, where: str) -> Any:
    return _gemini(f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': Cannot find field.")


QUIRKS = (
    _refuses("strict", "`strict` of a function", in_functions("strict"), _extra("tools", 0, "function", "strict")),
    _refuses("strict-of-gemini", "it, as Gemini", in_functions("strict"), _unknown("strict", "tools[0].function")),
    _refuses(
        "strict-in-words",
        "it, as Groq",
        in_functions("strict"),
        _openai("property 'tools.0.function.strict' is unsupported"),
    ),
    _refuses(
        "additional-properties",
        "`additionalProperties`",
        in_schemas("additionalProperties"),
        _unknown("additionalProperties", "request.tools[0].function_declarations[0].parameters"),
    ),
    _refuses(
        "titles",
        "`title` in schemas",
        in_schemas("title"),
        _unknown("title", "tools[0].function_declarations[0].parameters"),
    ),
    _refuses(
        "defaults",
        "`default` in schemas",
        in_schemas("default"),
        _unknown("default", "tools[0].function_declarations[0].parameters.properties[0].value"),
    ),
    _refuses(
        "schema-mark",
        "`$schema`",
        in_schemas("$schema"),
        _unknown("$schema", "tools[0].function_declarations[0].parameters"),
    ),
    _refuses(
        "references",
        "`$ref`",
        in_schemas("$ref", "$defs"),
        _unknown("$defs", "tools[0].function_declarations[0].parameters"),
    ),
    _refuses(
        "formats",
        "`format`",
        in_schemas("format"),
        _gemini("only 'enum' and 'date-time' are supported for STRING type: format"),
    ),
    _refuses("stream-options", "`stream_options`", has("stream_options"), _extra("stream_options"), apis=CHAT),
    _refuses(
        "stream-options-in-words",
        "it, as Fireworks",
        has("stream_options"),
        told(
            400,
            {
                "error": {
                    "object": "error",
                    "type": "invalid_request_error",
                    "message": "Extra inputs are not permitted, field: 'stream_options'",
                }
            },
        ),
        apis=CHAT,
    ),
    _refuses(
        "stream-options-in-a-string",
        "it, as Databricks",
        has("stream_options"),
        told(
            400,
            {
                "error_code": "BAD_REQUEST",
                "message": '{"external_model_message": "stream_options: Extra inputs are not permitted"}',
            },
        ),
        apis=CHAT,
    ),
    _refuses(
        "tool-names",
        "`name` of a tool's message",
        in_messages("name", role="tool"),
        _extra("messages", 2, "tool", "name"),
        apis=CHAT,
    ),
    _refuses(
        "parallel-calls",
        "`parallel_tool_calls`",
        has("parallel_tool_calls"),
        _openai("Unrecognized request argument supplied: parallel_tool_calls", "parallel_tool_calls"),
    ),
    _refuses(
        "developers",
        "the role of a developer",
        said_by("developer"),
        _openai(
            "Unexpected role 'developer'. Expected one of 'system', 'user', 'assistant', 'tool'.",
            "messages[0].role",
            "invalid_value",
        ),
    ),
    _refuses(
        "many-tools",
        "more than 128 tools",
        many_tools,
        _openai(
            "Invalid 'tools': array too long. Expected an array with maximum length 128, "
            "but got an array with length 141 instead.",
            "tools",
            "array_above_max_length",
        ),
        Need.MANY,
    ),
    _refuses(
        "root-unions",
        "`anyOf` at the root",
        root_unions,
        _openai(
            "Invalid schema for function 'multiply': schema must have type 'object' and not "
            "have 'oneOf'/'anyOf'/'allOf'/'enum'/'not' at the top level.",
            "tools[0].function.parameters",
            "invalid_function_parameters",
        ),
    ),
    _refuses(
        "type-lists",
        "lists of types",
        type_lists,
        _gemini("Proto field is not repeating, cannot start list: type"),
    ),
    _refuses(
        "unions",
        "`anyOf` beside a type",
        in_schemas("anyOf"),
        _gemini(
            "Unable to submit request because `multiply` functionDeclaration `parameters.reason` schema "
            "didn't specify the schema type field: anyOf"
        ),
    ),
    _refuses(
        "empty-properties",
        "objects without properties",
        empty_properties,
        _gemini(
            "* GenerateContentRequest.tools[0].function_declarations[0].parameters.properties: "
            "should be non-empty for OBJECT type"
        ),
    ),
    _refuses(
        "max-tokens",
        "`max_tokens`",
        has("max_tokens"),
        _openai(
            "Unsupported parameter: 'max_tokens' is not supported with this model. "
            "Use 'max_completion_tokens' instead.",
            "max_tokens",
        ),
        apis=CHAT,
    ),
    _refuses(
        "max-completion-tokens",
        "`max_completion_tokens`",
        has("max_completion_tokens"),
        _extra("max_completion_tokens"),
        apis=CHAT,
    ),
    _refuses(
        "max-output-tokens",
        "a limit of the answer",
        has("max_tokens", "max_completion_tokens", "max_output_tokens"),
        _extra("max_tokens"),
    ),
    _refuses(
        "temperature",
        "a temperature",
        has("temperature"),
        _openai(
            "Unsupported value: 'temperature' does not support 0.2 with this model. "
            "Only the default (1) value is supported.",
            "temperature",
            "unsupported_value",
        ),
    ),
    _refuses(
        "tool-choice",
        "`tool_choice`",
        has("tool_choice"),
        _openai(
            '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set', "tool_choice"
        ),
    ),
    _refuses("store", "`store`", has("store"), _extra("store")),
    _refuses("metadata", "`metadata`", has("metadata"), _extra("metadata")),
    _refuses("include", "`include`", has("include"), _extra("include")),
    _refuses(
        "reasoning",
        "`reasoning`",
        has("reasoning", "reasoning_effort"),
        _openai("Unrecognized request argument supplied: reasoning_effort", "reasoning_effort"),
    ),
    _refuses(
        "listed-content",
        "content that is a list",
        listed_content,
        told(400, {"error": {"message": "messages.0.content: Input should be a valid string"}}),
        apis=CHAT,
    ),
    _refuses(
        "null-content",
        "content that is null",
        null_content,
        _openai("Invalid value for 'content': expected a string, got null.", "messages[1].content"),
        apis=CHAT,
    ),
    _refuses(
        "late-system",
        "a system message after the first",
        late_system,
        told(400, {"error": {"message": "System message must be at the beginning."}}),
        apis=CHAT,
    ),
    _refuses(
        "streams",
        "to stream",
        has("stream"),
        _openai(
            "Unsupported value: 'stream' does not support true with this model. "
            "Only the default (false) value is supported.",
            "stream",
            "unsupported_value",
        ),
    ),
    _refuses("everything", "whatever it is sent", lambda body: True, _extra("model")),
)

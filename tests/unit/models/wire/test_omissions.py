"""What an endpoint refuses is found in its words, left out, asked once more, and remembered for it."""

import copy
import json
from typing import Any

import pytest
from agents import ModelSettings

from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.refusals import failure_of
from agentnet.models.wire.omissions import functions_of, leave_out
from agentnet.models.wire.refused import candidates
from tests.unit.models.wire.playing import Answer, events, playing, said, take_turn

pytestmark = pytest.mark.anyio


def tool(name: str, schema: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": name, "parameters": schema or {"type": "object", "properties": {}}, **members},
    }


RICH = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"at": {"type": ["string", "null"], "format": "uri", "exclusiveMinimum": 1}},
}
UNION = {
    "anyOf": [
        {"type": "object", "properties": {"a": {"type": "string"}}},
        {"type": "object", "properties": {"b": {"type": "string"}}},
    ]
}
REFERRING = {
    "type": "object",
    "properties": {"x": {"$ref": "#/$defs/X"}},
    "$defs": {"X": {"type": "object", "properties": {"y": {"$ref": "#/$defs/X"}}}},
}
BODY: dict[str, Any] = {
    "model": "m",
    "stream": True,
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Hi"}]},
        {"role": "user", "content": "Well?"},
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "Hm.",
            "tool_calls": [
                {
                    "id": "call_1234567890",
                    "type": "function",
                    "extra_content": {},
                    "function": {"name": "one", "arguments": "{}"},
                }
            ],
        },
        {"role": "tool", "name": "one", "tool_call_id": "call_1234567890", "content": ""},
    ],
    "tools": [
        tool("one", RICH, strict=True),
        tool("two", UNION),
        tool("three", REFERRING),
        *(tool(f"more_{n}") for n in range(130)),
    ],
    "stream_options": {"include_usage": True},
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "max_tokens": 4096,
    "temperature": 0.2,
    "top_p": 1,
    "store": True,
    "metadata": {"a": "b"},
    "reasoning_effort": "high",
    "response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": True, "schema": RICH}},
    "seed": 1,
    "user": "u",
}


def openai_words(message: str, param: str | None = None) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": None}}


REFUSALS: list[tuple[Any, str]] = [
    (
        openai_words(
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
            "'max_completion_tokens' instead.",
            "max_tokens",
        ),
        "max_tokens",
    ),
    (
        openai_words("Unsupported parameter: 'parallel_tool_calls' is not supported with this model."),
        "parallel_tool_calls",
    ),
    (
        openai_words(
            "Unsupported value: 'temperature' does not support 0.2 with this model. Only the default "
            "(1) value is supported."
        ),
        "temperature",
    ),
    (openai_words("Unrecognized request argument supplied: stream_options"), "stream_options"),
    (openai_words("Unrecognized request arguments supplied: metadata, store"), "metadata"),
    (openai_words("Unknown parameter: 'store'.", "store"), "store"),
    (
        openai_words(
            "Invalid schema for function 'one': In context=(), 'additionalProperties' is required to "
            "be supplied and to be false."
        ),
        "strict",
    ),
    (
        openai_words(
            "Invalid schema for function 'two': schema must have type 'object' and not have "
            "'oneOf'/'anyOf'/'allOf' at the top level."
        ),
        "anyOf",
    ),
    (
        openai_words(
            "Invalid 'tools': array too long. Expected an array with maximum length 128, but got an "
            "array with length 133 instead.",
            "tools",
        ),
        "tools_over:128",
    ),
    (
        openai_words(
            "Invalid value: 'developer'. Supported values are: 'system', 'assistant', 'user', 'function', and 'tool'.",
            "messages[1].role",
        ),
        "developer",
    ),
    (
        openai_words(
            "Unsupported value: 'messages[0].role' does not support 'system' with this model.", "messages[0].role"
        ),
        "system",
    ),
    (openai_words("Unsupported parameter: 'reasoning_effort'"), "reasoning_effort"),
    (openai_words("Invalid schema for function 'two': unheard of"), "tool_named:two"),
    (
        [
            {
                "error": {
                    "code": 400,
                    "message": "Invalid JSON payload received. Unknown name \"strict\" at 'tools[0].function': "
                    "Cannot find field.",
                    "status": "INVALID_ARGUMENT",
                }
            }
        ],
        "strict",
    ),
    (
        [
            {
                "error": {
                    "code": 400,
                    "message": 'Invalid JSON payload received. Unknown name "additionalProperties" at '
                    "'tools[0].function_declarations[0].parameters': Cannot find field.",
                }
            }
        ],
        "additionalProperties",
    ),
    (
        [
            {
                "error": {
                    "code": 400,
                    "message": 'Invalid JSON payload received. Unknown name "exclusiveMinimum" at '
                    "'tools[0].function_declarations[0].parameters.properties[0].value': Cannot find field.",
                }
            }
        ],
        "schema:exclusiveMinimum",
    ),
    (
        [
            {
                "error": {
                    "code": 400,
                    "message": "Invalid value at "
                    "'tools[0].function_declarations[0].parameters.properties[0].value.type' (type), "
                    "Proto field is not repeating, cannot start list.",
                }
            }
        ],
        "type_lists",
    ),
    (
        [
            {
                "error": {
                    "code": 400,
                    "message": "* GenerateContentRequest.tools[0].function_declarations[3].parameters.properties: "
                    "should be non-empty for OBJECT type",
                }
            }
        ],
        "empty_parameters",
    ),
    (
        [
            {
                "error": {
                    "code": 400,
                    "message": 'Unknown name "$ref" at '
                    "'tools[0].function_declarations[2].parameters.properties[0].value': Cannot find field.",
                }
            }
        ],
        "$ref",
    ),
    (
        {
            "detail": [
                {
                    "type": "extra_forbidden",
                    "loc": ["body", "parallel_tool_calls"],
                    "msg": "Extra inputs are not permitted",
                    "input": True,
                }
            ]
        },
        "parallel_tool_calls",
    ),
    (
        {
            "detail": [
                {
                    "type": "extra_forbidden",
                    "loc": ["body", "messages", 5, "tool", "name"],
                    "msg": "Extra inputs are not permitted",
                    "input": "one",
                }
            ]
        },
        "name",
    ),
    (
        {
            "detail": [
                {
                    "type": "extra_forbidden",
                    "loc": ["body", "tools", 0, "function", "strict"],
                    "msg": "Extra inputs are not permitted",
                    "input": True,
                }
            ]
        },
        "strict",
    ),
    (
        {
            "object": "error",
            "message": "[{'type': 'extra_forbidden', "
            "'loc': ('body', 'seed'), 'msg': 'Extra inputs are not permitted'}]",
        },
        "seed",
    ),
    ({"message": "messages.4.reasoning_content: Extra inputs are not permitted"}, "message:reasoning_content"),
    ({"message": "Tool call id was call_1234567890 but must be a-z, A-Z, 0-9, with a length of 9."}, "short_ids"),
    ({"error": "Conversation roles must alternate user/assistant/user/assistant/..."}, "alternate"),
    ({"error": {"message": "messages[4].content: content must not be null"}}, "null_content"),
    ({"error": {"message": "messages: text content blocks must be non-empty"}}, "empty_content"),
    (
        {
            "error": "Failed to deserialize the JSON body into the target type: messages[2]: invalid type: "
            "sequence, expected a string at line 1 column 90"
        },
        "content_parts",
    ),
    ({"error": {"message": "This response_format type is unavailable now"}}, "response_format"),
    ({"error": {"message": "Extra inputs are not permitted, field: 'user', value: 'u'"}}, "user"),
    ({"error": {"message": "tool_choice is not supported"}}, "tool_choice"),
    ({"error": {"message": "tools.1.custom.input_schema: JSON schema is invalid"}}, "tool_at:1"),
]


@pytest.mark.parametrize(("said_of_it", "name"), REFUSALS, ids=[name for _, name in REFUSALS])
def test_the_words_of_a_refusal_tell_what_to_leave_out(said_of_it: Any, name: str) -> None:
    body = json.dumps(said_of_it).encode()
    names = candidates(400, body, failure_of(400, {}, body))
    assert next(each for each in names if leave_out(copy.deepcopy(BODY), each)) == name


def test_a_refusal_that_names_nothing_of_the_request_teaches_nothing() -> None:
    for words in (
        "The model `x` does not exist",
        "m does not support tools",
        "This model's maximum context length is 4096 tokens.",
    ):
        body = json.dumps(openai_words(words)).encode()
        assert not [
            each
            for each in candidates(400, body, failure_of(400, {}, body))
            if leave_out({"model": "m", "messages": []}, each)
        ]


def test_what_a_refusal_repeats_of_the_request_is_not_taken_for_its_words() -> None:
    body = json.dumps(
        {"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs", "input": {"temperature": 1, "tool_choice": 1}}]}
    ).encode()
    assert [*candidates(422, body, failure_of(422, {}, body))] == ["seed"]


@pytest.mark.parametrize("status", [401, 403, 404, 429, 503])
def test_other_statuses_teach_nothing(status: int) -> None:
    body = json.dumps(openai_words("Unsupported parameter: 'temperature'")).encode()
    assert not [*candidates(status, body, failure_of(status, {}, body))]


def left(name: str) -> dict[str, Any]:
    body = copy.deepcopy(BODY)
    assert leave_out(body, name), name
    assert not leave_out(body, name) or name == "system"
    return body


def test_each_way_changes_what_it_is_for_and_nothing_else() -> None:
    assert "strict" not in json.dumps(left("strict"))
    assert "additionalProperties" not in json.dumps(left("additionalProperties"))
    first, second, third, *_ = functions_of(left("type_lists"))
    assert first["parameters"]["properties"]["at"]["type"] == "string"
    assert (second, third) == (BODY["tools"][1]["function"], BODY["tools"][2]["function"])
    root = [*functions_of(left("anyOf"))][1]["parameters"]
    assert (root["type"], set(root["properties"]), "anyOf" in root) == ("object", {"a", "b"}, False)
    referred = [*functions_of(left("$ref"))][2]["parameters"]
    assert referred == {
        "type": "object",
        "properties": {"x": {"type": "object", "properties": {"y": {"type": "object"}}}},
    }
    body = left("max_tokens")
    assert (body["max_completion_tokens"], "max_tokens" in body) == (4096, False)
    assert len(left("tools_over:128")["tools"]) == 128
    assert left("tools_over:2")["tools"] == BODY["tools"][:2]
    assert [message["role"] for message in left("developer")["messages"][:2]] == ["system", "system"]
    assert left("system")["messages"][0]["content"][0]["text"] == "Be brief.\n\nBe kind."
    assert [message["role"] for message in left("alternate")["messages"]] == [
        "system",
        "developer",
        "user",
        "assistant",
        "tool",
    ]
    messages = left("short_ids")["messages"]
    assert messages[4]["tool_calls"][0]["id"] == messages[5]["tool_call_id"]
    assert len(messages[5]["tool_call_id"]) == 9
    assert left("null_content")["messages"][4]["content"] == ""
    assert left("content_parts")["messages"][2]["content"] == "Hi"
    assert "name" not in left("name")["messages"][5]
    assert next(functions_of(left("name")))["name"] == "one"


def test_a_tool_that_was_called_is_kept_before_others() -> None:
    body = {
        "tools": [tool("a"), tool("b"), tool("c")],
        "messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "c"}}]}],
    }
    assert leave_out(body, "tools_over:2")
    assert [each["name"] for each in functions_of(body)] == ["a", "c"]


def test_the_model_and_the_messages_are_never_left_out() -> None:
    assert not any(leave_out(copy.deepcopy(BODY), name) for name in ("model", "messages", "tools", "input"))


HELLO = Answer(events(*said("Hello")))


def refusal(message: str, status: int = 400) -> Answer:
    return Answer(json.dumps(openai_words(message)).encode(), status, "application/json")


async def test_a_refused_member_is_left_out_once_and_remembered() -> None:
    async with playing(refusal("Unrecognized request argument supplied: stream_options"), HELLO) as player:
        assert (await take_turn(player)).text == "Hello"
        assert (await take_turn(player)).text == "Hello"
    assert ["stream_options" in body for body in player.bodies] == [True, False, False]


async def test_several_members_are_left_out_one_after_the_other() -> None:
    answers = [
        refusal("Unrecognized request argument supplied: stream_options"),
        refusal("Unknown parameter: 'temperature'."),
        HELLO,
    ]
    async with playing(*answers) as player:
        turn = await take_turn(player, settings=ModelSettings(include_usage=True, temperature=0.1))
    assert turn.text == "Hello"
    assert {"stream_options", "temperature"} & player.bodies[-1].keys() == set()


async def test_what_did_not_help_is_sent_again_and_not_remembered() -> None:
    words = "Unrecognized: temperature or parallel_tool_calls"
    settings = ModelSettings(temperature=0.1, parallel_tool_calls=True)
    async with playing(refusal(words), refusal(words), HELLO) as player:
        assert (await take_turn(player, settings=settings)).text == "Hello"
    assert [("temperature" in body, "parallel_tool_calls" in body) for body in player.bodies].count((False, False)) == 0


@pytest.mark.parametrize(
    "words", ["Unknown parameter: 'temperature'.", "No, stream_options and temperature and tool_choice!"]
)
async def test_an_endpoint_that_refuses_for_ever_is_asked_a_few_times(words: str) -> None:
    async with playing(refusal(words)) as player:
        with pytest.raises(ModelError) as caught:
            await take_turn(player, settings=ModelSettings(include_usage=True, temperature=0.1, tool_choice="auto"))
        assert caught.value.kind is Kind.REQUEST
        assert words.rstrip(".!") in caught.value.message
        assert len(player.bodies) <= 5


async def test_what_an_endpoint_is_known_to_refuse_is_never_sent() -> None:
    async with playing(HELLO) as player:
        await take_turn(player, omit=frozenset({"stream_options", "additionalProperties"}))
    assert "stream_options" not in player.bodies[0]
    assert "additionalProperties" not in json.dumps(player.bodies[0])


async def test_one_tool_never_disables_an_agent() -> None:
    async with playing(refusal("Invalid schema for function 'get_time': unheard of"), HELLO) as player:
        assert (await take_turn(player)).text == "Hello"
        assert (await take_turn(player)).text == "Hello"
    assert [[each["function"]["name"] for each in body["tools"]] for body in player.bodies[1:]] == [["get_weather"]] * 2


async def test_a_shorter_answer_is_not_asked_for_ever() -> None:
    words = "'max_tokens' is too large: 4096. This model's maximum context length is 4096 tokens and your "
    "request has 90 input tokens."
    async with playing(refusal(words), HELLO) as player:
        for _ in range(2):
            await take_turn(player, settings=ModelSettings(max_tokens=4096))
    assert ["max_tokens" in body for body in player.bodies] == [True, False, True]


async def test_a_request_is_sent_as_the_very_bytes_where_nothing_is_refused() -> None:
    async with playing(HELLO) as player:
        await take_turn(player)
        await take_turn(player)
    assert player.bodies[0] == player.bodies[1]

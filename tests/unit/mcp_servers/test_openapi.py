"""Operations of OpenAPI documents as they are found: what becomes of their schemas, arguments and answers."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from agentnet.errors import ConfigurationError
from agentnet.mcp.schemas import mismatch
from agentnet.upstreams.declarations import OpenApiServer
from mcp_servers.adapters.openapi import operation as operation_module
from mcp_servers.adapters.openapi import text
from mcp_servers.adapters.openapi.answer import result_of
from mcp_servers.adapters.openapi.document import Api
from mcp_servers.adapters.openapi.operation import Operation, operations_of
from mcp_servers.adapters.openapi.request import request_of
from mcp_servers.adapters.openapi.text import values_of

DECLARED = OpenApiServer(name="shop", openapi="openapi.json")
FOUND = {"200": {"description": ""}}
REF = {"$ref": "#/components/schemas/Item"}


def operation(source: dict[str, Any], *, path: str = "/x", method: str = "get", **schemas: Any) -> Operation:
    """The tool of one operation."""
    [found] = operations_of(api({path: {method: {"responses": FOUND} | source}}, schemas), DECLARED).values()
    return found


def api(paths: dict[str, Any], schemas: dict[str, Any] | None = None) -> Api:
    return Api({"openapi": "3.0.3", "paths": paths, "components": {"schemas": schemas or {}}}, "https://a.example/")


def body(schema: Any) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def answers(schema: Any) -> dict[str, Any]:
    return {"responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}}


def parameter(name: str, place: str = "query", **more: Any) -> dict[str, Any]:
    return {"name": name, "in": place, **({} if "content" in more else {"schema": {}}), **more}


def response(content: bytes, media_type: str, status: int = 200) -> httpx.Response:
    request = httpx.Request("GET", "https://a.example/x")
    return httpx.Response(status, headers={"content-type": media_type}, content=content, request=request)


def sent(found: Operation, **arguments: Any) -> httpx.Request:
    return request_of(httpx.AsyncClient(), "https://a.example/v1", found, arguments)


def test_extensions_beside_paths_are_no_paths() -> None:
    assert set(operations_of(api({"x-note": "hello", "/x": {"get": {"responses": FOUND}}}), DECLARED)) == {"get_x"}


BAD_PARAMETERS: list[Any] = [
    5,
    "text",
    {"a": 1},
    ["text"],
    [None],
    [{}],
    [{"in": "query"}],
    [{"in": [], "name": "q"}],
    [{"in": "header", "name": 5}],
    [{"in": "query", "name": "q", "schema": 5}],
    [{"in": "query", "name": "q", "content": 5}],
    [{"$ref": "https://evil.example/p.json"}],
    [{"$ref": "#/nowhere"}],
    [{"$ref": 5}],
]
BAD_OPERATIONS: list[Any] = [
    *(5, None, "x", [], [{}]),
    *({"parameters": each} for each in BAD_PARAMETERS),
    *({"requestBody": each} for each in (5, {"content": 5}, {"content": {"application/json": 5}})),
    *({"responses": each} for each in (5, [5], {"200": 5}, {"200": {"content": {"application/json": 5}}})),
    {"summary": 5},
    body(REF),
]


@pytest.mark.parametrize("bad", BAD_OPERATIONS, ids=json.dumps)
def test_an_operation_that_is_not_well_formed_is_left_out_alone(bad: Any, caplog: pytest.LogCaptureFixture) -> None:
    found = operations_of(api({"/bad": {"get": bad}, "/good": {"get": {"responses": FOUND}}}), DECLARED)
    assert set(found) == {"get_good"}
    assert "'GET /bad' of the OpenAPI document of shop is left out: " in caplog.text


@pytest.mark.parametrize("bad", [5, None, "x", [], {"$ref": "#/paths/~1bad"}, {"$ref": "http://evil.example"}])
def test_a_path_that_is_not_well_formed_is_left_out_alone(bad: Any, caplog: pytest.LogCaptureFixture) -> None:
    found = operations_of(api({"/bad": bad, "/good": {"get": {"responses": FOUND}}}), DECLARED)
    assert set(found) == {"get_good"}
    assert "'/bad' of the OpenAPI document of shop is left out: " in caplog.text


def test_faults_without_number_are_counted_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    paths: dict[str, Any] = {f"/bad{number}": {"get": 5} for number in range(1000)}
    operations_of(api(paths | {"/good": {"get": {"responses": FOUND}}}), DECLARED)
    assert len(caplog.records) == operation_module.MAX_FAULTS + 1
    assert "1000 operations are left out" in caplog.text


def test_a_reference_may_lead_through_a_list() -> None:
    first = {"parameters": [parameter("q", schema={"type": "integer"})], "responses": FOUND}
    second = {"parameters": [parameter("p", schema={"$ref": "#/paths/~1x/get/parameters/0/schema"})]}
    found = operations_of(api({"/x": {"get": first}, "/y": {"get": second}}), DECLARED)
    assert mismatch(found["get_y"].tool.input_schema, {"p": "text"})


def test_a_chain_of_references_may_be_long() -> None:
    chain = {f"S{n}": {"type": "array", "items": {"$ref": f"#/components/schemas/S{n + 1}"}} for n in range(2000)}
    found = operation(body({"$ref": "#/components/schemas/S0"}), **chain, S2000={"type": "string"})
    assert len(found.tool.input_schema["$defs"]) == 2001


def test_tools_that_are_too_large_together_are_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation_module, "MAX_TOOLS_BYTES", 1 << 20)
    item = {"type": "string", "description": "x" * 10_000}
    paths = {f"/x{n}": {"post": body(REF) | {"responses": FOUND}} for n in range(150)}
    with pytest.raises(ConfigurationError, match="1 MiB of tools"):
        operations_of(api(paths, {"Item": item}), DECLARED)


def test_names_that_differ_in_signs_only_stay_apart() -> None:
    properties = {name: {"$ref": f"#/components/schemas/{name}"} for name in ("L[A]", "L<A>")}
    schemas = {"L[A]": {"type": "string"}, "L<A>": {"type": "integer"}}
    found = operation(body({"type": "object", "properties": properties}), **schemas)
    assert not mismatch(found.tool.input_schema, {"body": {"L[A]": "text", "L<A>": 1}})
    assert mismatch(found.tool.input_schema, {"body": {"L<A>": "text"}})


def test_what_only_answers_have_is_not_asked_for_and_the_other_way_round() -> None:
    item = {
        "type": "object",
        "required": ["id", "name", "password"],
        "properties": {
            "id": {"type": "integer", "readOnly": True},
            "name": {"type": "string"},
            "password": {"type": "string", "writeOnly": True},
        },
    }
    found = operation(body(REF) | answers(REF), method="post", Item=item)
    assert not mismatch(found.tool.input_schema, {"body": {"name": "n", "password": "p"}})
    assert mismatch(found.tool.input_schema, {"body": {"name": "n"}})
    assert not result_of(found, response(b'{"id": 1, "name": "n"}', "application/json")).is_error
    assert result_of(found, response(b'{"name": "n"}', "application/json")).is_error


@pytest.mark.parametrize("schema", [{"type": "string", "pattern": r"^\p{L}+$"}, {"type": "file"}, {"minimum": "1"}])
def test_a_schema_that_cannot_be_applied_forbids_nothing(schema: dict[str, Any]) -> None:
    assert not mismatch(operation({"parameters": [parameter("q", schema=schema)]}).tool.input_schema, {"q": "x"})


@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
def test_an_empty_answer_is_a_success_whatever_its_type(media_type: str) -> None:
    result = result_of(operation({}), response(b"", media_type, 204))
    assert (result.is_error, result.content[0].model_dump()["text"]) == (False, "Done (204).")


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"k":' * 400 + b"1" + b"}" * 400])
def test_an_answer_that_is_nested_too_deeply_is_told_of(content: bytes) -> None:
    item = {"type": "object", "properties": {"k": {"anyOf": [REF, {"type": "integer"}]}}}
    result = result_of(operation(answers(REF), Item=item), response(content, "application/json"))
    assert result.is_error
    assert "nested" in result.content[0].model_dump()["text"]


@pytest.mark.parametrize("charset", ["hex", "undefined", "nonsense"])
def test_a_character_set_that_is_none_does_not_hide_the_text(charset: str) -> None:
    result = result_of(operation({}), response(b"abc", f"text/plain; charset={charset}"))
    assert result.content[0].model_dump()["text"] == "abc"


def test_arguments_are_written_as_their_parameters_say() -> None:
    json_content = {"application/json": {"schema": {}}}
    parameters = [
        parameter("filter", content=json_content),
        parameter("ids", content=json_content),
        parameter("color", explode=False),
        parameter("point", "path"),
        parameter("X-Range", "header", explode=True),
    ]
    found = operation({"parameters": parameters}, path="/x/{point}")
    request = sent(found, filter={"a": 1}, ids=[1, 2], color={"R": 1}, point={"x": 1, "y": 2}, **{"X-Range": {"a": 1}})
    assert dict(request.url.params) == {"filter": '{"a": 1}', "ids": "[1, 2]", "color": "R,1"}
    assert (request.url.path, request.headers["x-range"]) == ("/v1/x/x,1,y,2", "a=1")


def test_a_list_in_a_form_is_repeated() -> None:
    form = {"requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": {}}}}}
    assert sent(operation(form, method="post"), body={"tag": ["a", "b"], "n": 1}).content == b"tag=a&tag=b&n=1"


def test_plain_words_of_yaml_are_those_of_json() -> None:
    found = values_of(
        "codes: [SE, NO, on, y]\nday: 2020-01-01\nat: 12:30\nbad: 2020-99-99\nn: [1, -2.5, 1e3, null, true]"
    )
    assert found == {
        "codes": ["SE", "NO", "on", "y"],
        "day": "2020-01-01",
        "at": "12:30",
        "bad": "2020-99-99",
        "n": [1, -2.5, 1000.0, None, True],
    }


def test_yaml_merges_are_followed_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    def doubled(times: int) -> Iterator[str]:
        yield "a0: &a0 {x: 1}"
        yield from (f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}" for n in range(1, times))

    assert values_of("\n".join(doubled(3)))["a2"] == {"x": 1}
    monkeypatch.setattr(text, "MAX_NODES", 1000)
    with pytest.raises(ConfigurationError, match="1000 values"):
        values_of("\n".join(doubled(60)))


def test_json_is_not_read_as_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml, "load", None)
    assert values_of(json.dumps({"openapi": "3.0.0"})) == {"openapi": "3.0.0"}

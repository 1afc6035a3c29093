"""One way to say each operation, in every binding and version, as JSON of A2A 1.0.

1.0 is spoken without the SDK over HTTP, and with the generated stubs over gRPC. 0.3 is spoken by the SDK's own client,
which gives answers and takes requests in the shapes of 1.0.
"""

import copy
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Protocol

import grpc
import grpc.aio
import httpx
from a2a.client import Client, ClientCallContext, ClientConfig, ClientFactory
from a2a.client.errors import A2AClientError
from a2a.types import a2a_pb2 as pb
from a2a.types import a2a_pb2_grpc
from a2a.utils.errors import A2A_ERROR_REASONS, A2AError
from google.protobuf.json_format import MessageToDict, ParseDict
from google.rpc import error_details_pb2, status_pb2

Json = dict[str, Any]

BINDINGS_1_0 = ("JSONRPC-1.0", "HTTP+JSON-1.0", "GRPC-1.0")
BINDINGS_0_3 = ("JSONRPC-0.3", "HTTP+JSON-0.3", "GRPC-0.3")
ALL = BINDINGS_1_0 + BINDINGS_0_3
TIMEOUT_SECONDS = 60.0

assert error_details_pb2  # its types must be known to read details


class RefusedError(Exception):
    """An error as a client sees it: `reason` as A2A names it, `code` in the binding's own terms."""

    def __init__(self, reason: str, code: int | str, message: str, details: list[Json], answer: Any = None) -> None:
        super().__init__(f"{reason} ({code}): {message}")
        self.reason, self.code, self.message, self.details, self.answer = reason, code, message, details, answer


class Door(Protocol):
    """A client of one binding in one version."""

    async def send(self, message: Json, configuration: Json | None = None, **more: Any) -> Json: ...
    def stream(self, message: Json, configuration: Json | None = None) -> AsyncGenerator[Json, None]: ...
    async def get(self, task_id: str, **more: Any) -> Json: ...
    async def list(self, **filters: Any) -> Json: ...
    async def cancel(self, task_id: str) -> Json: ...
    def subscribe(self, task_id: str) -> AsyncGenerator[Json, None]: ...
    async def extended_card(self) -> Json: ...


@asynccontextmanager
async def open_door(
    name: str, url: str, grpc_address: str, key: str, headers: dict[str, str] | None = None
) -> AsyncIterator[Door]:
    """The door `<binding>-<version>` of an agent; `headers` go with every call, as headers or as metadata."""
    binding, _, version = name.rpartition("-")
    extra = {"authorization": f"Bearer {key}", **(headers or {})}
    async with AsyncExitStack() as stack:
        if version == "1.0" and binding == "GRPC":
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(grpc_address))
            yield GrpcDoor(channel, {"a2a-version": "1.0"} | extra)
            return
        own = {"a2a-version": version} if version == "1.0" else {}
        client = httpx.AsyncClient(base_url=url, headers=own | extra, timeout=TIMEOUT_SECONDS, trust_env=False)
        http = await stack.enter_async_context(client)
        if version == "1.0":
            yield RestDoor(http) if binding == "HTTP+JSON" else JsonRpcDoor(http)
            return
        yield await _sdk_door(stack, http, binding, version, url, extra)


class JsonRpcDoor:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def call(self, method: str, params: Json) -> Any:
        response = await self.http.post("/", json=self._body(method, params))
        return _rpc_result(response.json())

    async def events(self, method: str, params: Json) -> AsyncGenerator[Json, None]:
        async with self.http.stream("POST", "/", json=self._body(method, params)) as response:
            if not response.headers["content-type"].startswith("text/event-stream"):
                _rpc_result(json.loads(await response.aread()))
            async for data in sse_data(response):
                yield _rpc_result(data)

    async def send(self, message: Json, configuration: Json | None = None, **more: Any) -> Json:
        return dict(await self.call("SendMessage", _request(message, configuration) | more))

    def stream(self, message: Json, configuration: Json | None = None) -> AsyncGenerator[Json, None]:
        return self.events("SendStreamingMessage", _request(message, configuration))

    async def get(self, task_id: str, **more: Any) -> Json:
        return dict(await self.call("GetTask", {"id": task_id} | more))

    async def list(self, **filters: Any) -> Json:
        return dict(await self.call("ListTasks", filters))

    async def cancel(self, task_id: str) -> Json:
        return dict(await self.call("CancelTask", {"id": task_id}))

    def subscribe(self, task_id: str) -> AsyncGenerator[Json, None]:
        return self.events("SubscribeToTask", {"id": task_id})

    async def extended_card(self) -> Json:
        return dict(await self.call("GetExtendedAgentCard", {}))

    def _body(self, method: str, params: Json) -> Json:
        return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


class RestDoor:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def send(self, message: Json, configuration: Json | None = None, **more: Any) -> Json:
        return _rest_result(await self.http.post("/message:send", json=_request(message, configuration) | more))

    def stream(self, message: Json, configuration: Json | None = None) -> AsyncGenerator[Json, None]:
        return self._events("/message:stream", _request(message, configuration))

    async def get(self, task_id: str, **more: Any) -> Json:
        return _rest_result(await self.http.get(f"/tasks/{task_id}", params=_query(more)))

    async def list(self, **filters: Any) -> Json:
        return _rest_result(await self.http.get("/tasks", params=_query(filters)))

    async def cancel(self, task_id: str) -> Json:
        return _rest_result(await self.http.post(f"/tasks/{task_id}:cancel", json={}))

    def subscribe(self, task_id: str) -> AsyncGenerator[Json, None]:
        return self._events(f"/tasks/{task_id}:subscribe", {})

    async def extended_card(self) -> Json:
        return _rest_result(await self.http.get("/extendedAgentCard"))

    async def _events(self, path: str, body: Json) -> AsyncGenerator[Json, None]:
        async with self.http.stream("POST", path, json=body) as response:
            if not response.headers["content-type"].startswith("text/event-stream"):
                await response.aread()
                _rest_result(response)
            async for data in sse_data(response):
                yield data


class GrpcDoor:
    def __init__(self, channel: grpc.aio.Channel, metadata: dict[str, str]) -> None:
        self.stub: Any = a2a_pb2_grpc.A2AServiceStub(channel)
        self.metadata = list(metadata.items())

    async def send(self, message: Json, configuration: Json | None = None, **more: Any) -> Json:
        timeout = more.pop("timeout", TIMEOUT_SECONDS)
        request = ParseDict(_request(message, configuration) | more, pb.SendMessageRequest())
        return await self._one("SendMessage", request, timeout)

    def stream(self, message: Json, configuration: Json | None = None) -> AsyncGenerator[Json, None]:
        request = ParseDict(_request(message, configuration), pb.SendMessageRequest())
        return self._many("SendStreamingMessage", request)

    async def get(self, task_id: str, **more: Any) -> Json:
        return await self._one("GetTask", ParseDict({"id": task_id} | more, pb.GetTaskRequest()))

    async def list(self, **filters: Any) -> Json:
        answer = await self._one("ListTasks", ParseDict(filters, pb.ListTasksRequest()))
        return {"tasks": [], "nextPageToken": "", "totalSize": 0, "pageSize": 0} | answer  # proto3 leaves them out

    async def cancel(self, task_id: str) -> Json:
        return await self._one("CancelTask", pb.CancelTaskRequest(id=task_id))

    def subscribe(self, task_id: str) -> AsyncGenerator[Json, None]:
        return self._many("SubscribeToTask", pb.SubscribeToTaskRequest(id=task_id))

    async def extended_card(self) -> Json:
        return await self._one("GetExtendedAgentCard", pb.GetExtendedAgentCardRequest())

    async def _one(self, method: str, request: Any, timeout: float = TIMEOUT_SECONDS) -> Json:
        try:
            answer = await getattr(self.stub, method)(request, metadata=self.metadata, timeout=timeout)
        except grpc.aio.AioRpcError as error:
            raise grpc_refusal(error) from None
        return dict(MessageToDict(answer))

    async def _many(self, method: str, request: Any) -> AsyncGenerator[Json, None]:
        call = getattr(self.stub, method)(request, metadata=self.metadata, timeout=TIMEOUT_SECONDS)
        try:
            async for event in call:
                yield dict(MessageToDict(event))
        except grpc.aio.AioRpcError as error:
            raise grpc_refusal(error) from None
        finally:
            call.cancel()


class SdkDoor:
    """The SDK's client, for the version that it hides."""

    def __init__(self, client: Client, streaming: Client, headers: dict[str, str]) -> None:
        self._client, self._streaming = client, streaming
        self._context = ClientCallContext(service_parameters=headers)

    async def send(self, message: Json, configuration: Json | None = None, **more: Any) -> Json:
        [event] = [event async for event in self._events(self._client, _request(message, configuration) | more)]
        return event

    def stream(self, message: Json, configuration: Json | None = None) -> AsyncGenerator[Json, None]:
        return self._events(self._streaming, _request(message, configuration))

    async def get(self, task_id: str, **more: Any) -> Json:
        request = ParseDict({"id": task_id} | more, pb.GetTaskRequest())
        return await _said(self._client.get_task(request, context=self._context))

    async def list(self, **filters: Any) -> Json:
        raise NotImplementedError("0.3 lists no tasks")

    async def cancel(self, task_id: str) -> Json:
        return await _said(self._client.cancel_task(pb.CancelTaskRequest(id=task_id), context=self._context))

    async def subscribe(self, task_id: str) -> AsyncGenerator[Json, None]:
        request = pb.SubscribeToTaskRequest(id=task_id)
        try:
            async for event in self._streaming.subscribe(request, context=self._context):
                yield dict(MessageToDict(event))
        except (A2AError, A2AClientError) as error:
            raise _sdk_refusal(error) from None

    async def extended_card(self) -> Json:
        request = pb.GetExtendedAgentCardRequest()
        return await _said(self._client.get_extended_agent_card(request, context=self._context))

    async def _events(self, client: Client, body: Json) -> AsyncGenerator[Json, None]:
        request = ParseDict(body, pb.SendMessageRequest())
        try:
            async for event in client.send_message(request, context=self._context):
                yield dict(MessageToDict(event))
        except (A2AError, A2AClientError) as error:
            raise _sdk_refusal(error) from None


async def sse_data(response: httpx.Response) -> AsyncGenerator[Json, None]:
    """The JSON of each server-sent event."""
    async for line in response.aiter_lines():
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))


def grpc_refusal(error: grpc.aio.AioRpcError) -> RefusedError:
    """An RPC's error with its google.rpc.Status."""
    status = status_pb2.Status()
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status.ParseFromString(value)
    details = [dict(MessageToDict(detail)) for detail in status.details]
    return RefusedError(_reason(details), error.code().name, error.details() or "", details, error)


def _rpc_result(body: Json) -> Any:
    assert body["jsonrpc"] == "2.0"
    assert ("result" in body) != ("error" in body)
    if "error" in body:
        error = body["error"]
        details = error.get("data") or []
        raise RefusedError(_reason(details), error["code"], error["message"], details, body)
    return body["result"]


def _rest_result(response: httpx.Response) -> Json:
    body = response.json()
    if response.is_success:
        return dict(body)
    error = body["error"]
    assert error["code"] == response.status_code
    details = error.get("details") or []
    raise RefusedError(_reason(details), response.status_code, error["message"], details, response)


def _reason(details: list[Json]) -> str:
    return str(next((item["reason"] for item in details if item["@type"].endswith("ErrorInfo")), ""))


def _sdk_refusal(error: Exception) -> RefusedError:
    """What the server said, where the client of 0.3 makes less of it."""
    cause = error.__cause__
    if isinstance(cause, httpx.HTTPStatusError) and cause.response.is_stream_consumed:
        status = cause.response.json()["error"]
        return RefusedError(_reason(status["details"]), status["code"], status["message"], status["details"], cause)
    reason = A2A_ERROR_REASONS.get(type(error), "") if isinstance(error, A2AError) else ""
    return RefusedError(reason, "", str(error), [], error)


async def _said(call: Any) -> Json:
    try:
        return dict(MessageToDict(await call))
    except (A2AError, A2AClientError) as error:
        raise _sdk_refusal(error) from None


def _request(message: Json, configuration: Json | None) -> Json:
    return {"message": message} | ({"configuration": configuration} if configuration else {})


def _query(fields: Json) -> dict[str, str]:
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in fields.items()}


async def _sdk_door(
    stack: AsyncExitStack, http: httpx.AsyncClient, binding: str, version: str, url: str, headers: dict[str, str]
) -> SdkDoor:
    card = ParseDict(
        {
            "name": "under-test",
            "supportedInterfaces": [],
            "capabilities": {"streaming": True, "extendedAgentCard": True},
        },
        pb.AgentCard(),
    )
    served = (await http.get("/.well-known/agent-card.json")).json()
    for item in served["supportedInterfaces"]:
        if (item["protocolBinding"], item["protocolVersion"]) == (binding, version):
            card.supported_interfaces.append(pb.AgentInterface(**_snake(item)))
    assert card.supported_interfaces, f"the card offers no {binding} {version}"
    clients: list[Client] = []
    for streaming in (False, True):
        config = ClientConfig(
            httpx_client=http,
            grpc_channel_factory=grpc.aio.insecure_channel,
            streaming=streaming,
            supported_protocol_bindings=[binding],
        )
        client = ClientFactory(config).create(copy.deepcopy(card))
        if binding == "GRPC":
            stack.push_async_callback(client.close)
        clients.append(client)
    return SdkDoor(clients[0], clients[1], headers)


def _snake(item: Json) -> Json:
    return {
        "url": item["url"],
        "protocol_binding": item["protocolBinding"],
        "protocol_version": item["protocolVersion"],
    }

"""Section 10: gRPC."""

from typing import Any

import grpc
import grpc.aio
import pytest
from a2a.types import a2a_pb2 as pb
from a2a.types import a2a_pb2_grpc

from agentnet.a2a.grpc import GrpcServer
from tests.conformance.a2a.messages import message, sent
from tests.conformance.a2a.server import Server, free_port, servers
from tests.conformance.a2a.test_3_1_operations import NOWHERE
from tests.conformance.a2a.wire import RefusedError

pytestmark = pytest.mark.anyio


async def test_10_1_the_service_of_the_normative_definition_answers(server: Server) -> None:
    assert pb.DESCRIPTOR.services_by_name["A2AService"].full_name == "lf.a2a.v1.A2AService"
    async with grpc.aio.insecure_channel(server.grpc_address) as channel:
        stub = a2a_pb2_grpc.A2AServiceStub(channel)  # type: ignore[no-untyped-call]
        metadata = [("authorization", f"Bearer {server.key}"), ("a2a-version", "1.0")]
        page = await stub.ListTasks(pb.ListTasksRequest(), metadata=metadata)
        assert page.page_size == 50


async def test_10_2_extensions_are_read_from_every_entry_of_the_metadata(server: Server) -> None:
    async with grpc.aio.insecure_channel(server.grpc_address) as channel:
        stub = a2a_pb2_grpc.A2AServiceStub(channel)  # type: ignore[no-untyped-call]
        metadata = [
            ("authorization", f"Bearer {server.key}"),
            ("a2a-version", "1.0"),
            ("a2a-extensions", "https://e.com/a"),
            ("a2a-extensions", "https://e.com/b"),
        ]
        assert (await stub.ListTasks(pb.ListTasksRequest(), metadata=metadata)).page_size == 50


async def test_10_6_an_error_carries_its_details_as_google_rpc_status(server: Server) -> None:
    async with server.door("GRPC-1.0") as door:
        with pytest.raises(RefusedError) as refused:
            await door.get(NOWHERE)
    assert refused.value.code == "NOT_FOUND"
    [info] = refused.value.details
    assert (info["reason"], info["domain"]) == ("TASK_NOT_FOUND", "a2a-protocol.org")


async def test_10_6_wrong_fields_are_named_in_a_bad_request(server: Server) -> None:
    async with server.door("GRPC-1.0") as door:
        with pytest.raises(RefusedError) as refused:
            await door.send(message("x") | {"messageId": ""})
    assert refused.value.code == "INVALID_ARGUMENT"
    fields = [item["field"] for detail in refused.value.details for item in detail.get("fieldViolations", [])]
    assert fields == ["message.messageId"]


async def test_10_7_a_stream_that_cannot_begin_ends_with_the_error(server: Server) -> None:
    async with server.door("GRPC-1.0") as door:
        with pytest.raises(RefusedError) as refused:
            await anext(door.subscribe(NOWHERE))
    assert refused.value.code == "NOT_FOUND"


async def test_10_4_a_message_over_the_limit_is_refused(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    home = tmp_path_factory.mktemp("small")
    async with servers(database_url, home, max_body_bytes=10_000) as [small], small.door("GRPC-1.0") as door:
        with pytest.raises(RefusedError) as refused:
            await sent(door, "x" * 20_000)
        assert refused.value.code == "RESOURCE_EXHAUSTED"


async def test_10_4_two_agents_of_one_process_take_two_ports(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from agentnet.process.service import Service, running

    async with servers(database_url, tmp_path_factory.mktemp("two")) as [one]:
        async with running(one.runtime, Service("agent", one.name, 0)) as second, one.http() as http:
            card = (await http.get(f"{second.url}/.well-known/agent-card.json")).json()
            addresses = {item["url"] for item in card["supportedInterfaces"] if item["protocolBinding"] == "GRPC"}
            assert len(addresses) == 1
            assert one.grpc_address not in addresses


@pytest.mark.parametrize(
    "body",
    [
        b"\xff" * 20,
        b"\x12\x05ab",
        pb.SendMessageRequest(message=pb.Message(context_id="a\x00")).SerializeToString(),
        b"\x12\x80\x80\x40" + b"\x2a\x00" * (1 << 19),
        pb.SendMessageRequest(message=pb.Message(message_id="\x00")).SerializeToString(),
        b"\x0b\x0b\x0b",
    ],
)
async def test_10_4_bytes_that_are_no_message_or_too_much_of_one_are_the_clients_error(
    server: Server, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with grpc.aio.insecure_channel(server.grpc_address) as channel:
        metadata = [("authorization", f"Bearer {server.key}"), ("a2a-version", "1.0")]
        call = channel.unary_unary("/lf.a2a.v1.A2AService/SendMessage")
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call(body, metadata=metadata)
        stream = channel.unary_stream("/lf.a2a.v1.A2AService/SendStreamingMessage")
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            async for _ in stream(body, metadata=metadata):
                pass
    assert (refused.value.code(), ended.value.code()) == (grpc.StatusCode.INVALID_ARGUMENT,) * 2
    assert not [record for record in caplog.records if record.exc_info]


async def test_agents_that_share_a_host_take_one_port_after_the_other_without_a_word(
    server: Server, capfd: pytest.CaptureFixture[str]
) -> None:
    async def nobody(_: str) -> Any:
        raise AssertionError

    settings = server.runtime.settings.model_copy(update={"grpc_port": free_port()})
    made = [GrpcServer(settings, nobody) for _ in range(3)]
    assert len({one.address for one in made}) == 3
    for one in made:
        await one.stop()
    assert capfd.readouterr().err == ""

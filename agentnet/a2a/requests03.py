"""Requests of A2A 0.3 read with a2a-sdk's types and conversions: whatever those raise is the client's error."""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, TypeVar

from a2a.compat.v0_3 import a2a_v0_3_pb2 as v03_pb
from a2a.compat.v0_3 import conversions, proto_utils
from a2a.compat.v0_3 import types as v03
from a2a.compat.v0_3.request_handler import RequestHandler03
from a2a.server.context import ServerCallContext
from a2a.types.a2a_pb2 import SendMessageRequest, Task
from a2a.utils.errors import A2AError, InvalidParamsError
from a2a.utils.proto_utils import to_stream_response

from agentnet.a2a.errors import wrong_field
from agentnet.a2a.files03 import taken

Read = TypeVar("Read")
CONTENTS = ("text", "file", "data")
FILES = ("fileWithUri", "fileWithBytes")


class Handler03(RequestHandler03):
    """Answers requests of 0.3 with a handler of 1.0."""

    async def on_message_send(
        self, request: v03.SendMessageRequest, context: ServerCallContext
    ) -> v03.Task | v03.Message:
        """The task or the message that answers. Raises `InvalidParamsError` for what cannot be read."""
        answer = await self.request_handler.on_message_send(send_request(request), context)
        return conversions.to_compat_task(answer) if isinstance(answer, Task) else conversions.to_compat_message(answer)

    async def on_message_send_stream(
        self, request: v03.SendMessageRequest, context: ServerCallContext
    ) -> AsyncIterator[v03.SendStreamingMessageSuccessResponse]:
        """The events of the task. Raises `InvalidParamsError` for what cannot be read."""
        async for event in self.request_handler.on_message_send_stream(send_request(request), context):
            yield conversions.to_compat_stream_response(to_stream_response(event), request.id)


def send_request(request: v03.SendMessageRequest) -> SendMessageRequest:
    """The request in 1.0. Raises `InvalidParamsError` that names the part."""
    parts = request.params.message.parts
    return _converted(
        conversions.to_core_send_message_request, request, "message.parts", conversions.to_core_part, parts
    )


def message_params(sent: v03_pb.SendMessageRequest, agent: str) -> v03.MessageSendParams:
    """What a request in protobuf says; its files are read as the client `agent` sends them.

    Raises `InvalidParamsError` that names the part.
    """
    for index, part in enumerate(sent.request.content):
        field = f"message.content[{index}]"
        if part.WhichOneof("part") is None:
            raise wrong_field(field, f"must have one of {', '.join(CONTENTS)}")
        if part.HasField("file") and part.file.WhichOneof("file") is None:
            raise wrong_field(f"{field}.file", f"must have one of {' and '.join(FILES)}")
    taken(sent.request, agent)
    read = proto_utils.FromProto
    return _converted(read.message_send_params, sent, "message.content", read.part, sent.request.content)


def push_params(sent: v03_pb.CreateTaskPushNotificationConfigRequest) -> v03.TaskPushNotificationConfig:
    """The push config in a request, with the id that the request names where the config has none.

    Raises `InvalidParamsError` for another task's.
    """
    named = sent.config.name
    found = proto_utils.TASK_PUSH_CONFIG_NAME_MATCH.fullmatch(named)
    task = proto_utils.TASK_NAME_MATCH.match(sent.parent)
    if named and (found is None or (task is not None and found[1] != task[1])):
        raise wrong_field("config.name", "must be tasks/<id of the task>/pushNotificationConfigs/<id of the config>")
    config = sent.config.push_notification_config
    config.id = config.id or (found[2] if found else "") or sent.config_id
    return proto_utils.FromProto.task_push_notification_config_request(sent)


def _converted(
    convert: Callable[[Any], Read], request: Any, field: str, convert_part: Callable[[Any], Any], parts: Iterable[Any]
) -> Read:
    """`convert(request)`. What goes wrong is said without its words, which hold what was sent."""
    try:
        return convert(request)
    except A2AError:
        raise
    except Exception:  # noqa: BLE001 - the SDK's conversions raise many kinds, and nothing but the request is converted
        for index, part in enumerate(parts):
            try:
                convert_part(part)
            except Exception:  # noqa: BLE001 - as above
                raise wrong_field(f"{field}[{index}]", "is not a part that A2A 0.3 has") from None
        raise InvalidParamsError("The request is not one of A2A 0.3.") from None

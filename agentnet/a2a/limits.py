"""What a message may be: sizes, counts and characters, checked before anything is stored."""

from dataclasses import dataclass

from a2a.types.a2a_pb2 import AgentCard, Message, Part, SendMessageRequest
from a2a.utils.constants import MAX_LIST_TASKS_PAGE_SIZE
from a2a.utils.errors import ContentTypeNotSupportedError, UnsupportedOperationError
from a2a.utils.proto_utils import validate_proto_required_fields

from agentnet.a2a.errors import wrong_field
from agentnet.http.json_scan import JsonLimits
from agentnet.identity import Budget, Principal
from agentnet.tasks.events import ROLE_USER
from agentnet.tasks.output import (
    MAX_ID_CHARACTERS,
    MAX_JSON_DEPTH,
    MAX_JSON_VALUES,
    MAX_MESSAGE_BYTES,
    MAX_PARTS,
    MAX_TEXT_CHARACTERS,
)

IDS = ("messageId", "contextId", "taskId")
MAX_JSON = JsonLimits(MAX_JSON_DEPTH, MAX_JSON_VALUES)
"""Of a whole request."""


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """Limits of one agent server."""

    max_file_bytes: int


def json_limits(limits: JsonLimits) -> JsonLimits:
    """`limits`, but no more than a message may have."""
    return JsonLimits(min(limits.depth, MAX_JSON.depth), min(limits.values, MAX_JSON.values))


def check_chain(agent: str, principal: Principal, budget: Budget) -> None:
    """Raises `UnsupportedOperationError` for a delegation to `agent` that goes in a loop, or is too deep."""
    me = f"agent:{agent}"
    loops = me in principal.chain
    if loops or budget.hops < 0:
        wrong = "this delegation would go in a loop" if loops else "the delegation is too deep"
        raise UnsupportedOperationError(f"Refused: {wrong} ({' → '.join((*principal.chain, me))}).")


def check_required(request: SendMessageRequest) -> None:
    """Raises `InvalidParamsError` that names what is missing. Reflection looks only where a glance found a fault."""
    message = request.message
    if not (message.message_id and message.role and message.parts) or request.configuration.HasField(
        "task_push_notification_config"
    ):
        validate_proto_required_fields(request)


def check_message(message: Message, limits: MessageLimits, card: AgentCard) -> None:
    """Raises `InvalidParamsError` that names the field, `ContentTypeNotSupportedError` that names what is taken."""
    for field, value in zip(IDS, (message.message_id, message.context_id, message.task_id), strict=True):
        if len(value) > MAX_ID_CHARACTERS or "\x00" in value:
            raise wrong_field(f"message.{field}", f"must be at most {MAX_ID_CHARACTERS} characters, without NUL")
    if message.role not in (ROLE_USER, 0):  # 0: clients leave it out
        raise wrong_field("message.role", "must be ROLE_USER: an agent's words come from the agent")
    message.role = ROLE_USER
    parts = message.parts
    if not 1 <= len(parts) <= MAX_PARTS:
        raise wrong_field("message.parts", f"must be 1 to {MAX_PARTS} parts, not {len(parts)}")
    is_text = len(parts) == 1 and parts[0].WhichOneof("content") == "text" and not parts[0].media_type
    files = 0 if is_text else sum(len(part.raw) for part in parts)
    if message.ByteSize() - files > MAX_MESSAGE_BYTES:
        raise wrong_field(
            "message", f"has more than {MAX_MESSAGE_BYTES} bytes, its files aside; send large texts and data as files"
        )
    for index, part in enumerate(parts):
        if not is_text or len(part.text) > MAX_TEXT_CHARACTERS:
            _check_part(part, f"message.parts[{index}]", limits)
    if not is_text:
        _check_media_types(message, card)


def check_same(message: Message, known: Message) -> None:
    """Raises `InvalidParamsError` unless `message` is `known`, which has its id, sent again (A2A 1.0 section 3.3.1).

    Its ids of task and context do not count: a client may leave them out.
    """
    if _content(message) != _content(known):
        raise wrong_field(
            "message.messageId",
            f"{message.message_id} was used for another message (task {known.task_id}); a new message has a new id",
        )


def _content(message: Message) -> Message:
    content = Message()
    content.CopyFrom(message)
    content.ClearField("task_id")
    content.ClearField("context_id")
    return content


def check_history_length(length: int, field: str = "historyLength") -> None:
    """Raises `InvalidParamsError`."""
    if length < 0:
        raise wrong_field(field, f"must be 0 or more, not {length}")


def check_page_size(size: int) -> None:
    """Raises `InvalidParamsError`."""
    if not 1 <= size <= MAX_LIST_TASKS_PAGE_SIZE:
        raise wrong_field("pageSize", f"must be 1 to {MAX_LIST_TASKS_PAGE_SIZE}, not {size}")


def _check_part(part: Part, field: str, limits: MessageLimits) -> None:
    if part.WhichOneof("content") is None:
        raise wrong_field(field, "must have one of text, raw, url and data")
    if len(part.raw) > limits.max_file_bytes:
        raise wrong_field(
            f"{field}.raw",
            f"({part.filename or 'a file without a name'}) has {len(part.raw)} bytes; "
            f"the limit is {limits.max_file_bytes} bytes",
        )
    if len(part.text) > MAX_TEXT_CHARACTERS:
        raise wrong_field(
            f"{field}.text", f"has {len(part.text)} characters; the limit is {MAX_TEXT_CHARACTERS} characters"
        )


def _check_media_types(message: Message, card: AgentCard) -> None:
    """Each stated media type must be one that the card or one of its skills takes; `*/*` and `text/*` take many."""
    types = {part.media_type.partition(";")[0].strip().lower() for part in message.parts if part.media_type} - {""}
    if not types:
        return
    taken = {*card.default_input_modes, *(mode for skill in card.skills for mode in skill.input_modes)}
    for stated in sorted(types):
        if taken and not taken & {stated, f"{stated.partition('/')[0]}/*", "*/*"}:
            raise ContentTypeNotSupportedError(
                f"The media type {stated} is not supported; this agent takes {', '.join(sorted(taken))}."
            )

"""What a message may be: sizes, counts and characters, checked before anything is stored."""

from dataclasses import dataclass

from a2a.types.a2a_pb2 import AgentCard, Message, Role, SendMessageRequest
from a2a.utils.errors import ContentTypeNotSupportedError, InvalidParamsError
from a2a.utils.proto_utils import validate_proto_required_fields

MAX_PARTS = 64
MAX_ID_CHARACTERS = 256
MAX_TEXT_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class MessageLimits:
    """Limits of one agent server."""

    max_file_bytes: int


def check_required(request: SendMessageRequest) -> None:
    """Raises `InvalidParamsError` that names what is missing. Reflection looks only where a glance found a fault."""
    message = request.message
    if not (message.message_id and message.role and message.parts) or request.configuration.HasField(
        "task_push_notification_config"
    ):
        validate_proto_required_fields(request)


def check_message(message: Message, limits: MessageLimits, card: AgentCard) -> None:
    """Raises `InvalidParamsError` that names the limit, `ContentTypeNotSupportedError` that names what is taken."""
    for field in ("message_id", "context_id", "task_id"):
        value: str = getattr(message, field)
        if len(value) > MAX_ID_CHARACTERS or "\x00" in value:
            raise InvalidParamsError(f"{field} must be at most {MAX_ID_CHARACTERS} characters, without NUL.")
    if message.role not in (Role.ROLE_USER, Role.ROLE_UNSPECIFIED):
        raise InvalidParamsError("role must be ROLE_USER: an agent's words come from the agent.")
    message.role = Role.ROLE_USER
    if not 1 <= len(message.parts) <= MAX_PARTS:
        raise InvalidParamsError(f"A message has 1 to {MAX_PARTS} parts; this one has {len(message.parts)}.")
    for part in message.parts:
        if len(part.raw) > limits.max_file_bytes:
            raise InvalidParamsError(
                f"The file {part.filename or 'without a name'} has {len(part.raw)} bytes; "
                f"the limit is {limits.max_file_bytes} bytes."
            )
        if len(part.text) > MAX_TEXT_CHARACTERS:
            raise InvalidParamsError(
                f"A text part has {len(part.text)} characters; the limit is {MAX_TEXT_CHARACTERS}."
            )
    _check_media_types(message, card)


def _check_media_types(message: Message, card: AgentCard) -> None:
    """Each stated media type must be one that the card or one of its skills takes; `*/*` and `text/*` take many."""
    taken = {*card.default_input_modes, *(mode for skill in card.skills for mode in skill.input_modes)}
    for part in message.parts:
        stated = part.media_type.partition(";")[0].strip().lower()
        if stated and taken and not taken & {stated, f"{stated.partition('/')[0]}/*", "*/*"}:
            raise ContentTypeNotSupportedError(
                f"The media type {stated} is not supported; this agent takes {', '.join(sorted(taken))}."
            )

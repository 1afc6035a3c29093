"""How an error is said in the caller's own protocol: A2A over JSON-RPC, or A2A over HTTP+JSON."""

import json

from starlette.types import Send

from agentnet.errors import AgentNetError, UnavailableError
from agentnet.http.forms import Form, document_of, send_in_form
from agentnet.http.sse import frame


async def send_protocol_error(send: Send, error: AgentNetError, form: Form, identifier: str | int | None) -> None:
    """Answer with `error`. An agent that is away is an answer (200) in JSON-RPC: its clients read only those."""
    away = form is Form.JSONRPC and isinstance(error, UnavailableError)
    await send_in_form(send, error, form, identifier, 200 if away else None)


def stream_error(error: AgentNetError, form: Form, identifier: str | int | None) -> bytes:
    """`error` as the last event of a stream, as the SDK's own servers end one."""
    return frame(json.dumps(document_of(error, form, identifier)).encode(), event="error")

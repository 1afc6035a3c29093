"""The API's answer as the result of a tool."""

import base64
import json
from typing import Any

import httpx
import mcp_types as types

from agentnet.mcp.schemas import mismatch
from mcp_servers.adapters.openapi.operation import RESULT, Operation

MAX_ERROR_CHARACTERS = 2000
CHECK_STEPS = 1_000_000
"""Of an answer, which may be large; some seconds of a thread."""


def result_of(operation: Operation, response: httpx.Response) -> types.CallToolResult:
    """The result of a response that was read; one that the document does not allow is an error that shows it.
    Blocks."""
    # A redirect is not followed: the credential is for one address.
    if response.is_redirect or response.is_error:
        return _failure(f"The API answered {response.status_code}: {_text(response)[:MAX_ERROR_CHARACTERS]}")
    if not response.content and operation.tool.output_schema is None:
        return types.CallToolResult(content=[types.TextContent(text=f"Done ({response.status_code}).")])
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        try:
            return _json(operation, response)
        except RecursionError:
            return _failure("The API's answer is nested too deeply.")
    if operation.tool.output_schema is not None:
        return _failure(f"The API answered {media_type or 'nothing'} where its document says JSON.")
    return types.CallToolResult(content=[_block(str(response.url), media_type, response)])


def _json(operation: Operation, response: httpx.Response) -> types.CallToolResult:
    try:
        value = response.json()
    except ValueError:
        return _failure("The API's answer says that it is JSON and is not.")
    structured: Any = value if isinstance(value, dict) and not operation.wraps else {RESULT: value}
    text = json.dumps(value, ensure_ascii=False)
    schema = operation.tool.output_schema
    if schema is not None and (error := mismatch(schema, structured, CHECK_STEPS)):
        where = ".".join(map(str, error.absolute_path)) or "the answer"
        return _failure(f"{where} is not as the API's document says. The answer: {text[:MAX_ERROR_CHARACTERS]}")
    return types.CallToolResult(content=[types.TextContent(text=text)], structured_content=structured)


def _block(uri: str, media_type: str, response: httpx.Response) -> types.ContentBlock:
    if media_type.startswith("text/") or media_type == "application/xml":
        return types.TextContent(text=_text(response))
    data = base64.b64encode(response.content).decode()
    if media_type.startswith("image/"):
        return types.ImageContent(data=data, mime_type=media_type)
    return types.EmbeddedResource(resource=types.BlobResourceContents(uri=uri, mime_type=media_type or None, blob=data))


def _text(response: httpx.Response) -> str:
    """As its character set says, if that is one: Python has codecs of other kinds."""
    try:
        return response.content.decode(response.charset_encoding or "utf-8", "replace")
    except (LookupError, ValueError):
        return response.content.decode("utf-8", "replace")


def _failure(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=True)

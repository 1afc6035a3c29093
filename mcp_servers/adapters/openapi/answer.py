"""The API's answer as the result of a tool."""

import base64
import json
from typing import Any

import httpx
import jsonschema
import mcp_types as types

from mcp_servers.adapters.openapi.document import NO_OTHERS
from mcp_servers.adapters.openapi.operation import RESULT, Operation

MAX_ERROR_CHARACTERS = 2000


def result_of(operation: Operation, response: httpx.Response) -> types.CallToolResult:
    """The result of a response that was read; one that the document does not allow is an error that shows it."""
    if response.is_redirect or response.is_error:
        return _failure(f"The API answered {response.status_code}: {response.text[:MAX_ERROR_CHARACTERS]}")
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "application/json" or media_type.endswith("+json"):
        return _json(operation, response)
    if operation.tool.output_schema is not None:
        return _failure(f"The API answered {media_type or 'nothing'} where its document says JSON.")
    if not response.content:
        return types.CallToolResult(content=[types.TextContent(text=f"Done ({response.status_code}).")])
    return types.CallToolResult(content=[_block(str(response.url), media_type, response)])


def _json(operation: Operation, response: httpx.Response) -> types.CallToolResult:
    try:
        value = response.json()
    except ValueError:
        return _failure("The API's answer says that it is JSON and is not.")
    structured: Any = value if isinstance(value, dict) and not operation.wraps else {RESULT: value}
    text = json.dumps(value, ensure_ascii=False)
    if operation.tool.output_schema is not None:
        try:
            jsonschema.Draft202012Validator(operation.tool.output_schema, registry=NO_OTHERS).validate(structured)
        except jsonschema.ValidationError as error:
            where = ".".join(map(str, error.absolute_path)) or "the answer"
            return _failure(f"{where} is not as the API's document says. The answer: {text[:MAX_ERROR_CHARACTERS]}")
    return types.CallToolResult(content=[types.TextContent(text=text)], structured_content=structured)


def _block(uri: str, media_type: str, response: httpx.Response) -> types.ContentBlock:
    if media_type.startswith("text/") or media_type == "application/xml":
        return types.TextContent(text=response.text)
    data = base64.b64encode(response.content).decode()
    if media_type.startswith("image/"):
        return types.ImageContent(data=data, mime_type=media_type)
    return types.EmbeddedResource(resource=types.BlobResourceContents(uri=uri, mime_type=media_type or None, blob=data))


def _failure(text: str) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(text=text)], is_error=True)

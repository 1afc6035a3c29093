"""What servers of others send, made so that the SDK's client takes it: it refuses a whole page of tools for one that is
not well formed, and a whole result for one block of content of a kind that it does not know."""

import json
import logging
from typing import Any

from mcp import types
from mcp_types.methods import validate_server_result
from mcp_types.version import LATEST_MODERN_VERSION
from pydantic import TypeAdapter

logger = logging.getLogger(__name__)

MAX_DEPTH = 64
"""Of a tool with its schemas."""
MOST_LISTED = 2000
"""Of a page: no more of a server's tools are used in all, and a malformed one is looked at several times."""
MOST_NAMED = 5
"""Of the tools of a page that are told in a line of the log."""
MAX_SHOWN = 20_000
"""Characters of a block of an unknown kind."""
_BLOCK: TypeAdapter[Any] = TypeAdapter(types.ContentBlock)
_PAGE: dict[str, Any] = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}

Result = dict[str, Any]


class Usable:
    """Of one connection, whose version its `initialize` tells; without one it is a modern one."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._version = LATEST_MODERN_VERSION

    def mend(self, result: Result) -> None:
        """Leave out of a list the tools that are none, and tell of blocks of unknown kinds in words."""
        if isinstance(result.get("protocolVersion"), str):
            self._version = result["protocolVersion"]
        if isinstance(result.get("content"), list):
            result["content"] = [_block(block) for block in result["content"]]
        elif isinstance(result.get("tools"), list):
            result["tools"] = self._tools(result["tools"])

    def _tools(self, tools: list[Any]) -> list[Any]:
        found: dict[str, Any] = {}
        wrong: list[Any] = []
        for tool in tools[:MOST_LISTED]:
            usable = tool if self._is_tool(tool) else self._mended(tool)
            if usable is not None:
                found.setdefault(usable["name"], usable)
            else:
                wrong.append(tool)
        more = max(len(tools) - MOST_LISTED, 0)
        if wrong or more:  # one line, however many there are: a server of others must not fill the log
            names = ", ".join(_named(tool) for tool in wrong[:MOST_NAMED])
            logger.warning(
                "%s: %d tools are not well formed and left out (%s), and %d are more than are looked at",
                self._label, len(wrong), names, more,
            )  # fmt: skip
        return [*found.values()]

    def _mended(self, tool: Any) -> Any:
        """A tool that has a name, without what is not well formed about it; None for one that is none all the same.

        Without hints it is taken for the worst.
        """
        if not isinstance(tool, dict) or not isinstance(tool.get("name"), str):
            return None
        schema = tool.get("inputSchema")
        schema = schema | {"type": "object"} if isinstance(schema, dict) else {"type": "object"}
        if not isinstance(schema.get("properties", {}), dict):
            del schema["properties"]
        if not isinstance(schema.get("required", []), list):
            del schema["required"]
        least: Result = {"name": tool["name"], "inputSchema": schema}
        for key in ("description", "title", "annotations"):
            more = least | {key: tool[key]} if key in tool else least
            least = more if self._is_tool(more) else least
        if not self._is_tool(least):
            return None
        logger.debug(
            "%s: the tool %.100r is not well formed, and used without what is wrong", self._label, tool["name"]
        )
        return least

    def _is_tool(self, tool: Any) -> bool:
        try:
            if not isinstance(tool, dict) or not tool.get("name") or is_deeper(tool, MAX_DEPTH):
                return False
            validate_server_result("tools/list", self._version, _PAGE | {"tools": [tool]})
            types.Tool.model_validate(tool, by_name=False)
        except KeyError:  # a version that the SDK has no shapes for
            return True
        except (ValueError, TypeError, RecursionError):
            return False
        return True


def _named(tool: Any) -> str:
    name = tool.get("name") if isinstance(tool, dict) else tool
    return repr(name[:100]) if isinstance(name, str) else type(name).__name__


def is_deeper(value: Any, limit: int) -> bool:
    """Whether objects and arrays are nested more than `limit` levels deep."""
    level = [value]
    for _ in range(limit):
        level = [
            inner
            for item in level
            for inner in (item.values() if isinstance(item, dict) else item)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _block(block: Any) -> Any:
    try:
        _BLOCK.validate_python(block, by_name=False)
    except (ValueError, RecursionError):
        return {"type": "text", "text": json.dumps(block, ensure_ascii=False, default=str)[:MAX_SHOWN]}
    return block

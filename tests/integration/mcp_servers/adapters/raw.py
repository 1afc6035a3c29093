"""A stdio MCP server without an SDK, that does what its argument says: `hang`, `endless`, `crash`
or `brackets`."""

import json
import sys
from typing import Any


def answer(message: dict[str, Any], result: dict[str, Any]) -> None:
    """Write one answer."""
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)


def main(mode: str) -> None:
    """Serve until stdin ends."""
    for line in sys.stdin:
        message = json.loads(line)
        match message.get("method"):
            case "initialize":
                info = {"name": "raw", "version": "1"}
                version = message["params"]["protocolVersion"]
                answer(message, {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info})
            case "tools/list" if mode == "endless":
                answer(message, {"tools": [], "nextCursor": "more"})
            case "tools/list" if mode == "crash":
                answer(message, {"tools": [{"name": "crash", "inputSchema": {"type": "object"}}]})
            case "tools/list" if mode == "brackets":
                answer(message, {"tools": [{"name": "brackets", "inputSchema": {"type": "object"}}]})
            case "tools/call" if mode == "brackets":
                answer(message, {"content": [[]] * 2_000_000})
            case "tools/call":
                sys.stderr.write("fatal: the token is missing")
                sys.exit(3)


if __name__ == "__main__":
    main(sys.argv[1])

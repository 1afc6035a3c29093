"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

Agents = Annotated[
    list[Path] | None, typer.Option("--agents", metavar="DIR", help="Folder with your own specialists; repeatable.")
]
Knowledge = Annotated[
    list[Path] | None, typer.Option("--knowledge", metavar="DIR", help="Folder to ingest as knowledge; repeatable.")
]
Servers = Annotated[
    list[Path] | None, typer.Option("--servers", metavar="DIR", help="Folder with your own MCP servers; repeatable.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
Url = Annotated[
    str | None, typer.Option("--url", envvar="AGENTNET_URL", help="The gateway; unset means this machine's.")
]
Port = Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 means any free one.")]
Call = Annotated[
    bool, typer.Option("--call/--no-call", help="Ask the model, for about 10,000 tokens; else only look for it.")
]

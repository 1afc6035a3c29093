"""What a person sees who opens the gateway in a browser: what this is, and how to go on. Static, no script."""

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

SECURITY = {"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'", "x-frame-options": "DENY"}

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Agent Network</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 3rem auto; padding: 0 1rem }
  code { background: #8882; padding: .1em .3em }
</style>
<h1>Agent Network</h1>
<p>This is the gateway of a network of AI agents. Programs talk to it, with a key; there is nothing to click.</p>
<ul>
  <li>On the command line: <code>agentnet ask "What can you do?"</code></li>
  <li>For A2A clients: <a href="/.well-known/agent-card.json">the card of the network</a>; the agents are at
    <code>/agents</code> and <code>/agents/&lt;name&gt;</code>.</li>
  <li>For VS Code, Cursor, Claude Desktop and other MCP hosts: <code>/mcp</code>. <code>agentnet up</code> prints
    settings to paste.</li>
  <li>For watchdogs: <a href="/health">/health</a> and <a href="/ready">/ready</a>.</li>
</ul>
<p>A key is sent as <code>Authorization: Bearer &lt;key&gt;</code>. On the machine that runs the network
  <code>agentnet keys show-admin</code> prints one; elsewhere ask whoever runs it.</p>
"""


async def page(_: Request) -> Response:
    """The page; the same for everybody, and nothing of this network's own is in it."""
    return HTMLResponse(PAGE, headers=SECURITY)

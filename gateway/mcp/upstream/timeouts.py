"""The limits of a call's time besides the operator's: the profile's and the server's. The shortest holds."""

from agentnet.upstreams.timeouts import seconds_for
from gateway.mcp.messages.deadline import TimeLimit
from gateway.mcp.messages.profile import Profile
from gateway.mcp.upstream.server import UpstreamServer


def profile_limit(profile: Profile, tool: str) -> TimeLimit | None:
    """What the profile says of a tool, by the name that the client sees."""
    seconds = seconds_for(tool, profile.tool_seconds) if profile.timeouts else None
    return TimeLimit(seconds, f"`timeouts` of the profile {profile.name!r}") if seconds is not None else None


def server_limit(server: UpstreamServer, tool: str | None) -> TimeLimit | None:
    """What the server's declaration says of a tool, by its own name, or of any other call (None)."""
    limits = server.timeouts
    seconds = seconds_for(tool, limits.tools) if limits.tools and tool is not None else None
    if seconds is not None:
        return TimeLimit(seconds, f"`timeouts` of the MCP server {server.name!r}")
    if limits.call_seconds is not None:
        return TimeLimit(limits.call_seconds, f"`call_seconds` of the MCP server {server.name!r}")
    return None

"""What manifests name of a network: tool servers and peers. A name that nobody has is found before anything starts."""

from collections.abc import Collection, Iterator

from agentnet.errors import ManifestError
from agentnet.manifests.manifest import MANIFEST_FILE, Specialist, nearest

ANY = "*"


def check_references(specialists: Collection[Specialist], servers: Collection[str]) -> None:
    """Raises `ManifestError` for the first MCP server or peer that no manifest can mean, with the nearest there is."""
    for problem in wrong_references(specialists, servers, specialists):
        raise problem


def wrong_references(
    specialists: Collection[Specialist], servers: Collection[str], peers: Collection[Specialist]
) -> Iterator[ManifestError]:
    """Each name of `specialists` that is neither of `servers` nor of `peers`."""
    agents = [peer.name for peer in peers]
    for specialist in specialists:
        manifest = specialist.manifest
        known = (
            ("mcp_servers", "MCP server", manifest.mcp_servers, [*servers]),
            ("peers", "agent", [name for name in manifest.peers if name != ANY], agents),
        )
        for key, what, names, there in known:
            for name in names:
                if name not in there:
                    message = f"{specialist.directory / MANIFEST_FILE}: {key}: there is no {what} {name!r}."
                    yield ManifestError(message, hint=nearest(name, there))

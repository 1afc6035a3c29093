"""URIs of what agents serve as MCP resources: their cards, the artifacts of their tasks, the files of the tenant."""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from agentnet.files.store import SCHEME as FILE_SCHEME

SCHEME = "agentnet"
CARD_TEMPLATE = f"{SCHEME}://agents/{{agent}}/card"
ARTIFACT_TEMPLATE = f"{SCHEME}://agents/{{agent}}/tasks/{{task_id}}/artifacts/{{artifact_id}}"
FILE_TEMPLATE = f"{FILE_SCHEME}:{{id}}/{{name}}"
MAX_URI = 2048
_ARTIFACT = re.compile(rf"{SCHEME}://agents/([^/]+)/tasks/([^/]+)/artifacts/([^/]+)")
_CARD = re.compile(rf"{SCHEME}://agents/([^/]+)/card")


@dataclass(frozen=True, slots=True)
class Place:
    """What a URI names; without a task it is the agent's card."""

    agent: str
    task_id: str = ""
    artifact_id: str = ""


def card_uri(agent: str) -> str:
    """The card of an agent."""
    return f"{SCHEME}://agents/{quote(agent, safe='')}/card"


def artifact_uri(agent: str, task_id: str, artifact_id: str) -> str:
    """An artifact with all its parts."""
    # Ids are the agents' own: a slash in one must not make another address of it.
    names = (quote(name, safe="") for name in (agent, task_id, artifact_id))
    return "{}://agents/{}/tasks/{}/artifacts/{}".format(SCHEME, *names)


def is_ours(uri: str) -> bool:
    """Whether a URI is of the kinds that agents serve."""
    return uri.startswith((f"{SCHEME}://", f"{FILE_SCHEME}:"))


def place_of(uri: str) -> Place | None:
    """What `card_uri` or `artifact_uri` made a URI of; None for others."""
    if len(uri) > MAX_URI:
        return None
    found = _ARTIFACT.fullmatch(uri) or _CARD.fullmatch(uri)
    return Place(*(unquote(name) for name in found.groups())) if found else None

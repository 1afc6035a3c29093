"""What the registry finds: one name as a tenant sees it, its live instances together."""

from dataclasses import dataclass
from typing import Any

import orjson

from agentnet.discovery.directory import Kind


@dataclass(frozen=True, slots=True)
class Found:
    """Answers for a name. What is stored as JSON stays text: to read a card and write it again would cost a search more
    than to rank it."""

    kind: Kind
    name: str
    tenant: str
    url: str
    """Base URL of one live instance."""
    urls: list[str]
    """Of all."""
    description: str
    skills_json: str
    document_json: str
    score: float | None = None
    """Relevance of a search result, 0 to 100."""

    @property
    def skills(self) -> list[str]:
        """Ids of skills, or names of tools."""
        skills: list[str] = orjson.loads(self.skills_json)
        return skills

    @property
    def document(self) -> dict[str, Any]:
        """The Agent Card, or what the MCP server says of itself."""
        document: dict[str, Any] = orjson.loads(self.document_json)
        return document

    def answer(self) -> dict[str, Any]:
        """The fields of `agentnet.discovery.directory.Entry`, for `orjson.dumps`."""
        return {
            "kind": self.kind,
            "name": self.name,
            "instance": "",
            "tenant": self.tenant,
            "url": self.url,
            "urls": self.urls,
            "description": self.description,
            "skills": orjson.Fragment(self.skills_json),
            "words": "",
            "document": orjson.Fragment(self.document_json),
            "score": self.score,
        }

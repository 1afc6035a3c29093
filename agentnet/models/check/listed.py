"""What an endpoint lists as its models, with what it says of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agentnet.models.check.asking import Answer
from agentnet.models.check.servers import MOST_TOKENS, OTHER, Server, server_of
from agentnet.models.endpoints.sentences import shortened

CONTEXTS = ("max_model_len", "context_length", "context_window", "max_context_length", "n_ctx")
"""Where lists tell the context that is served: vLLM, OpenRouter, Groq, Mistral, llama.cpp."""


@dataclass(frozen=True)
class Listing:
    """The models of an endpoint."""

    entries: Sequence[Mapping[str, Any]]
    server: Server = OTHER

    @property
    def names(self) -> list[str]:
        """The ids, each once, in the server's order, fit to be shown."""
        return list(dict.fromkeys(shortened(str(entry["id"])) for entry in self.entries))

    def context_of(self, name: str) -> int | None:
        """The context of that model, where the list tells it."""
        entry = next((entry for entry in self.entries if entry["id"] == name), {})
        inner = entry.get("meta")
        places = (entry, inner) if isinstance(inner, Mapping) else (entry,)
        found = (place.get(key) for place in places for key in CONTEXTS)
        return next((value for value in found if isinstance(value, int) and 0 < value < MOST_TOKENS), None)


def listing_of(answer: Answer, base_url: str) -> Listing | None:
    """The list that an answer is; None where it is none."""
    entries = _entries(answer.json) if answer.status == 200 else None
    return None if entries is None else Listing(entries, server_of(base_url, entries))


def _entries(value: Any) -> list[Mapping[str, Any]] | None:
    """The models of a list as OpenAI has it, or bare as Together has it; None for other JSON."""
    if isinstance(value, Mapping):
        if value.get("object") == "list" and value.get("data", ...) is None:  # Ollama without a model
            return []
        value = value.get("data")
    if not isinstance(value, list):
        return None
    found = [entry for entry in value if isinstance(entry, Mapping) and isinstance(entry.get("id"), str)]
    return found if len(found) == len(value) else None

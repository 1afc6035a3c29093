"""The servers that people run, told apart by what they list, and what one does at each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Server:
    """One program or provider."""

    name: str
    tools: str = "Take a model that is made for tools, or start the server with its parser for tool calls."
    context: str = "Start the server with a context of 16,384 tokens or more."
    empty: str = "Load a model there."
    missing: str = ""
    """What to do for a model that is not listed, beside naming another."""
    any_name: bool = False
    """Whether it answers to any name with its one model."""
    lists_all: bool = True
    """Whether what is not listed is not there."""


OTHER = Server("the server")
OLLAMA = Server(
    "Ollama",
    tools="Take a model that `ollama show NAME` says to have tools, such as qwen3.",
    context="Start Ollama with OLLAMA_CONTEXT_LENGTH=16384, or give the model `PARAMETER num_ctx 16384`.",
    empty="Fetch one: `ollama pull qwen3`.",
    missing="Or fetch it: `ollama pull {model}`.",
)
LM_STUDIO = Server(
    "LM Studio",
    tools="Take a model with the tool badge, in a newer LM Studio.",
    context="Load the model with a longer context: `lms load NAME --context-length 16384`.",
    empty="Load one: `lms load`, or in the app's developer page.",
    missing="Or load it: `lms load {model}`.",
)
VLLM = Server(
    "vLLM",
    tools="Start it with --enable-auto-tool-choice and --tool-call-parser NAME, which its documentation has.",
    context="Start it with --max-model-len 16384 or more.",
    missing="Or start it with --served-model-name {model}.",
)
LLAMA_CPP = Server(
    "llama.cpp",
    tools="Start llama-server with --jinja, and a model whose template has tools.",
    context="Start llama-server with -c 16384 (and with -np 1, or as many times that as it has slots).",
    empty="Start llama-server with -m FILE.gguf.",
    any_name=True,
)
GEMINI = Server("Gemini")
OPENAI = Server("OpenAI")
AZURE = Server("Azure", lists_all=False)
OPENROUTER = Server("OpenRouter", lists_all=False)

OWNERS = {
    "library": OLLAMA,
    "organization_owner": LM_STUDIO,
    "organization-owner": LM_STUDIO,
    "vllm": VLLM,
    "llamacpp": LLAMA_CPP,
    "llama.cpp": LLAMA_CPP,
}
"""By `owned_by` of what is listed."""
MOST_TOKENS = 10**12
"""Numbers of tokens beyond are none: no answer, and no context, has so many."""
PORTS = {11434: OLLAMA, 1234: LM_STUDIO, 8000: VLLM, 8080: LLAMA_CPP}
"""Where they listen unless told else. Anything may listen there: what a server lists counts more."""
HOSTS = {
    "api.openai.com": OPENAI,
    "generativelanguage.googleapis.com": GEMINI,
    "openrouter.ai": OPENROUTER,
}
AZURE_HOSTS = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")
BASES = {
    OPENAI.name: "https://api.openai.com/v1",
    GEMINI.name: "https://generativelanguage.googleapis.com/v1beta/openai",
    OPENROUTER.name: "https://openrouter.ai/api/v1",
}
SITES = {
    "openai.com": OPENAI,
    "chat.openai.com": OPENAI,
    "chatgpt.com": OPENAI,
    "platform.openai.com": OPENAI,
    "ai.google.dev": GEMINI,
    "aistudio.google.com": GEMINI,
    "gemini.google.com": GEMINI,
}
"""Web sites that are taken for the API."""


def server_of(base_url: str, entries: Sequence[Mapping[str, Any]] = ()) -> Server:
    """Whose that endpoint is, by its host, else by what it lists; `OTHER` where nothing tells."""
    host = (urlsplit(base_url).hostname or "").lower()
    if host.endswith(AZURE_HOSTS):
        return AZURE
    if host in HOSTS:
        return HOSTS[host]
    owners = {str(entry.get("owned_by", "")).lower() for entry in entries}
    found = next((server for owner, server in OWNERS.items() if owner in owners), None)
    return found or (GEMINI if entries and all(_is_geminis(entry) for entry in entries) else OTHER)


def api_of(host: str) -> str | None:
    """The base URL of the API whose web site, or another path of whose host, was named."""
    name = host.lower().removeprefix("www.")
    server = SITES.get(name) or HOSTS.get(name)
    return BASES.get(server.name) if server else None


def _is_geminis(entry: Mapping[str, Any]) -> bool:
    return str(entry.get("id", "")).startswith("models/")

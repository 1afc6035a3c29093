"""An endpoint's model as the network knows it: where it is, how it is spoken to, and what may be asked of it."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from agentnet.settings import LOOPBACK_HOSTS, SILENCE_SECONDS, TOTAL_SECONDS

Api = Literal["auto", "chat", "responses"]
"""`auto`: Responses at OpenAI itself, Chat Completions everywhere else."""
Medium = Literal["image", "audio", "file"]

OPENAI_URL = "https://api.openai.com/v1"
LITELLM = "litellm/"
"""What a model's name begins with that is reached through LiteLLM; its own name follows."""
LONGEST_SECONDS = 86_400.0
THIS_MACHINE = LOOPBACK_HOSTS | {"host.docker.internal", "host.containers.internal"}
"""Hosts at which somebody's own machine serves; the latter two are its names inside of containers."""

Count = Annotated[int, Field(strict=True, ge=1)]
Seconds = Annotated[float, Field(strict=True, gt=0, le=LONGEST_SECONDS)]
Dollars = Annotated[float, Field(strict=True, ge=0, allow_inf_nan=False)]


class Prices(BaseModel):
    """In US dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Dollars = 0.0
    cached_input: Dollars | None = Field(default=None, description="Unset: as input.")
    output: Dollars = 0.0


class Traits(BaseModel):
    """What is said of a named model besides where it is: the same in `models.yaml` and in an `Endpoint`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    api: Api = Field(
        default="auto", description="What it is spoken to by; auto: responses at OpenAI itself, chat elsewhere."
    )
    context_tokens: Annotated[int, Field(strict=True, ge=256, le=100_000_000)] | None = Field(
        default=None, description="Tokens of its context, prompt and answer together, as its server is set up."
    )
    prices: Prices | None = Field(default=None, description="US dollars for a million tokens.")
    concurrency: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = Field(
        default=None, description="Turns at once; more wait in the network's own queue."
    )
    requests_per_minute: Count | None = Field(default=None, description="Turns that may begin in a minute.")
    tokens_per_minute: Count | None = Field(default=None, description="Tokens, of prompts and answers, in a minute.")
    silence_seconds: Seconds = Field(
        default=SILENCE_SECONDS, description="Longest time without a byte, before the first token and after it."
    )
    total_seconds: Seconds = Field(
        default=TOTAL_SECONDS, description="Longest turn, without the wait in the network's own queue."
    )
    omit: frozenset[str] = Field(
        default=frozenset(), description="What its requests must not hold, such as stream_options or strict."
    )
    fallbacks: tuple[str, ...] = Field(
        default=(), description="Models that are asked in this order when this one cannot answer."
    )
    takes: frozenset[Medium] | None = Field(
        default=None, description="What it takes of a request besides text; unset: images and files at OpenAI."
    )


ANY_MODEL = "*"
"""The name of the only model that the settings' endpoint lists: what is used with an address and without a name."""


class Endpoint(Traits):
    """One named model. What is unset has the default of its kind: see `agentnet.models.provider`."""

    name: str = Field(description="What manifests and AGENTNET_MODEL call it.")
    model: str = Field(description="What its server calls it; empty: the only one that the server lists.")
    base_url: str = Field(default=OPENAI_URL, description="Up to and with /v1.")
    api_key: SecretStr | None = Field(default=None, description="None: the server wants none.")
    headers: tuple[tuple[str, SecretStr], ...] = Field(default=(), description="Sent along with every request.")
    query: tuple[tuple[str, SecretStr], ...] = Field(default=(), description="Added to the address of every request.")

    @property
    def label(self) -> str:
        """What people are told of it: its name, or its address where it is only the one that a server lists."""
        return self.name if self.name != ANY_MODEL else urlsplit(self.base_url).netloc.rpartition("@")[2]

    @property
    def speaks_responses(self) -> bool:
        """Whether it is spoken to by the Responses API."""
        return self.api == "responses" or (self.api == "auto" and self.base_url.rstrip("/") == OPENAI_URL)

    @property
    def secrets(self) -> list[str]:
        """What no word of the endpoint's may tell."""
        values = [self.api_key, *(value for _, value in (*self.headers, *self.query))]
        return [value.get_secret_value() for value in values if value is not None]

    @property
    def accepts(self) -> frozenset[Medium]:
        """What of a request it takes besides text."""
        if self.takes is not None:
            return self.takes
        return frozenset({"image", "file"}) if self.base_url.rstrip("/") == OPENAI_URL else frozenset()

    @property
    def through_litellm(self) -> str | None:
        """What LiteLLM calls it, such as `anthropic/claude-…`; None for what is spoken to directly."""
        return self.model.removeprefix(LITELLM) if self.model.startswith(LITELLM) else None


def on_this_machine(url: str) -> bool:
    """Whether somebody's own machine serves at `url`."""
    try:
        return (urlsplit(url).hostname or "") in THIS_MACHINE
    except ValueError:
        return False

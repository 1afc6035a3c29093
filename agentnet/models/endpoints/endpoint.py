"""An endpoint's model as the network knows it: where it is, how it is spoken to, and what may be asked of it."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

Api = Literal["auto", "chat", "responses"]
"""`auto`: Responses at OpenAI itself, Chat Completions everywhere else."""

Medium = Literal["image", "audio", "file"]

OPENAI_URL = "https://api.openai.com/v1"


class Prices(BaseModel):
    """In US dollars for a million tokens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: float = Field(default=0.0, ge=0)
    cached_input: float | None = Field(default=None, ge=0, description="Unset: as input.")
    output: float = Field(default=0.0, ge=0)


class Endpoint(BaseModel):
    """One named model. What is unset has the default of its kind: see `agentnet.models.provider`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="What manifests and AGENTNET_MODEL call it.")
    model: str = Field(description="What its server calls it.")
    base_url: str = Field(default=OPENAI_URL, description="Up to and with /v1.")
    api_key: SecretStr | None = Field(default=None, description="None: the server wants none.")
    api: Api = "auto"
    context_tokens: Annotated[int, Field(ge=256)] | None = Field(
        default=None, description="Prompt and answer together."
    )
    prices: Prices | None = None
    concurrency: Annotated[int, Field(ge=1, le=1000)] | None = Field(default=None, description="Turns at once.")
    requests_per_minute: Annotated[int, Field(ge=1)] | None = None
    tokens_per_minute: Annotated[int, Field(ge=1)] | None = None
    silence_seconds: float = Field(default=120.0, gt=0, description="Longest time without a byte.")
    total_seconds: float = Field(default=1800.0, gt=0, description="Longest turn, without the wait in our own queue.")
    omit: frozenset[str] = Field(
        default=frozenset(), description="What its requests must not hold, such as stream_options or strict."
    )
    fallbacks: tuple[str, ...] = Field(default=(), description="Named models that are asked when this one cannot.")
    takes: frozenset[Medium] | None = Field(
        default=None, description="What it takes of a request besides text; unset: images and files at OpenAI."
    )

    @property
    def speaks_responses(self) -> bool:
        """Whether it is spoken to by the Responses API."""
        return self.api == "responses" or (self.api == "auto" and self.base_url.rstrip("/") == OPENAI_URL)

    @property
    def accepts(self) -> frozenset[Medium]:
        """What of a request it takes besides text."""
        if self.takes is not None:
            return self.takes
        return frozenset({"image", "file"}) if self.base_url.rstrip("/") == OPENAI_URL else frozenset()

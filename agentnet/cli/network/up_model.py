"""The line of `agentnet up` on its model, found out beside the start: which, where, by which API, how much it keeps."""

from agentnet.cli.network.model_advice import local_lines, own_ports
from agentnet.errors import AgentNetError
from agentnet.models.check.asking import Asker, Bounds, UnreachedError
from agentnet.models.check.finding import Advice
from agentnet.models.check.listed import Listing, listing_of
from agentnet.models.check.local import look
from agentnet.models.check.names import named
from agentnet.models.endpoints.address import shown
from agentnet.models.endpoints.building import endpoint_of
from agentnet.models.endpoints.choice import has_endpoint, no_model, with_fallbacks
from agentnet.models.endpoints.declared import declared_models
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.installed import OFFLINE_MODEL, installed_models
from agentnet.settings import Settings

ANSWER_SECONDS = 2.0
"""For a list of models, amid a start that takes the processor. Longer is no answer, and the line says so."""
OFFLINE = "The model: the built-in offline model, which has rules and is no language model"
DOCTOR = "`agentnet doctor` says more"


async def model_lines(settings: Settings) -> list[str]:
    """The line, and where no endpoint is set what to set for the model servers that run on this machine."""
    if no_model(settings):
        return [] if has_endpoint(settings) else await _local(settings)
    names = with_fallbacks(settings, None)
    first = names[0]
    if first == OFFLINE_MODEL:
        local = [] if settings.model == OFFLINE_MODEL else await _local(settings)
        return [f"{OFFLINE}.", *local]
    then = f"; then {', '.join(names[1:])}" if len(names) > 1 else ""
    if first in installed_models() and first not in declared_models(settings).models:
        return [f"The model: {first}, installed{then}."]
    return [f"The model: {await _at(endpoint_of(settings, first), first)}{then}."]


async def _at(endpoint: Endpoint, name: str) -> str:
    if endpoint.through_litellm is not None:
        return f"{endpoint.through_litellm} through LiteLLM{_context(endpoint.context_tokens)}"
    listing, trouble = await _listing(endpoint)
    model, context = endpoint.model, endpoint.context_tokens
    if listing is not None:
        found = named(model, listing, Advice())
        if not found.goes_on:
            trouble = f"{found.finding.found}: {DOCTOR}"
        model = found.name or model
        context = context or listing.context_of(model)
    api = "Responses" if endpoint.speaks_responses else "Chat Completions"
    called = f"{name} ({model})" if endpoint.model and name != model else model or "not named"
    line = f"{called} at {shown(endpoint.base_url)}, by {api}{_context(context)}"
    return f"{line}. But {trouble}" if trouble else line


def _context(tokens: int | None) -> str:
    return f", context {tokens:,}" if tokens else ", context not known"


async def _listing(endpoint: Endpoint) -> tuple[Listing | None, str]:
    """What the endpoint lists, else what is the matter with it."""
    try:
        async with Asker(endpoint, Bounds(answer_seconds=ANSWER_SECONDS)) as asker:
            answer = await asker.get(f"{endpoint.base_url.rstrip('/')}/models")
    except UnreachedError as error:
        return None, f"it {error.found}: {DOCTOR}"
    except (AgentNetError, ValueError) as error:  # a key or an address that cannot be sent
        return None, f"it cannot be asked ({type(error).__name__}): {DOCTOR}"
    listing = listing_of(answer, endpoint.base_url)
    return listing, "" if listing else f"it does not list its models ({answer.status}): {DOCTOR}"


async def _local(settings: Settings) -> list[str]:
    return [
        f"{found}. {todo}" for found, todo in map(local_lines, await look(own_ports(settings), seconds=ANSWER_SECONDS))
    ]

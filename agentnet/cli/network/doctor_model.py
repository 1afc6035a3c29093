"""What `agentnet doctor` finds at the models: those that agents run on are called, the others only looked for."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import replace

from agentnet.cli.network.finding import Finding
from agentnet.cli.network.litellm_check import check_of, tokens_of_check
from agentnet.cli.network.model_advice import Say, advice_for, local_lines, own_ports
from agentnet.errors import AgentNetError, ConfigurationError
from agentnet.manifests.manifest import load_specialists
from agentnet.models.check.address import unusable
from agentnet.models.check.check import Check
from agentnet.models.check.local import look
from agentnet.models.endpoints.building import endpoint_of
from agentnet.models.endpoints.choice import has_endpoint, no_model, resolved, with_fallbacks
from agentnet.models.endpoints.declared import declared_models
from agentnet.models.endpoints.endpoint import ANY_MODEL, Endpoint
from agentnet.models.endpoints.installed import OFFLINE_MODEL, installed_models
from agentnet.process.launch import specialist_directories
from agentnet.settings import Problem, Settings, variable

MODEL = "model"
ADDRESS = "OPENAI_BASE_URL"
VARIABLES = frozenset({"AGENTNET_MODEL", "AGENTNET_MODELS_FILE", "OPENAI_API_KEY", ADDRESS})
OFFLINE = "the built-in offline model: rules, not a language model"
FOR_A_REAL_ONE = "Set OPENAI_API_KEY (and OPENAI_BASE_URL, AGENTNET_MODEL) for a real one."

ONLY_ONE = "the only model there"


async def model_findings(
    settings: Settings, problems: Iterable[Problem] = (), *, call: bool = True, say: Say | None = None
) -> AsyncIterator[Finding]:
    """Every model of the settings, of `models.yaml` and of the manifests. `call`: ask those that are used."""
    wrong = [problem.variable for problem in problems if problem.variable in VARIABLES]
    if wrong:
        yield await _mended(wrong)
        return
    if missing := no_model(settings):
        yield Finding(MODEL, False, missing.message, missing.hint or "")
        if not has_endpoint(settings):
            async for finding in _local(settings):
                yield finding
        return
    used = _used(settings)
    others = [name for name in _others(settings) if name not in used]
    for name in (*used, *others):
        async for finding in _of_one(settings, name, call=call and name in used, say=say):
            alone = len(used) + len(others) == 1
            yield finding if alone or name == ANY_MODEL else replace(finding, check=f"{finding.check} ({name})")
    if used == [OFFLINE_MODEL] and settings.model != OFFLINE_MODEL:
        async for finding in _local(settings):
            yield finding


async def _mended(wrong: list[str]) -> Finding:
    """What is said of settings that cannot be used: of an address also what it was probably meant to be."""
    address = variable(ADDRESS) if ADDRESS in wrong else None
    if address and unusable(address):
        check = Check(Endpoint(name=MODEL, model="", base_url=address), call=False)
        [found] = [finding async for finding in check.findings()]
        return found
    return Finding(MODEL, False, f"not checked: {' and '.join(wrong)} cannot be used", "Mend that first.")


async def _of_one(settings: Settings, name: str, *, call: bool, say: Say | None) -> AsyncIterator[Finding]:
    if name == OFFLINE_MODEL:
        yield Finding(MODEL, True, OFFLINE, FOR_A_REAL_ONE)
        return
    if name in installed_models() and name not in declared_models(settings).models:
        yield Finding(MODEL, True, f"{name}, installed")
        return
    try:
        endpoint = endpoint_of(settings, name)
    except ConfigurationError as error:
        yield Finding(MODEL, False, error.message, error.hint or "")
        return
    advice, tokens = advice_for(settings, name), tokens_of_check(endpoint)
    if call and say:
        say(f"Asking {endpoint.model or ONLY_ONE}, for about {tokens:,} tokens; --no-call leaves that out")
    check = check_of(endpoint, call=call, advice=advice, say=say, own_ports=own_ports(settings))
    async for finding in check.findings():
        yield finding


def _used(settings: Settings) -> list[str]:
    """The models that agents run on, the default first."""
    wanted = [None, *_named_by_manifests(settings)]
    names: list[str] = []
    for each in wanted:
        try:
            names += resolved(settings, each, installed_models())
        except ConfigurationError:
            if each is None:
                raise
            # Said where it is checked, with the manifest: `agentnet agents check`.
    return list(dict.fromkeys(names))


def _named_by_manifests(settings: Settings) -> list[tuple[str, ...]]:
    try:
        found = load_specialists(specialist_directories(settings))
    except AgentNetError:  # which the check of the specialists says
        return []
    # One with an executor of its own asks no model of ours.
    asking = [specialist.manifest for specialist in found if specialist.executor_file is None]
    return [manifest.model for manifest in asking if manifest.model]


def _others(settings: Settings) -> list[str]:
    """The models that stand in for others, and those that nobody names yet."""
    if settings.model == OFFLINE_MODEL:
        return []
    return [*with_fallbacks(settings, None), *declared_models(settings).models]


async def _local(settings: Settings) -> AsyncIterator[Finding]:
    for server in await look(own_ports(settings)):
        found, todo = local_lines(server)
        yield Finding("local model", True, found, todo)

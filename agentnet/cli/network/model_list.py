"""`agentnet models list`: every model that a name leads to, from settings, `models.yaml` and what is installed."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from agentnet.cli.show import screen
from agentnet.errors import ConfigurationError
from agentnet.models.endpoints.address import shown
from agentnet.models.endpoints.building import endpoint_of
from agentnet.models.endpoints.choice import endpoint_default, has_endpoint, names_in, with_fallbacks
from agentnet.models.endpoints.declared import Declared, DeclaredModel, declared_models
from agentnet.models.endpoints.endpoint import ANY_MODEL, LITELLM, Endpoint, Prices
from agentnet.models.endpoints.installed import OFFLINE_MODEL, installed_models
from agentnet.settings import Settings, load_settings

NOTHING = "-"
COLUMNS = ("Model", "Where", "API", "Context", "Key", "$ in/out")
ONLY_ONE = "the only one"


@dataclass(slots=True)
class Known:
    """One model as it is told, for machines as it stands."""

    name: str
    where: str
    """Its address; `LiteLLM` or `installed` where it has none."""
    model: str | None = None
    """What its server calls it; None: the only one that the server lists."""
    api: str | None = None
    context_tokens: int | None = None
    key: str = "none"
    """`set`, `missing`, or `none` where there is no need of one."""
    key_from: str | None = None
    prices: dict[str, Any] | None = None
    concurrency: int | None = None
    takes: list[str] = field(default_factory=list[str])
    """What it takes of a request besides text."""
    fallbacks: list[str] = field(default_factory=list[str])
    default: bool = False
    problem: str | None = None


def show_models(as_json: bool) -> None:
    """Print them, and which are the default. Raises `ConfigurationError` for a wrong `models.yaml`."""
    settings = load_settings()
    declared = declared_models(settings)
    order, problem = _default(settings)
    models = [*_declared(settings, declared), *_of_settings(settings, declared, order), *_installed(declared)]
    for model in models:
        model.default = bool(order) and model.name == order[0]
    if as_json:
        told = [asdict(model) for model in models]
        file = str(declared.path) if declared.path else None
        screen.print_json({"models": told, "default": list(order), "file": file, "problem": problem})
        return
    table = screen.table(*COLUMNS)  # addresses may break, where names, numbers and prices would not fit beside them
    for model in models:
        table.add_row(*_row(model))
    screen.output().print(table)
    screen.say(f"\nDefault: {', then '.join(map(_called, order))}." if order else f"\nNo default. {problem}")
    for model in models:
        if model.problem:
            screen.say(model.problem, error=True)


def _default(settings: Settings) -> tuple[tuple[str, ...], str | None]:
    """What specialists run on that name no model, with what stands in for it; or why there is nothing."""
    try:
        return with_fallbacks(settings, None), None
    except ConfigurationError as error:
        return (), str(error)


def _declared(settings: Settings, declared: Declared) -> Iterator[Known]:
    for name, model in declared.models.items():
        source = _key_source(model)
        try:
            endpoint = endpoint_of(settings, name)
        except ConfigurationError as error:
            where = shown(model.base_url) if model.base_url else NOTHING
            known = Known(name, where, model.model, key="missing", key_from=source, problem=str(error))
        else:
            known = _told(endpoint, source)
        known.fallbacks = list(model.fallbacks)
        yield known


def _of_settings(settings: Settings, declared: Declared, order: tuple[str, ...]) -> Iterator[Known]:
    """Those that only AGENTNET_MODEL names, or nothing but an address."""
    others = {*declared.models, *installed_models(), OFFLINE_MODEL}
    wanted = dict.fromkeys([*order, *names_in(settings.model)])
    if has_endpoint(settings) and not wanted.keys() - others:
        wanted |= {endpoint_default(settings): None}  # any other name leads there
    for name in wanted:
        if name not in others:
            yield _told(endpoint_of(settings, name), None if name.startswith(LITELLM) else "OPENAI_API_KEY")


def _installed(declared: Declared) -> Iterator[Known]:
    for name in installed_models():
        if name not in declared.models:
            yield Known(name, "installed")


def _told(endpoint: Endpoint, source: str | None) -> Known:
    litellm = endpoint.through_litellm
    return Known(
        name=endpoint.name,
        where=shown(endpoint.base_url) if endpoint.base_url else "LiteLLM",
        model=litellm or endpoint.model or None,
        api="litellm" if litellm else "responses" if endpoint.speaks_responses else "chat",
        context_tokens=endpoint.context_tokens,
        key="set" if endpoint.api_key else "none",
        key_from=source if endpoint.api_key else None,
        prices=endpoint.prices.model_dump() if endpoint.prices else None,
        concurrency=endpoint.concurrency,
        takes=sorted(endpoint.accepts),
    )


def _key_source(model: DeclaredModel) -> str | None:
    if model.key_env is not None:
        return model.key_env
    if model.key_file is not None:
        return str(model.key_file)
    return "models.yaml, in clear" if model.api_key is not None else "OPENAI_API_KEY"


def _row(model: Known) -> tuple[str, ...]:
    place = model.where.removeprefix("https://")
    serves = _called(model.model) if model.api else ""
    where = f"{serves} at {place}" if serves and serves != model.name else place
    context = f"{model.context_tokens:,}" if model.context_tokens else NOTHING
    mark = " *" if model.default else ""
    return (f"{_called(model.name)}{mark}", where, model.api or NOTHING, context, model.key, _price(model.prices))


def _called(name: str | None) -> str:
    return ONLY_ONE if name in (None, ANY_MODEL) else str(name)


def _price(prices: dict[str, Any] | None) -> str:
    if prices is None:
        return NOTHING
    made = Prices.model_validate(prices)
    return f"{made.input:g}/{made.output:g}"

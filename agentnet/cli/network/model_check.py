"""`agentnet models test` and `compare`: the doctor's checks of one model with their figures, or several in a table."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field

import typer

from agentnet.cli.command import exits
from agentnet.cli.command.loop import run
from agentnet.cli.network.finding import Finding, print_findings
from agentnet.cli.network.litellm_check import check_of, tokens_of_check
from agentnet.cli.network.model_advice import advice_for, own_ports, say_nothing, say_on_stderr
from agentnet.cli.show import screen
from agentnet.errors import ConfigurationError, InvalidInputError
from agentnet.models.check.finding import Figures
from agentnet.models.endpoints.building import endpoint_of
from agentnet.models.endpoints.choice import model_name, names_in
from agentnet.models.endpoints.declared import declared_models
from agentnet.models.endpoints.endpoint import ANY_MODEL, Endpoint, Prices
from agentnet.models.endpoints.installed import OFFLINE_MODEL, installed_models
from agentnet.settings import Settings, load_settings

NOTHING = "-"
COLUMNS = ("Model", "First token", "Tokens/s", "Tool call", "Usage", "Context", "$ in/out")
ONLY_ONE = "the only one"
TO_ASK = "Set OPENAI_BASE_URL or OPENAI_API_KEY, or declare one in models.yaml."


@dataclass
class Tested:
    """What was found at one model."""

    endpoint: Endpoint
    findings: list[Finding] = field(default_factory=list[Finding])
    figures: Figures = field(default_factory=Figures)

    @property
    def name(self) -> str:
        """What people call it."""
        return ONLY_ONE if self.endpoint.name == ANY_MODEL else self.endpoint.name

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong with it."""
        return all(finding.ok for finding in self.findings)

    @property
    def as_json(self) -> dict[str, object]:
        """For machines."""
        prices = self.endpoint.prices
        return {
            "name": self.name,
            "ok": self.is_well,
            **asdict(self.figures),
            "prices": prices.model_dump() if prices else None,
            "findings": [asdict(finding) for finding in self.findings],
        }


def show_test(name: str | None, *, call: bool, as_json: bool) -> None:
    """Check one model, the default for None; leave with 1 if something is wrong with it."""
    settings = load_settings()
    [endpoint] = _endpoints(settings, [name] if name else names_in(model_name(settings))[:1])
    tested = run(_tested(settings, [endpoint], call=call, quiet=as_json))
    if as_json:
        screen.print_json(tested[0].as_json)
    else:
        print_findings(tested[0].findings)
    _leave(tested)


def show_comparison(names: Sequence[str], *, as_json: bool) -> None:
    """Check several models one after the other and print their figures; leave with 1 if one cannot be asked."""
    settings = load_settings()
    wanted = list(dict.fromkeys(names)) or [*declared_models(settings).models] or names_in(model_name(settings))
    endpoints = _endpoints(settings, wanted)
    tested = run(_tested(settings, endpoints, call=True, quiet=as_json))
    if as_json:
        screen.print_json({"models": [each.as_json for each in tested]})
    else:
        screen.print_rows(COLUMNS, [_row(each) for each in tested])
        for each in tested:
            for finding in each.findings:
                if not finding.ok:
                    screen.say(f"{each.name}: {finding.found}. {finding.todo}", error=True)
    _leave(tested)


def _endpoints(settings: Settings, names: Sequence[str]) -> list[Endpoint]:
    """Their endpoints. Raises `AgentNetError` for what no endpoint has."""
    return [_endpoint(settings, name) for name in names]


def _endpoint(settings: Settings, name: str) -> Endpoint:
    # As a run would find it: a name that nothing has is told with the nearest.
    name = ANY_MODEL if name == ONLY_ONE else model_name(settings, name)
    if name == OFFLINE_MODEL:
        raise ConfigurationError("The offline model has no endpoint to be asked: it runs in this process.", hint=TO_ASK)
    if name in installed_models() and name not in declared_models(settings).models:
        raise InvalidInputError(f"{name} is installed, and has no endpoint to be asked.", hint=TO_ASK)
    return endpoint_of(settings, name)


async def _tested(settings: Settings, endpoints: Sequence[Endpoint], *, call: bool, quiet: bool) -> list[Tested]:
    return [each async for each in _each_tested(settings, endpoints, call=call, quiet=quiet)]


async def _each_tested(
    settings: Settings, endpoints: Sequence[Endpoint], *, call: bool, quiet: bool
) -> AsyncIterator[Tested]:
    """One after the other: at once they would share the machine, and each be slower."""
    say = say_nothing if quiet else say_on_stderr
    for endpoint in endpoints:
        if call:
            say(f"Asking {_asked(endpoint)}")
        check = check_of(
            endpoint, call=call, advice=advice_for(settings, endpoint.name), say=say, own_ports=own_ports(settings)
        )
        findings = [finding async for finding in check.findings()]
        yield Tested(endpoint, findings, check.figures)


def _asked(endpoint: Endpoint) -> str:
    """The model and what asking it costs."""
    name = ONLY_ONE if endpoint.name == ANY_MODEL else endpoint.name
    prices = endpoint.prices
    tokens = tokens_of_check(endpoint)
    cost = f", {prices.input * tokens / 1_000_000:.2g} dollars" if prices else ""
    return f"{name}: about {tokens:,} tokens{cost}"


def _row(tested: Tested) -> tuple[str, ...]:
    figures = tested.figures
    first = figures.first_token_seconds
    return (
        tested.name,
        NOTHING if first is None else screen.duration(first * 1000),
        NOTHING if figures.tokens_per_second is None else f"{figures.tokens_per_second:.3g}",
        NOTHING if figures.tool_call is None else figures.tool_call,
        NOTHING if figures.usage is None else "sent" if figures.usage else "not sent",
        f"{figures.context_tokens:,}" if figures.context_tokens else NOTHING,
        _price(tested.endpoint.prices),
    )


def _price(prices: Prices | None) -> str:
    return f"{prices.input:g}/{prices.output:g}" if prices else NOTHING


def _leave(tested: Sequence[Tested]) -> None:
    if not all(each.is_well for each in tested):
        raise typer.Exit(exits.TASK_FAILED)

"""What the command line says of models: what a setting is called, and what to set for a server of this machine."""

from collections.abc import Callable

from agentnet.cli.show import screen
from agentnet.models.check.finding import Advice
from agentnet.models.check.local import LocalServer
from agentnet.models.endpoints.declared import declared_models
from agentnet.settings import Settings

SHOWN = 3

Say = Callable[[str], None]


def advice_for(settings: Settings, name: str) -> Advice:
    """What the places are called at which the model of that name is set."""
    if name in declared_models(settings).models:
        return Advice(url="base_url", key="its key_env or key_file", model="model", sets=": ")
    return Advice()


def own_ports(settings: Settings) -> frozenset[int]:
    """The ports of this network on this machine, which are nobody's model server."""
    return frozenset({settings.port, settings.registry_port}) - {0}


def local_lines(server: LocalServer) -> tuple[str, str]:
    """What a server of this machine is, and what to set for it."""
    names = server.listing.names
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    name = server.server.name
    found = f"{name[0].upper()}{name[1:]} answers at {server.base_url}: {', '.join(names[:SHOWN]) or 'no model'}{more}"
    return found, f"To use it, set {server.lines}" if names else server.server.empty


def say_on_stderr(words: str) -> None:
    """For people: a word while something is waited for."""
    screen.say_on(screen.progress(), words, "dim")


def say_nothing(_words: str) -> None:
    """For machines, who read the result."""

"""Whether a model is among those that an endpoint lists, whatever it writes around their names."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from agentnet.models.check.finding import Advice, Finding
from agentnet.models.check.listed import Listing
from agentnet.models.endpoints.listing import VECTORS, name_in

MODEL = "model"
SHOWN = 5
NEAR = 0.4


@dataclass(frozen=True)
class Named:
    """What is known of a model's name; `name` is what requests take."""

    finding: Finding
    name: str
    goes_on: bool = True


def named(wanted: str, listing: Listing, advice: Advice) -> Named:
    """Whether `listing` has the model `wanted`."""
    names, server = listing.names, listing.server
    if not names and (server.lists_all or not wanted):
        return Named(Finding(MODEL, False, "the endpoint lists no model", server.empty), wanted, goes_on=False)
    if not wanted:
        return _only(names, advice)
    found = name_in(names, wanted)
    if found is not None:
        other = f", listed as {found}" if found != wanted else ""
        return Named(Finding(MODEL, True, f"{wanted} is there{other}"), wanted)
    if server.any_name and len(names) == 1:
        words = f"{server.name} answers to any name with its one model, {names[0]}"
        return Named(Finding(MODEL, True, words, f"{advice.set_model(names[0])} says what it is."), wanted)
    variant = wanted.partition(":")[0]
    if not server.lists_all:
        if name_in(names, variant) is not None:
            return Named(Finding(MODEL, True, f"{wanted} is a variant of {variant}, which is there"), wanted)
        words = f"{wanted} is not listed, which {server.name} does not do for all: the call shows it"
        return Named(Finding(MODEL, True, words, _nearest(wanted, names, advice)), wanted)
    missing = server.missing.format(model=wanted)
    todo = " ".join(filter(None, (_nearest(wanted, names, advice), missing)))
    return Named(Finding(MODEL, False, f"{wanted} is not there; {_shown(names)}", todo), wanted, goes_on=False)


def _nearest(wanted: str, names: Sequence[str], advice: Advice) -> str:
    """The listed name that is most like it, with what to set."""
    bare = {_bare(name): name for name in reversed(names)}
    near = get_close_matches(_bare(wanted), bare, n=1, cutoff=NEAR)
    if not near and len(names) > 1:
        return f"Set {advice.model} to one of them."
    return f"{advice.set_model(bare[near[0]] if near else names[0])}" + ("?" if near else ".") if names else ""


def _bare(name: str) -> str:
    """A name without what stands before and behind it, in small letters: `qwen3` of `Qwen/Qwen3:latest`."""
    return name.lower().rpartition("/")[2].removesuffix(":latest")


def _shown(names: Sequence[str]) -> str:
    more = len(names) - SHOWN
    return f"there {'is' if len(names) == 1 else 'are'} {', '.join(names[:SHOWN])}" + (f" and {more} more" * (more > 0))


def _only(names: Sequence[str], advice: Advice) -> Named:
    """The model where none is named: the only one there that talks."""
    talking = [name for name in names if not VECTORS.search(name)] or names
    if len(talking) == 1:
        return Named(Finding(MODEL, True, f"{talking[0]}, the only one there: none is named"), talking[0])
    todo = f"Set {advice.model} to one of them."
    return Named(Finding(MODEL, False, f"none is named, and {_shown(names)}", todo), "", goes_on=False)

"""Names of fields as hosts take them, and back."""

from collections.abc import Iterable

from agentnet.arguments.texts import as_name, is_name


def names_of(fields: Iterable[str]) -> dict[str, str]:
    """The fields of one object, each with the name that models are told: its own, where all hosts take that."""
    listed = list(fields)
    taken = {name for name in listed if is_name(name)}
    told: dict[str, str] = {}
    for name in listed:
        if is_name(name):
            told[name] = name
            continue
        plain = as_name(name)
        if plain in taken:  # $filter beside filter
            plain = as_name(name, marked=True)
        taken.add(plain)
        told[name] = plain
    return told

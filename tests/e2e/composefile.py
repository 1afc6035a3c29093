"""docker-compose.yml, read as compose reads it: interpolated, merged, in start order."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

REFERENCE = re.compile(r"\$\{(?P<name>[A-Z_][A-Z0-9_]*)(?::(?P<how>[-?]))?")


class MissingVariableError(Exception):
    """A required variable is not set; carries the file's message."""


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One service of the file."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    healthcheck: tuple[str, ...]
    """The check's command, without its leading CMD."""
    needs: tuple[str, ...]
    """Services that must be healthy first."""
    mounts: Mapping[str, str]
    """Path in the container: path on the host, name of a volume, or empty for a tmpfs."""


def load(path: Path, variables: Mapping[str, str]) -> dict[str, ServiceSpec]:
    """The services of the file, those first that others need."""
    data = yaml.safe_load(path.read_text())
    specs = {name: _spec(name, service, variables) for name, service in data["services"].items()}
    order = TopologicalSorter({name: spec.needs for name, spec in specs.items()}).static_order()
    return {name: specs[name] for name in order}


def interpolate(text: str, variables: Mapping[str, str]) -> str:
    """`text` with `${NAME}`, `${NAME:-default}` and `${NAME:?message}` filled in; they may stand in each other."""
    return "".join(_interpolated(text, variables))


def _interpolated(text: str, variables: Mapping[str, str]) -> Iterator[str]:
    position = 0
    while match := REFERENCE.search(text, position):
        yield text[position : match.start()]
        end = _closing(text, match.end())
        rest = text[match.end() : end]
        value = variables.get(match["name"], "")
        if match["how"] == "?" and not value:
            raise MissingVariableError(rest)
        yield interpolate(rest, variables) if match["how"] == "-" and not value else value
        position = end + 1
    yield text[position:]


def _closing(text: str, position: int) -> int:
    depth = 1
    for index in range(position, len(text)):
        depth += {"{": 1, "}": -1}.get(text[index], 0)
        if not depth:
            return index
    raise ValueError(f"an unclosed reference in {text!r}")


def _spec(name: str, service: Mapping[str, Any], variables: Mapping[str, str]) -> ServiceSpec:
    environment = {
        key: variables.get(key) if value is None else interpolate(str(value), variables)
        for key, value in service.get("environment", {}).items()
    }
    check = service["healthcheck"]["test"]
    assert check[0] == "CMD", f"{name}: only CMD health checks are understood"
    return ServiceSpec(
        name=name,
        command=tuple(interpolate(str(word), variables) for word in service["command"]),
        environment={key: value for key, value in environment.items() if value is not None},
        healthcheck=tuple(interpolate(str(word), variables) for word in check[1:]),
        needs=tuple(service.get("depends_on", {})),
        mounts=_mounts(service, variables),
    )


def _mounts(service: Mapping[str, Any], variables: Mapping[str, str]) -> dict[str, str]:
    mounts = {entry.partition(":")[0]: "" for entry in service.get("tmpfs", [])}
    for entry in service.get("volumes", []):
        source, target, *_ = interpolate(entry, variables).split(":")
        mounts[target] = source
    return mounts

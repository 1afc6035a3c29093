"""The text of an OpenAPI document as values: JSON, or YAML that says no more than JSON can."""

import json
import re
from typing import Any

import yaml

from agentnet.errors import ConfigurationError

MAX_NODES = 1_000_000
"""Values in a document, those that a YAML alias repeats counted each time: few bytes can stand for very many."""

_PREFIX = "tag:yaml.org,2002:"


class _Loader(yaml.SafeLoader):
    """YAML whose plain words are what they are in JSON, as OpenAPI wants it: NO is a country, and a date is a text."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - not those of YAML 1.1; filled below

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """As the parent does; members that merges repeat are counted too."""
        super().flatten_mapping(node)
        # A few lines of merges double 60 times: it is refused before it is built.
        if len(node.value) > MAX_NODES:
            raise _too_many()


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(_PREFIX + _tag, re.compile(rf"^(?:{_pattern})$"), _first)


def values_of(text: str) -> Any:
    """What `text` says. Blocks. Raises `ConfigurationError`."""
    try:
        document = _loaded(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigurationError("The OpenAPI document is neither JSON nor YAML.") from None
    _check_size(document)
    return document


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)  # a hundred times faster than YAML, of which JSON is a part
    except ValueError:
        return yaml.load(text, _Loader)  # noqa: S506 - a safe loader


def _check_size(document: Any) -> None:
    seen, left = 0, [document]
    while left:
        node = left.pop()
        children = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else []
        # An alias is the same object each time: counted wherever it stands, as whoever reads the document will.
        seen += len(children)
        if seen > MAX_NODES:
            raise _too_many()
        left.extend(children)


def _too_many() -> ConfigurationError:
    return ConfigurationError(f"The OpenAPI document has over {MAX_NODES} values.")

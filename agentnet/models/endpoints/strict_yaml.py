"""YAML as an operator means it: a key that stands twice is an error, and what looks like a date stays a text."""

from pathlib import Path
from typing import Any

import yaml

from agentnet.errors import ConfigurationError

MAX_FILE_BYTES = 256 * 1024
TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """A mapping. Raises `ConstructorError` for a key that stands twice: the second would win unseen."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


# `api-version: 2024-10-21` is the text that an endpoint is sent, in quotes or not.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_yaml(path: Path) -> Any:
    """The content of the file at `path`. Raises `ConfigurationError`."""
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # a pipe would be waited for without an end
            raise ConfigurationError(f"{path} cannot be read: it is no file.")
        with path.open("rb") as file:
            body = file.read(MAX_FILE_BYTES + 1)
        if len(body) > MAX_FILE_BYTES:
            raise ConfigurationError(f"{path} is over the limit of {MAX_FILE_BYTES // 1024} KiB.")
        text = body.decode("utf-8-sig")
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path} cannot be read: it is no UTF-8.") from None
    try:
        return _Loader(text).get_single_data()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        raise ConfigurationError(f"{path}{where} is not YAML: {problem}.") from None
    except (ValueError, RecursionError) as error:  # a number that is none, brackets without end
        raise ConfigurationError(f"{path} cannot be read: {type(error).__name__}.") from None

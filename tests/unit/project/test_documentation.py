"""What the documentation tells readers to type exists, and what it links to is there."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from agentnet.cli.app import app
from agentnet.cli.network.hosts import host_settings
from agentnet.manifests.manifest import Limits, Manifest, SkillManifest
from agentnet.models.endpoints.declared import DeclaredModel, load_models
from agentnet.models.endpoints.endpoint import Prices
from agentnet.settings import Settings
from agentnet.upstreams.declarations import Declarations
from gateway.mcp.messages.profile import Profile
from tests.unit.project.repository import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CODE = re.compile(r"```bash\n(.*?)```|`((?:make|agentnet) [^`\n]+)`", re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")

pages = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])


def commands(page: Path, program: str) -> Iterator[list[str]]:
    """The words after `program` in every command line of a page, also inside `$(…)`."""
    for block, inline in CODE.findall(page.read_text()):
        text = (block or inline).replace("\\\n", " ")
        for line in re.split(r"[\n;|]|&&|\$\(|\)\"?", text):
            words = (
                shlex.split(line, comments=True) if line.count('"') % 2 == line.count("'") % 2 == 0 else line.split()
            )
            if words and words[0] == program:
                yield words[1:]


def find(words: list[str]) -> tuple[Any, list[str]]:
    """The command that the words name, and the words that are left."""
    command: Any = get_command(app)  # Typer's own copy of click has no public types
    while words and (inner := getattr(command, "commands", None)) and not words[0].startswith("-"):
        assert words[0] in inner, f"there is no command {words[0]!r} in {command.name}"
        command, words = inner[words[0]], words[1:]
    return command, words


@pages
def test_every_make_target_in_the_documentation_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in commands(page, "make"):
        assert {word for word in words if "=" not in word} <= targets, words


@pages
def test_every_command_in_the_documentation_exists_with_its_options(page: Path) -> None:
    for words in commands(page, "agentnet"):
        command, rest = find(words)
        known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
        assert {word for word in rest if word.startswith("--")} <= known, words


@pages
def test_every_link_of_the_documentation_leads_somewhere(page: Path) -> None:
    missing = [target for target in LINK.findall(page.read_text()) if not (page.parent / target).exists()]
    assert not missing


@pages
def test_every_python_example_runs(page: Path) -> None:
    for source in blocks(page, "python"):
        exec(compile(source, page.name, "exec"), {"__name__": "example"})


def test_every_yaml_example_is_a_manifest_or_declares_servers_profiles_or_models(tmp_path: Path) -> None:
    examples = [yaml.safe_load(text) for page in PAGES for text in blocks(page, "yaml")]
    assert [data for data in examples if "servers" in data] and [data for data in examples if "skills" in data]
    for data in examples:
        if "profiles" in data:
            for profile in data["profiles"]:
                Profile.model_validate(profile)
        elif "servers" in data:
            Declarations.model_validate(without_files(data))
        elif "models" in data:
            file = tmp_path / "models.yaml"
            file.write_text(yaml.safe_dump(data))
            load_models(file)
        else:
            Manifest.model_validate(data)


def without_files(data: Any) -> Any:
    """`data` with a text in place of each file that holds a secret."""
    if isinstance(data, list):
        return [without_files(item) for item in data]
    if not isinstance(data, dict):
        return data
    return "secret" if set(data) == {"file"} else {key: without_files(value) for key, value in data.items()}


def test_the_reference_of_the_manifest_names_every_key() -> None:
    reference = (ROOT / "docs" / "specialists.md").read_text()
    keys = [*Manifest.model_fields, *SkillManifest.model_fields, *Limits.model_fields]
    assert not [key for key in keys if key not in reference]


def test_the_reference_of_models_names_every_key() -> None:
    reference = (ROOT / "docs" / "models.md").read_text()
    assert not [key for key in [*DeclaredModel.model_fields, *Prices.model_fields] if f"`{key}`" not in reference]


def test_the_settings_for_hosts_are_those_that_the_network_prints() -> None:
    printed = [entry.settings for entry in host_settings(Settings.model_construct())]
    for settings in printed:
        for server in settings.get("mcpServers", {}).values():
            if "command" in server:  # by its full path, which no page can know
                server["command"] = Path(server["command"]).name
    documented = [json.loads(text) for page in PAGES for text in blocks(page, "json")]
    assert len(documented) >= len(printed)
    for settings in documented:
        assert settings in printed


def blocks(page: Path, language: str) -> list[str]:
    """The fenced examples of a page in one language."""
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)

"""`.env.example` documents every setting, and nothing that is none."""

import re

from pydantic import AliasChoices

from agentnet.settings import Settings
from tests.unit.project.repository import ROOT

VARIABLE = re.compile(r"^(?:# )?([A-Z][A-Z0-9_]*)=", re.MULTILINE)


def documented() -> set[str]:
    return set(VARIABLE.findall((ROOT / ".env.example").read_text()))


def names_of_fields() -> dict[str, set[str]]:
    """Each field's variables."""
    prefix = str(Settings.model_config.get("env_prefix", ""))
    names: dict[str, set[str]] = {}
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        choices = [str(choice) for choice in alias.choices] if isinstance(alias, AliasChoices) else []
        names[name] = {choice for choice in choices if choice.isupper()} or {f"{prefix}{name.upper()}"}
    return names


def compose_variables() -> set[str]:
    return set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))


def test_every_setting_is_documented() -> None:
    missing = [sorted(names) for names in names_of_fields().values() if not names & documented()]
    assert not missing


def test_every_variable_of_the_compose_file_is_documented() -> None:
    assert compose_variables() <= documented()


def test_nothing_is_documented_that_nobody_reads() -> None:
    assert documented() <= set[str]().union(*names_of_fields().values()) | compose_variables()


def test_the_example_holds_no_values_so_that_a_copy_changes_nothing() -> None:
    lines = (ROOT / ".env.example").read_text().splitlines()
    assert not [line for line in lines if line and not line.startswith("#")]

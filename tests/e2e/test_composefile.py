from pathlib import Path

import pytest

from tests.e2e.composefile import MissingVariableError, interpolate, load

FILE = Path(__file__).resolve().parents[2] / "docker-compose.yml"
SECRETS = {
    "POSTGRES_PASSWORD": "p",
    "REDIS_PASSWORD": "r",
    "AGENTNET_SECRET": "s" * 32,
    "AGENTNET_API_KEY": "k",
}


def test_a_default_may_hold_another_reference() -> None:
    text = "${URL:-http://127.0.0.1:${PORT:-8700}}/mcp"
    assert interpolate(text, {}) == "http://127.0.0.1:8700/mcp"
    assert interpolate(text, {"PORT": "1"}) == "http://127.0.0.1:1/mcp"
    assert interpolate(text, {"URL": "https://example.org"}) == "https://example.org/mcp"


@pytest.mark.parametrize("missing", SECRETS)
def test_the_file_refuses_to_start_without_a_secret_and_says_what_to_do(missing: str) -> None:
    with pytest.raises(MissingVariableError, match="make compose-env"):
        load(FILE, SECRETS | {missing: ""})


def test_the_gateway_starts_last_and_the_databases_first() -> None:
    order = list(load(FILE, SECRETS))
    assert set(order[:2]) == {"postgres", "redis"}
    assert order[2] == "registry"
    assert order[-1] == "gateway"


def test_a_name_without_a_value_is_handed_on_only_when_it_is_set() -> None:
    assert "OPENAI_API_KEY" not in load(FILE, SECRETS)["writer"].environment
    assert load(FILE, SECRETS | {"OPENAI_API_KEY": "x"})["writer"].environment["OPENAI_API_KEY"] == "x"
    assert "OPENAI_API_KEY" not in load(FILE, SECRETS | {"OPENAI_API_KEY": "x"})["knowledge"].environment

from importlib.metadata import EntryPoint

import pytest
from pydantic import SecretStr

from agentnet.errors import ConfigurationError
from agentnet.models import default_model_settings, is_offline, model_name, model_provider, no_model
from agentnet.models.patient import PatientModel
from agentnet.models.provider import USUAL_EVENTS, prepare
from agentnet.settings import Settings
from offline_model import OfflineModel

pytestmark = pytest.mark.anyio


def settings(**values: object) -> Settings:
    plain = {"model": None, "openai_api_key": None, "openai_base_url": None}
    return Settings.model_validate({**plain, **values})


def install(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Have exactly these models installed, whatever is."""
    offered = [EntryPoint(name, "offline_model:OfflineModel", "agentnet.models") for name in names]
    monkeypatch.setattr("agentnet.models.endpoints.installed.entry_points", lambda group: offered)


def test_with_neither_key_nor_endpoint_every_model_is_the_offline_one() -> None:
    assert is_offline(settings())
    assert isinstance(model_provider(settings()).get_model("gpt-something"), OfflineModel)


def test_the_name_offline_forces_the_offline_model() -> None:
    assert is_offline(settings(model="offline", openai_api_key=SecretStr("k")), "gpt-something")
    assert is_offline(settings(openai_api_key=SecretStr("k")), "offline")


def test_a_manifest_names_its_model_before_the_settings_do() -> None:
    keyed = settings(model="general", openai_api_key=SecretStr("k"))
    assert model_name(keyed, "special") == "special"
    assert model_name(keyed) == "general"


def test_model_settings_count_usage_and_leave_time_and_tries_to_the_model() -> None:
    made = default_model_settings(settings(model_timeout_seconds=7))
    assert made.include_usage is True
    assert made.timeout is None
    assert made.retry is None


@pytest.mark.parametrize(
    ("values", "what_to_do"),
    [
        ({}, "Set OPENAI_API_KEY or OPENAI_BASE_URL, or install it"),
        ({"model": "offline", "openai_api_key": SecretStr("k")}, "Name another than offline, or install it"),
    ],
)
def test_without_the_offline_model_it_is_said_what_to_do_where_it_would_be_needed(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, object], what_to_do: str
) -> None:
    install(monkeypatch)
    made = settings(**values)
    with pytest.raises(ConfigurationError) as caught:
        model_provider(made).get_model(None)
    assert str(caught.value) == str(no_model(made))
    assert str(caught.value).startswith("There is no model: the offline model is not installed.")
    assert what_to_do in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_without_the_offline_model_an_endpoint_does(monkeypatch: pytest.MonkeyPatch) -> None:
    install(monkeypatch)
    made = settings(openai_base_url="http://127.0.0.1:9/v1")
    assert no_model(made) is None
    provider = model_provider(made)
    assert isinstance(provider.get_model(None), PatientModel)
    await provider.aclose()


async def test_an_installed_model_goes_by_its_name_with_an_endpoint_and_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch, "house")
    keyed = model_provider(settings(openai_api_key=SecretStr("k")))
    assert isinstance(keyed.get_model("house"), OfflineModel)
    assert isinstance(keyed.get_model("other"), PatientModel)
    alone = settings(model="house")
    assert no_model(alone) is None
    assert model_name(alone) == "house"
    assert model_provider(alone).get_model(None) is not keyed.get_model("house")
    assert keyed.get_model("house") is keyed.get_model("house")
    await keyed.aclose()


def test_what_a_first_turn_consists_of_is_built_before_it_comes() -> None:
    models = model_provider(settings())
    prepare(models, "gpt-something")
    assert all(event.__pydantic_complete__ for event in USUAL_EVENTS)
    assert isinstance(models.get_model("gpt-something"), OfflineModel)


def test_a_model_that_is_not_there_is_said_by_its_turn_and_not_by_what_prepares_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    install(monkeypatch)
    models = model_provider(settings())
    prepare(models, None)
    with pytest.raises(ConfigurationError):
        models.get_model(None)

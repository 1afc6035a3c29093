import pytest
from agents import OpenAIChatCompletionsModel, OpenAIResponsesModel
from pydantic import SecretStr

from agentnet.models import default_model_settings, is_offline, model_name, model_provider
from agentnet.settings import Settings
from offline_model import OfflineModel

pytestmark = pytest.mark.anyio


def settings(**values: object) -> Settings:
    plain = {"model": None, "openai_api_key": None, "openai_base_url": None}
    return Settings.model_validate({**plain, **values})


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


async def test_an_endpoint_needs_no_key_and_speaks_chat_completions_over_one_client() -> None:
    provider = model_provider(settings(openai_base_url="http://127.0.0.1:9/v1", model="llama"))
    first, second = provider.get_model(None), provider.get_model("other")
    assert isinstance(first, OpenAIChatCompletionsModel)
    assert isinstance(second, OpenAIChatCompletionsModel)
    assert first._client is second._client
    assert first._client.max_retries == 0
    await provider.aclose()


async def test_a_key_alone_speaks_the_responses_api() -> None:
    provider = model_provider(settings(openai_api_key=SecretStr("k")))
    assert isinstance(provider.get_model(None), OpenAIResponsesModel)
    await provider.aclose()


def test_model_settings_count_usage_and_bound_each_call() -> None:
    made = default_model_settings(settings(model_timeout_seconds=7))
    assert made.include_usage is True
    assert made.timeout == 7
    assert made.retry is not None
    assert made.retry.max_retries == 4

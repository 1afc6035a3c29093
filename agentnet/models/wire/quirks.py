"""What endpoints do to the API that they claim to speak, by name, and what is made of it here.

A repair notes the name of its quirk (`Noted`): `doctor` tells them, the log has each once for an endpoint, and the
tests hold a case for each.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

logger = logging.getLogger(__name__)

QUIRKS: Mapping[str, str] = {
    # The stream
    "event_unfinished": "the last event has no blank line behind it: it is read",
    "events_glued": "several events without blank lines between them: each is read",
    "done_spelled": "the end is not [DONE] but a word like it: it counts as the end",
    "after_done": "something comes behind [DONE]: it is not read",
    "json_loose": "JSON that only lenient parsers take (NaN, raw line breaks in texts): it is read",
    "text_halved": "a character is cut in two, as half of a surrogate pair or of its bytes: the halves are joined",
    "stream_whole": "one whole answer where a stream was asked for: it is made a stream",
    "stream_lines": "lines of JSON in place of events: each is read as one",
    "text_nul": "the character NUL, which no database holds: left out",
    "event_foreign": "an event that belongs to no answer, such as a ping: it is left out",
    # Chunks and choices
    "choices_missing": "a chunk whose choices are null or no list: it counts as one without",
    "choices_many": "several choices: only the first is read",
    "choice_index": "the one choice is not number 0: it is made so",
    "delta_missing": "a choice without a delta; its message or its text is read in its place",
    "content_parts": "content as a list of parts, an object or a number: its texts are joined",
    "logprobs_odd": "log probabilities that are none: left out",
    "finish_wrong": "a reason to end that contradicts the answer, such as stop behind a call: it is put right",
    "finish_unknown": "a reason to end in words of another API: it is translated",
    "finish_missing": "no reason to end, though [DONE] came: it is added",
    # Tool calls
    "call_id_missing": "a call without an id: it gets one",
    "call_id_repeated": "an id that another call of the conversation has: it gets one of its own",
    "call_id_counted": "ids that count from 0 in every turn: each gets one of its own",
    "call_index": "calls that share an index or have none: each gets its own",
    "call_shape": "a call that is no object of the API (flat, null, one object in place of a list): it is put in form",
    "call_legacy": "function_call of 2023 in place of tool_calls: it is made one",
    "call_in_text": "a call that comes as text: it is run",
    "call_unknown": "a call that comes as text, of a tool that is not there: the model is told which there are",
    "name_leaked": "a name with marks or prefixes of a template: it is mapped to the tool that is meant",
    "name_split": "a name in several pieces: they are joined",
    "arguments_object": "arguments as an object and not as a text: made a text",
    "arguments_encoded": "arguments encoded twice: decoded once",
    "arguments_empty": "arguments that are null or empty: an empty object",
    "arguments_fenced": "arguments in a fence, in Python's notation or otherwise no JSON at first: made JSON",
    "arguments_growing": "pieces that hold all before them, or an empty object before the arguments: told apart",
    "arguments_trailing": "something behind the arguments' end: left out",
    "arguments_open": "arguments whose last brackets are missing: they are closed",
    "arguments_raw": "raw line breaks in the texts of arguments: escaped",
    # Thinking
    "think_in_text": "the answer begins with its thoughts, between tags: they are made reasoning",
    "think_unopened": "thoughts that only end with a tag: the turn is asked anew and read as thoughts first",
    "think_elsewhere": "thoughts in a field of another name, or twice: made reasoning, once",
    "marks_in_text": "marks of a template around the answer: left out",
    # Usage
    "usage_missing": "no usage: it is estimated, and marked",
    "usage_odd": "usage as texts, negative, in parts, or under other names: put in order",
    "prompt_cut": "fewer tokens of the prompt were read than it has words: people are told, and longer ones shortened",
    # The Responses API
    "response_unfinished": "a stream that ends without response.completed: it is made of its items",
    "response_empty": "an empty output though its items came: it is filled with them",
    "response_incomplete": "an answer cut at its length: it is read as far as it goes",
    "item_shape": "an item without an id or with parts of another form: put in form",
    "event_unnumbered": "events without numbers or types: they get them",
}


class Noted:
    """The quirks that were met in one answer, and what else its reader cannot see. The log has each once."""

    def __init__(self, endpoint: str = "", seen: set[str] | None = None) -> None:
        self._endpoint = endpoint
        self._seen: set[str] = set() if seen is None else seen
        self.names: dict[str, None] = {}
        """In the order in which they were met."""
        self.reason: str | None = None
        """Why the answer ended, in the words of Chat Completions: `length` for one that was cut."""
        self.is_estimated = False
        """Whether its usage is."""

    def add(self, name: str) -> None:
        """Note a quirk of `QUIRKS`."""
        if name in self.names:
            return
        self.names[name] = None
        if name not in self._seen:
            self._seen.add(name)
            logger.info("the model %s: %s (%s)", self._endpoint, QUIRKS[name], name)


_listener: ContextVar[list[Noted] | None] = ContextVar("listener", default=None)


@contextmanager
def listening() -> Iterator[list[Noted]]:
    """What is noted of each answer that is asked for within: the SDK passes neither the reason nor an estimate on."""
    heard: list[Noted] = []
    token = _listener.set(heard)
    try:
        yield heard
    finally:
        _listener.reset(token)


def noted_for(endpoint: str, seen: set[str]) -> Noted:
    """A new one for an answer of that endpoint, told to whoever listens."""
    noted = Noted(endpoint, seen)
    if (heard := _listener.get()) is not None:
        heard.append(noted)
    return noted

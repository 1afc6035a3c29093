"""Whoever approves a call reads its arguments as they are, whatever escapes a model's server sent them in."""

import json
from pathlib import Path

import pytest
from agents.testing import assistant_message, function_call

from tests.integration.runs.specialists_under_test import question, sent, specialist

pytestmark = pytest.mark.anyio

MANIFEST = """
name: worker
description: Works.
skills:
  - {id: work, name: Work, description: Works.}
needs_approval: [note]
"""
SHOWN = [
    ("Grüße, 日本", "Grüße, 日本"),
    ('a "quoted" word', r"a \"quoted\" word"),
    ("two\nlines", r"two\nlines"),
    ("paid to \u202eeve", r"paid to \u202eeve"),  # what would turn the words around
    ("\x1b[2Jnothing", r"\u001b[2Jnothing"),
    ("zero\u200bwidth", r"zero\u200bwidth"),
]


@pytest.mark.parametrize(("text", "shown"), SHOWN)
async def test_arguments_are_shown_in_letters_and_nothing_in_them_is_hidden(
    database_url: str, tmp_path: Path, text: str, shown: str
) -> None:
    arguments = json.dumps({"text": text})
    assert arguments.isascii()
    steps = [[function_call("note", arguments, call_id="c1")], [assistant_message("done")]]
    async with specialist(database_url, tmp_path, steps, manifest=MANIFEST) as (_, [one]):
        asking = await sent(one, "go")
    assert question(asking) == f'May worker call note with {{"text": "{shown}"}}? Answer yes or no.'

import json

import pytest

from offline_model.answers.rendering import NOTHING, render
from offline_model.arguments.known import correction, error_of, names_in
from offline_model.request.conversation import ATTACHED, Material, material_section, split_message

URI = f"agentnet-file:{'ab' * 16}/image.png"
TABLE = "| agent | count |\n| --- | --- |\n| analyst | 12 |\n| writer | 7 |"
MOMENT = {"timezone": "Asia/Tokyo", "iso": "2026-03-01T21:00:00+09:00", "time": "21:00:00", "weekday": "Sunday"}


def test_passages_are_cited_as_the_tool_cited_them() -> None:
    found = "[docs/a.md:12] Leases\nA lease ends by itself. Tea is hot.\n\n[docs/b.md:3] Signals\nSignals are hints."
    assert render(found, "How does a lease end?", {}) == "A lease ends by itself. [docs/a.md:12]"


WHOLE_QUESTIONS = [
    (
        "Explain what happens when a replica dies",
        "When the replica dies, it stops renewing its leases.",
        "One that dies is started again by the next call.",
    ),
    (
        "Explain what happens when a client disconnects",
        "When a client disconnects, its task goes on.",
        "Events come as they happen.",
    ),
    (
        "What happens when the registry is away?",
        "While the registry is away, the gateway keeps what it said.",
        "It may have happened already.",
    ),
]
"""A question, a sentence on it, and one that only shares a rare word with it."""


@pytest.mark.parametrize(("question", "told", "other"), WHOLE_QUESTIONS)
def test_a_sentence_on_something_else_is_not_told_for_one_rare_word(question: str, told: str, other: str) -> None:
    asked = "The replica waits. The client asks. The registry reads. " * 3  # words that many sentences have
    found = f"[a.md:1] A\n{told}\n\n[b.md:2] B\n{other}\n\n[c.md:3] C\n{asked}"
    assert render(found, question, {}) == f"{told} [a.md:1]"


def test_a_search_without_result_says_so() -> None:
    assert render("No passage has these words.", "What is a yak?", {}).startswith(NOTHING)
    assert render(json.dumps({"passages": [{"text": "Tea is hot.", "source": "a"}]}), "What is a yak?", {}) == NOTHING


def test_a_chart_is_shown_with_its_extremes_in_a_sentence() -> None:
    text = render(
        f"File: {URI} (image/png, 12 bytes)\n{TABLE}", "Chart tasks by agent", {"x": "agent", "title": "Tasks"}
    )
    assert text == f"The highest is analyst with 12 (count), the lowest writer with 7.\n\n{TABLE}\n\n![Tasks]({URI})"


def test_those_who_share_an_extreme_are_all_named() -> None:
    rows = [{"city": "Bonn", "units": 9}, {"city": "Lyon", "units": 9}, {"city": "Rome", "units": 3}]
    text = render(json.dumps({"result": rows}), "Which city sold the most units?", {"group_by": "city"})
    assert text.startswith("The highest are Bonn and Lyon with 9 (units), the lowest Rome with 3.")


def test_a_moment_is_a_sentence() -> None:
    assert render(json.dumps(MOMENT), "time?", {}) == "It is Sunday, 1 March 2026, 21:00 (UTC+09:00) in Asia/Tokyo."


@pytest.mark.parametrize(
    ("output", "arguments", "text"),
    [
        ('{"expression": "1/3", "result": "0.25", "exact": true}', {"expression": "1/3"}, "1/3 = 0.25"),
        ("42", {}, "The result is 42."),
        ("[]", {}, "There are no results."),
        ("", {}, "The tool returned nothing."),
        ('{"a_b": [1, 2]}', {}, "- **A b:** 1, 2"),
        ('{"result": [{"a": 1, "b": "x|y"}, {"a": 2}]}', {}, "| a | b |\n| --- | --- |\n| 1 | x\\|y |\n| 2 |  |"),
    ],
)
def test_json_is_rendered_for_people(output: str, arguments: dict[str, str], text: str) -> None:
    assert render(output, "anything", arguments) == text


def test_columns_are_known_from_a_description_in_words() -> None:
    names = names_in(["task_log has 5 rows and 2 columns:\n- status: VARCHAR\n- duration_ms: BIGINT\n\nSample:\n| a |"])
    assert names.columns == ("status", "duration_ms")
    assert names.is_numeric("duration_ms")
    assert not names.is_numeric("status")


def test_an_error_offers_the_right_name() -> None:
    error = error_of(
        "An error occurred while running the tool. Please try again. "
        "Error: No 'enginee.md'. There are: a.md, engine.md."
    )
    assert error is not None
    assert correction(error, "enginee.md") == "engine.md"
    assert error_of("All went well.") is None


def test_material_that_is_written_is_read_back() -> None:
    given = (
        Material("Write it", "# A\n\n### Material 1: not a heading\n\ntext"),
        Material("Review it", "- **Score:** 3"),
    )
    request, read = split_message(f"Revise it\n\n{material_section(given)}\n\nAttached files:\n- a.png: {URI}")
    assert request == "Revise it"
    assert [item.label for item in read] == ["Write it", "Review it", ATTACHED]
    assert read[0].text.startswith("# A")
    assert read[1].text == "- **Score:** 3"

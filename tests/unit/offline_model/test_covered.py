"""A tool answers only what it covers wholly; a quote carries the heading that denies it."""

from pathlib import Path

import pytest

from offline_model.answers.passages import Passage, best_sentences, central_sentences, cited, sentences
from offline_model.arguments.conditions import named_in
from offline_model.arguments.known import Names
from offline_model.arguments.unused import uncovered, unused
from offline_model.request.tools import ToolSpec
from tests.unit.offline_model.network import Network
from tests.unit.offline_model.scoring import HONESTLY

NOW = ToolSpec(
    "now",
    "The current date, time and weekday in a time zone or city. Use it whenever an answer depends on today.",
    {"type": "object", "properties": {"timezone": {"type": "string", "description": "IANA name or city."}}},
)


@pytest.mark.parametrize(
    "said",
    [
        "How many tasks failed today?",
        "Which city has the largest population?",
        "Is the city hall open now?",
        "What is the time limit of a task?",
        "When does the next train leave today?",
        "What is the weather in Tokyo today?",
        "How many people live in Tokyo now?",
    ],
)
def test_a_clock_does_not_cover_what_it_knows_nothing_of(said: str) -> None:
    assert uncovered(said, NOW, {"timezone": "Asia/Tokyo"})


@pytest.mark.parametrize(
    "said",
    [
        "What time is it in Tokyo?",
        "What is the date today?",
        "How late is it now in Tokyo?",
        "Tell me the current time, please",
        "Which weekday is it today?",
        "Wie spät ist es in Tokio?",
    ],
)
def test_a_clock_covers_what_it_tells(said: str) -> None:
    assert not uncovered(said, NOW, {"timezone": "Asia/Tokyo"})


DAYS = Names(("d.csv",), ("date", "temp_c", "city"), frozenset({"date", "city"}), {"date": "DATE", "temp_c": "DOUBLE"})
COUNTED = {"source": "d.csv", "group_by": "date", "function": "count"}


@pytest.mark.parametrize(
    "said",
    [
        "On which date was it warmest?",
        "Which date was coldest?",
        "Which is the longest date?",
        "Which date is the best?",
        "Which date is the highest?",
        "What is the oldest date?",
    ],
)
def test_a_count_of_rows_tells_no_extreme(said: str) -> None:
    assert unused(said, COUNTED, DAYS)
    assert unused(said, {key: value for key, value in COUNTED.items() if key != "function"}, DAYS)


@pytest.mark.parametrize("said", ["Which date has the most rows?", "Which date has the highest number of rows?"])
def test_a_count_of_rows_tells_of_which_there_are_most(said: str) -> None:
    assert not unused(said, COUNTED, DAYS)


def test_a_word_that_a_column_shortens_is_used() -> None:
    assert not unused("What is the average temperature?", {"value": "temp_c", "function": "avg"}, DAYS)
    assert unused("What is the average summer?", {"value": "temp_c", "function": "sum"}, DAYS)


@pytest.mark.parametrize(
    ("heading", "text", "said"),
    [
        ("Operations > Not there yet", "A Helm chart and traces.", "Not there yet: A Helm chart and traces."),
        ("Not there yet > Security", "Roles, budgets.", "Not there yet: Roles, budgets."),
        ("Limitations", "- Tables over 1 GB.", "Limitations: - Tables over 1 GB."),
        ("Planned for 2027", "A mobile app.", "Planned for 2027: A mobile app."),
        ("Deprecated options", "The flag --old.", "Deprecated options: The flag --old."),
        ("What is missing", "Single sign-on.", "What is missing: Single sign-on."),
        ("Features", "A Helm chart and traces.", "A Helm chart and traces."),
    ],
)
def test_a_quote_carries_the_heading_that_denies_it(heading: str, text: str, said: str) -> None:
    assert sentences(f"# Title\n\n## {heading}\n\n{text}") == [said]
    found = best_sentences(f"Is there {text}", [Passage(text, "[a.md:1]", heading)])
    assert cited(found) == f"{said} [a.md:1]"


def test_what_stands_under_the_next_heading_is_not_denied() -> None:
    text = "## Not there yet\n\nA chart.\n\n## There\n\nA table.\n\nNot there yet:\n- a map\n- a tree\n\nA lake."
    assert sentences(text) == ["Not there yet: A chart.", "A table.", "Not there yet:", *(
        f"Not there yet: - a {thing}" for thing in ("map", "tree")
    ), "A lake."]  # fmt: skip
    assert central_sentences("## Missing\n\nA chart of tasks.", 3) == ["Missing: A chart of tasks."]


def test_rows_of_a_table_are_told_as_prose() -> None:
    text = "| setting | default |\n| --- | --- |\n| PORT | 8700 |\n| HOST | |\n\n| A | B |"
    assert sentences(text) == ["setting: PORT; default: 8700", "setting: HOST", "A; B"]


@pytest.mark.parametrize(
    "month", ["December", "November", "October", "September", "January", "February", "August", "March"]
)
def test_a_month_is_no_name_that_no_column_holds(month: str) -> None:
    assert not named_in(f"Which invoices are due in {month} 2026?", Names((), ("Customer", "Due")))


CITIES = '[{"city":"Rome","pop":2800000,"tags":["a"]},{"city":"Oslo","pop":700000,"tags":[]}]'
WARM = "date,temp_c\n03/04/2026,12.5\n04/04/2026,13.5\n13/04/2026,20\n"
DUE = "Customer,Amount,Due\nSmith & Sons,120.5,2026-12-01\nO'Neil,80,2026-11-01\nSmith & Sons,40,2026-12-31\n"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("name", "text", "asked", "said"),
    [
        ("cities.json", CITIES, "Which city has the largest population?", "Rome"),
        ("dates.csv", WARM, "On which date was it warmest?", ""),
        ("dates.csv", WARM, "What was the highest temperature?", "20"),
        ("inv.csv", DUE, "Which rows are due in December 2026?", "2026-12-31"),
        ("inv.csv", DUE, "How many tasks failed today?", ""),
    ],
)
async def test_the_network_answers_rightly_or_says_that_it_cannot(
    tmp_path: Path, name: str, text: str, asked: str, said: str
) -> None:
    network = Network(tmp_path, {name: text})
    answer = await network.ask(asked)
    assert "toolbox_now" not in {called for called, _ in network.calls}
    assert "no column holds" not in answer
    assert said in answer if said else HONESTLY.search(answer)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "asked", ["What time is it?", "What is the date today?", "What is the current time?", "What time is it now?"]
)
async def test_the_time_is_told_by_a_clock_and_not_by_documents(tmp_path: Path, asked: str) -> None:
    network = Network(tmp_path)
    assert "UTC" in await network.ask(asked)
    assert "knowledge_search" not in {name for name, _ in network.calls}

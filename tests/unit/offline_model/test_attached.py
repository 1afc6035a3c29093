"""What was attached is what is answered from; numbers are told as they are."""

import json

import pytest

from offline_model.answers.rendering import render
from offline_model.arguments.filling import Task, fill
from offline_model.arguments.known import Names
from offline_model.arguments.naming import source_for
from offline_model.deciding import decide
from offline_model.request.conversation import Request
from offline_model.request.plan import Step
from offline_model.request.tools import ToolSpec

OTHER = f"agentnet-file:{'ab' * 16}/rows.csv"
OWN = f"agentnet-file:{'cd' * 16}/empty.csv"
LISTED = f"Attached files:\n- empty.csv (text/csv, 0 bytes): {OWN}"


@pytest.mark.parametrize(
    ("step", "everything", "sources", "found"),
    [
        ("How many rows does the attached file have?", "", (OTHER,), None),
        ("What is the sum of b in the attachment?", "", (OTHER, "task_log"), None),
        ("What is the sum of rows?", LISTED, (OTHER,), OWN),
        ("How many rows does the attached file have?", LISTED, (OTHER,), OWN),
        ("What is the sum of b?", LISTED, (OTHER,), OWN),
        (f"What is the sum of b in {OTHER}?", LISTED, (), OTHER),
        ("What is the sum of b?", "", (OTHER,), OTHER),
    ],
)
def test_files_of_other_tasks_do_not_stand_in_for_attached_ones(
    step: str, everything: str, sources: tuple[str, ...], found: str | None
) -> None:
    assert source_for(step, step, f"{step}\n{everything}", Names(sources)) == found


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("| sum of v |\n| --- |\n| 223456.77 |", "The sum of v is 223456.77."),
        ("| sum of v |\n| --- |\n| 1248868.42 |", "The sum of v is 1,248,868.42."),
        ("| sum of v |\n| --- |\n| 12345678901234567.89 |", "The sum of v is 12345678901234567.89."),
        ("| code |\n| --- |\n| 01067 |", "The code is 01067."),
        (json.dumps({"result": 14200.49}), "The result is 14200.49."),
        (json.dumps({"result": 0.1 + 0.2}), "The result is 0.3."),
    ],
)
def test_a_number_is_told_with_all_its_digits(output: str, said: str) -> None:
    assert render(output, "What is it?", {}) == said


def test_a_total_is_that_of_the_exact_numbers() -> None:
    table = "| who | sum of v |\n| --- | --- |\n| A | 12999.99 |\n| B | 1235868.43 |\n| C | 0.1 |\n| D | 0.2 |"
    assert "The sum is 1,248,868.72." in render(table, "total v by who", {"group_by": "who"})


def test_no_total_is_told_of_a_table_that_is_cut() -> None:
    table = "| who | sum of v |\n| --- | --- |\n| A | 2 |\n| B | 1 |\n\nThe first 2 of 30 rows; there are more."
    assert "The sum is" not in render(table, "total v by who", {"group_by": "who"})


@pytest.mark.parametrize(
    ("step", "rows"),
    [
        ("Write these rows as csv: a,b", "a,b"),
        ("Save the rows in a file: 1,2,3", "1,2,3"),
        ('Write rows "a,b" to a file', "a,b"),
    ],
)
def test_a_word_that_only_links_is_no_value(step: str, rows: str) -> None:
    taken = {"type": "string", "description": "Lines with commas between the values."}
    schema = {"type": "object", "properties": {"rows": taken}, "required": ["rows"]}
    tool = ToolSpec("as_csv", "Write rows into a CSV file.", schema)
    assert fill(tool, Task(Step(0, step))).arguments == {"rows": rows}


def test_a_pdf_that_was_not_read_is_told_with_the_refusal() -> None:
    note = "invoice.pdf is a PDF and was not read: put it into a folder that `agentnet up --knowledge FOLDER` reads."
    listed = f"Attached files:\n- invoice.pdf (application/pdf, 8 bytes): {OWN[:-9]}invoice.pdf\n\n[{note}]"
    item = {"role": "user", "content": f"What is the total of the invoice?\n\n{listed}"}
    assert note in decide(Request(items=(item,))).text

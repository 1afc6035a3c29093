"""Structured content is repeated to the model only where the text does not tell of it."""

import pytest

from agentnet.runs.toolresults import is_told

COLUMNS = [{"name": "product", "type": "VARCHAR"}, {"name": "revenue", "type": "DOUBLE"}]


def grid(*rows: list[object]) -> dict[str, object]:
    return {"columns": COLUMNS, "rows": list(rows), "total_rows": None, "truncated": False, "notes": []}


@pytest.mark.parametrize(
    ("structured", "text"),
    [
        (grid(["Widget", 12999.99]), "| product | revenue |\n| --- | --- |\n| Widget | 12999.99 |"),
        (grid(["Widget", 13000.0]), "| product | revenue |\n| --- | --- |\n| Widget | 13000 |"),
        (grid(["Widget", 0.3333333333333333]), "| product | revenue |\n| --- | --- |\n| Widget | 0.3333 |"),
        (grid(), "| product | revenue |\n| --- | --- |\n\nNo rows."),
        (grid(["a|b", 1]), "| product | revenue |\n| --- | --- |\n| a\\|b | 1 |"),
        (
            {"columns": [{"name": "sum of v", "type": "DECIMAL(38,2)"}], "rows": [[1248868.42]]},
            "| sum of v |\n| 1248868.42 |",
        ),
        ({"total": 1248868.42}, "The total is 1,248,868.42."),
        ({"id": 2**70}, f"It is {2**70}."),
    ],
)
def test_what_the_text_tells_is_not_told_again(structured: object, text: str) -> None:
    assert is_told(structured, text)


@pytest.mark.parametrize(
    ("structured", "text"),
    [
        (grid(["Widget", 12999.99], ["Gadget", 5]), "2 rows"),
        ({"total": 12999.99}, "Done."),
        ({"total": 12999.99}, "The total is 13,500."),
        ({"id": 2**70}, f"It is {2**70 + 1}."),
        ({"name": "Ada"}, "Found 1 person."),
    ],
)
def test_what_the_text_leaves_out_is_told(structured: object, text: str) -> None:
    assert not is_told(structured, text)

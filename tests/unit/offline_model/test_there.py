"""What is there is found: in other sheets, in documents, under names with units, and with decimal commas."""

from pathlib import Path

import openpyxl
import pytest

from offline_model.language.quantities import expression_in, quantity_in
from offline_model.language.values import number, spans
from offline_model.request.plan import plan
from tests.unit.offline_model.network import Network
from tests.unit.offline_model.scoring import HONESTLY

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("said", "expression"),
    [
        ("How much is 1.234,50 plus 2,25?", "1234.50 + 2.25"),
        ("What is (1,5 + 2,5) * 3?", "(1.5 + 2.5) * 3"),
        ("What is 0,75 times 8?", "0.75 * 8"),
        ("What is 12.345.678,9 minus 1?", "12345678.9 - 1"),
        ("What is 1,5 + 2?", "1.5 + 2"),
        ("What is 1,234.50 + 2,000.25?", "1234.50 + 2000.25"),
        ("What is 1,500 + 2?", "1500 + 2"),
        ("What is max(1,5)?", "max(1,5)"),
    ],
)
async def test_a_decimal_comma_is_no_comma_between_thousands(said: str, expression: str) -> None:
    assert expression_in(said) == expression


@pytest.mark.parametrize(
    ("written", "value"), [("1,5", 1.5), ("1.234,50", 1234.5), ("1,234", 1234), ("1,234.5", 1234.5), ("-2,25", -2.25)]
)
async def test_a_number_is_read_with_either_comma(written: str, value: float) -> None:
    assert number(written) == value


async def test_an_amount_with_a_decimal_comma_is_converted_as_it_is() -> None:
    found = quantity_in("Convert 1,5 km to miles")
    assert found is not None
    assert (found.value, found.unit, found.target) == (1.5, "km", "miles")


@pytest.mark.parametrize(
    ("said", "asks"),
    [
        ("How many days until 2026-12-24?", True),
        ("How many weeks are left until 24 December 2026?", True),
        ("How long is it until 2026-12-24?", True),
        ("How old is someone born on 1990-05-17?", True),
        ("How many days are between 2026-01-01 and 2026-03-01?", True),
        ("How many orders came on 2026-12-24?", False),
        ("What happened on 2026-12-24?", False),
    ],
)
async def test_how_far_a_day_is_away_is_no_question_on_a_table(said: str, asks: bool) -> None:
    assert spans(said) is asks


@pytest.mark.parametrize("said", ["How many tasks are there", "Which files are there", "How many rows were there"])
async def test_there_at_the_end_points_at_nothing_before(said: str) -> None:
    assert not plan(f"What time is it? {said}?")[1].depends


INVOICES = "Customer,Amount,Due\nSmith & Sons,120.5,2026-12-01\nO'Neil,80,2026-11-01\nSmith & Sons,40,2026-12-31\n"
YEARS = "Jahr;Umsatz (Mio. EUR);Gewinn [T EUR]\n2023;10,5;1\n2024;12,5;2\n"
PRICES = "product,unit_price\nTea,2.5\nMilk,1.2\n"


@pytest.mark.parametrize(
    ("name", "text", "asked", "said"),
    [
        ("inv.csv", INVOICES, "What is the total amount of Smith & Sons?", "160.5"),
        ("inv.csv", INVOICES, "What is the total amount of O'Neil?", "80"),
        ("jahr.csv", YEARS, "What is the total Umsatz?", "23"),
        ("jahr.csv", YEARS, "What is the average Umsatz?", "11.5"),
        ("odd.csv", PRICES, "Which product has the lowest unit price?", "Milk"),
        ("inv.csv", INVOICES, "How many days until 2026-12-24?", "days"),
        ("inv.csv", INVOICES, "Which agent has the most failed tasks in the task log?", "analyst"),
        ("inv.csv", INVOICES, "What is today's date and how many tasks are in the task log?", "4"),
    ],
)
async def test_what_is_in_a_table_is_found(tmp_path: Path, name: str, text: str, asked: str, said: str) -> None:
    answer = await Network(tmp_path, {name: text}).ask(asked)
    assert said in answer
    assert not HONESTLY.search(answer), answer


@pytest.mark.parametrize(
    "asked",
    [
        "Which product has the lowest unit price, and when was it sold?",
        "What is the date 90 days after 2026-01-31?",
        "What is the total amount of Meier?",
    ],
)
async def test_what_is_not_there_is_neither_asked_for_nor_stored(tmp_path: Path, asked: str) -> None:
    network = Network(tmp_path, {"odd.csv": PRICES})
    answer = await network.ask(asked)
    assert "cannot" in answer
    assert "unit to convert" not in answer
    assert "knowledge_ingest" not in {name for name, _ in network.calls}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("What is the target for West?", "| West | 30 |"),
        ("What is the sum of Target in two.xlsx#Targets?", "45"),
        ("What is the highest Target in two.xlsx#Targets?", "30"),
        ("What is the sum of Amount?", "30"),
        ("What is the amount of Meier?", "two.xlsx#Targets"),
    ],
)
async def test_the_other_sheets_of_a_workbook_are_looked_at_or_named(tmp_path: Path, asked: str, said: str) -> None:
    book = openpyxl.Workbook()
    sales, targets = book.active, book.create_sheet("Targets")
    assert sales is not None
    sales.title = "Sales Q1"
    for row in (["Region", "Rep", "Amount"], ["North", "Ann", 10], ["South", "Bob", 20]):
        sales.append(row)
    for row in (["Region", "Target"], ["North", 15], ["West", 30]):
        targets.append(row)
    book.save(tmp_path / "two.xlsx")
    assert said in await Network(tmp_path).ask(asked)


DOCUMENTS = {
    "invoice.txt": "Invoice 4711\nTotal: 1,234.56 EUR\nDue date: 31 December 2026\n",
    "holiday.md": "# Holidays\n\nEmployees have 28 days of holiday.\n\nInterns work 30 hours in a week.\n",
}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("How many days of holiday do employees have?", "28 days"),
        ("How many hours do interns work in a week?", "30 hours"),
        ("What is the total of invoice 4711 and when is it due?", "31 December 2026"),
        ("What is the total of invoice 4711?", "1,234.56"),
        ("How many days of holiday do contractors have?", ""),
        ("How many hours of holiday do employees have?", ""),
        ("How many employees have holidays?", ""),
        ("What is the total of invoice 4712?", ""),
        ("How many tasks failed today?", ""),
    ],
)
async def test_a_count_that_a_document_tells_is_found_and_no_other(tmp_path: Path, asked: str, said: str) -> None:
    answer = await Network(tmp_path, documents=DOCUMENTS).ask(asked)
    assert said in answer if said else HONESTLY.search(answer)


TOTALS = "Item,Amount,Group\nTea,5,x\nMilk,7,y\nTotal,12,\n"


@pytest.mark.parametrize(
    ("text", "asked", "said"),
    [
        (TOTALS, "What is the sum of Amount?", "The sum of Amount is 12."),
        (TOTALS, "What is the average amount?", "The avg of Amount is 6."),
        (TOTALS, "Which item has the highest amount?", "Milk with 7"),
        (TOTALS, "What share of Amount does Tea have?", "41.67"),
        (TOTALS, "What is the sum of Amount by Group?", "| x | 5 |"),
        (TOTALS.replace("Total", "Summe"), "What is the sum of Amount?", "The sum of Amount is 12."),
        (TOTALS.replace("Total,12,\n", ""), "What is the sum of Amount?", "The sum of Amount is 12."),
    ],
)
async def test_a_last_row_that_sums_up_the_others_is_left_out(tmp_path: Path, text: str, asked: str, said: str) -> None:
    answer = await Network(tmp_path, {"total.csv": text}).ask(asked)
    assert said in answer
    assert "counted like the others" not in answer

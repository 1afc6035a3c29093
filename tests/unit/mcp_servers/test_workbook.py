import io
import zipfile
from datetime import date, datetime, time

import openpyxl
import pytest

from agentnet.errors import InvalidInputError, NotFoundError, TooLargeError
from mcp_servers.data.engine import execute
from mcp_servers.data.models import Describe, Job, Query, Table

MEMORY = 256 * 1024 * 1024


def book(**sheets):
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    body = io.BytesIO()
    made.save(body)
    return body.getvalue()


def ask(tmp_path, body, request=None, sheet=None):
    path = tmp_path / "table-0"
    path.write_bytes(body)
    table = Table(name="book", label="book.xlsx", path=str(path), format="xlsx", sheet=sheet)
    request = request or Describe(sample=10)
    return execute(Job(tables=(table,), request=request, seconds=20, memory_bytes=MEMORY)).grid


@pytest.mark.parametrize(
    ("cells", "kind", "values"),
    [
        ([1, 2], "BIGINT", [1, 2]),
        ([1.5, 2.0], "DECIMAL(18,1)", [1.5, 2]),
        ([True, False], "BOOLEAN", [True, False]),
        ([date(2024, 1, 31), date(2024, 2, 1)], "DATE", ["2024-01-31", "2024-02-01"]),
        ([datetime(2024, 1, 9, 10), datetime(2024, 2, 1)], "TIMESTAMP", ["2024-01-09T10:00:00", "2024-02-01T00:00:00"]),
        ([time(10, 30), time(11)], "TIME", ["10:30:00", "11:00:00"]),
        (["x", "y"], "VARCHAR", ["x", "y"]),
        ([1, "#N/A"], "BIGINT", [1, None]),
        ([1, None], "BIGINT", [1, None]),
        (["1,234", "1,5"], "DECIMAL(18,3)", [1.234, 1.5]),
    ],
)  # fmt: skip
def test_cells_keep_their_kind(tmp_path, cells, kind, values):
    grid = ask(tmp_path, book(Data=[["k", "v"], *([f"row {at}", cell] for at, cell in enumerate(cells))]))
    assert (grid.columns[1].type, [row[1] for row in grid.rows]) == (kind, values)


def test_the_first_sheet_with_a_table_is_read_and_the_others_are_named(tmp_path):
    body = book(Cover=[], Sales=[["a"], [1]], Costs=[["b"], [2], [3]])
    grid = ask(tmp_path, body)
    assert [column.name for column in grid.columns] == ["a"]
    assert "others are Costs (book_costs in SQL). Name one as book.xlsx#Costs" in grid.notes[0]
    assert ask(tmp_path, body, Query(sql="SELECT sum(b) FROM book_costs", limit=5)).rows == [[5]]
    assert ask(tmp_path, body, sheet="Costs").rows == [[2], [3]]


def test_a_sheet_that_is_not_there_brings_those_that_are(tmp_path):
    with pytest.raises(NotFoundError, match="its sheets are Sales, Costs"):
        ask(tmp_path, book(Sales=[["a"]], Costs=[["b"]]), sheet="Profit")


def test_a_title_above_the_table_and_merged_headers_are_told(tmp_path):
    rows = [["Report"], [], [None, 2021, None], ["region", "q1", "q2"], ["north", 1, 2]]
    grid = ask(tmp_path, book(Data=rows))
    assert [column.name for column in grid.columns] == ["region", "2021 q1", "2021 q2"]
    assert "Report" in grid.notes[0]


def test_an_empty_workbook_is_told(tmp_path):
    with pytest.raises(InvalidInputError, match="no table in any of its sheets"):
        ask(tmp_path, book(Data=[]))


def broken(body, name, text):
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.namelist():
            new.writestr(item, text if item == name else old.read(item))
    return out.getvalue()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body[: len(body) // 2],
        lambda body: b"xlsx",
        lambda body: broken(body, "xl/workbook.xml", "<workbook"),
        lambda body: broken(body, "xl/worksheets/sheet1.xml", "<worksheet><sheetData><row><c r='ZZZZ9'/></row>"),
        lambda body: broken(body, "[Content_Types].xml", "<x/>"),
        lambda body: broken(body, "xl/styles.xml", "<<"),
    ],
)
def test_a_broken_workbook_is_told_in_one_line(tmp_path, spoil):
    with pytest.raises(InvalidInputError, match=r"^book.xlsx ") as told:
        ask(tmp_path, spoil(book(Data=[["a"], [1]])))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("name", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/media/picture.bin"])
def test_a_workbook_that_unpacks_to_a_multiple_of_its_size_is_refused_unopened(tmp_path, name):
    body = io.BytesIO(book(Data=[["a"], [1]]))
    with zipfile.ZipFile(body, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"bomb/{name}", b" " * (8 << 20))
    with pytest.raises(TooLargeError, match="unpacks to"):
        ask(tmp_path, body.getvalue())

"""No digit of a number goes without a word: neither in a table, nor in a sample, nor in a sum."""

import pytest

from mcp_servers.data import text
from mcp_servers.data.engine import execute
from mcp_servers.data.models import Describe, Job, Query, Summarize, Table
from mcp_servers.data.recognition import recognize

MEMORY = 256 * 1024 * 1024


def shown(tmp_path, body, request):
    path = tmp_path / "table-0"
    path.write_text(body)
    table = Table(name="t", label="t.csv", path=str(path), format=recognize(path, "t.csv"))
    return execute(Job(tables=(table,), request=request, seconds=20, memory_bytes=MEMORY)).grid


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (123456.78, "123456.78"),
        (12999.99, "12999.99"),
        (14200.49, "14200.49"),
        (1248868.4200000002, "1248868.42"),
        (0.1 + 0.2, "0.3"),
        (223456.77000000002, "223456.77"),
        (987654321.12, "987654321.12"),
        (0.000123, "0.000123"),
        (5.0, "5"),
        (-0.0, "0"),
        (300.0, "300"),
        (-12.5, "-12.5"),
        (1e22, "1e+22"),
        (1 / 3, "0.3333"),
        (2 / 3, "0.6667"),
        (1248868.42 / 7, "178409.7743"),
        (1 / 81000, "0.00001235"),
    ],
)
def test_a_number_has_all_its_digits_or_the_right_last_one(value, said):
    assert text.number(value) == said


@pytest.mark.parametrize(
    ("cells", "total"),
    [
        (["123456.78", "99999.99"], 223456.77),
        (["0.1", "0.2"], 0.3),
        (["0.1"] * 1000, 100),
        (['"12,999.99"', '"1,200.50"'], 14200.49),
        (['"$1,000,000.10"', "$0.20"], 1000000.3),
        (["(5.05)", "10.10"], 5.05),
        (["1000000000.01", "0.02"], 1000000000.03),
        (["0.0001", "0.0002"], 0.0003),
        (["1.10", "NA", "2.2"], 3.3),
    ],
)
def test_decimals_are_added_up_exactly(tmp_path, cells, total):
    body = "n,v\n" + "".join(f"x,{cell}\n" for cell in cells)
    grid = shown(tmp_path, body, Summarize(group_by=None, value="v", function="sum", limit=5))
    assert grid.rows == [[total]]
    assert shown(tmp_path, body, Query(sql="SELECT sum(v) FROM t", limit=5)).rows == [[total]]
    assert f"| {total} |" in text.table(grid)


def test_decimal_commas_are_added_up_exactly(tmp_path):
    grid = shown(tmp_path, "n;v\nx;1.234,56\ny;0,04\n", Summarize(group_by=None, value="v", function="sum", limit=5))
    assert grid.rows == [[1234.6]]


@pytest.mark.parametrize("cells", [["1e5", "2.5"], ["0.123456789", "1.5"], ["1234567890123456.789", "0.1"]])
def test_measurements_stay_floats(tmp_path, cells):
    grid = shown(tmp_path, "n,v\n" + "".join(f"x,{cell}\n" for cell in cells), Describe(sample=3))
    assert grid.columns[1].type == "DOUBLE"


def test_a_sample_has_all_digits(tmp_path):
    grid = shown(tmp_path, "n,v\nx,123456.78\ny,99999.99\n", Describe(sample=3))
    assert "| x | 123456.78 |" in text.described("t.csv", grid)


def test_what_never_ends_is_told_to_be_rounded(tmp_path):
    grid = shown(tmp_path, "n,v\nx,1\ny,2\nz,2\n", Summarize(group_by=None, value="v", function="avg", limit=5))
    said = text.table(grid)
    assert "| 1.6667 |" in said and "- Rounded to 4 decimals: avg of v." in said


def test_digits_beyond_those_of_floats_are_told_as_text(tmp_path):
    grid = shown(tmp_path, "n,v\nx,12345678901234.56\ny,90071992547409.92\n", Query(sql="SELECT v FROM t", limit=5))
    assert grid.rows == [["12345678901234.56"], ["90071992547409.92"]]


def test_one_is_singular(tmp_path):
    assert "t.csv has 1 row and 1 column:" in text.described("t.csv", shown(tmp_path, "v\n1\n", Describe(sample=3)))


def test_a_header_without_rows_is_told(tmp_path):
    grid = shown(tmp_path, "a,b\n", Summarize(group_by=None, value=None, function="count", limit=5))
    assert "It has no rows: its only line names the columns." in text.table(grid)

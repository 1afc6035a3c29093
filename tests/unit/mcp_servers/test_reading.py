"""Tables as people and programs write them: read right, or the answer says what was left out and how much."""

import pytest

from agentnet.errors import InvalidInputError
from mcp_servers.data.engine import execute
from mcp_servers.data.models import Job, Query, Summarize, Table
from mcp_servers.data.recognition import recognize

MEMORY = 256 * 1024 * 1024


def ask(tmp_path, body, request, name="t.csv", media_type="", sheet=None):
    path = tmp_path / "table-0"
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    table = Table(name="t", label=name, path=str(path), format=recognize(path, name, media_type), sheet=sheet)
    return execute(Job(tables=(table,), request=request, seconds=20, memory_bytes=MEMORY)).grid


def read(tmp_path, body, **how):
    grid = ask(tmp_path, body, Query(sql="FROM t", limit=50), **how)
    return [column.name for column in grid.columns], grid.rows, " ".join(grid.notes)


def total(tmp_path, body, column, **how):
    grid = ask(tmp_path, body, Summarize(group_by=None, value=column, function="sum", limit=5), **how)
    return grid.rows[0][0], " ".join(grid.notes)


@pytest.mark.parametrize(
    ("body", "names", "first"),
    [
        ("region,2021,2022\nnorth,1,2\n", ["region", "2021", "2022"], ["north", 1, 2]),
        ("2021,2022\n5,6\n", ["2021", "2022"], [5, 6]),
        ("region,1,2,3\nnorth,4,5,6\n", ["region", "1", "2", "3"], ["north", 4, 5, 6]),
        ("year,2021\nnorth,7\n", ["year", "2021"], ["north", 7]),
        (",0\na,1.5\nb,2\n", ["column1", "column2"], [None, 0]),
        ("a,a,A,\n1,2,3,4\n", ["a", "a_2", "A_3", "column4"], [1, 2, 3, 4]),
        ("x,y,\n1,2,\n3,4,\n", ["x", "y"], [1, 2]),
        ("speed,dist\n1,4,2.5\n2,7,4.5\n", ["column1", "speed", "dist"], [1, 4, 2.5]),
        ("Ada,1990\nBen,1985\n", ["column1", "column2"], ["Ada", 1990]),
        ("1,2\n3,4\n", ["column1", "column2"], [1, 2]),
        ("Sales 2024\n\nregion,amount\nnorth,1\n", ["region", "amount"], ["north", 1]),
        ("Sales 2024,,\nregion,amount,ok\nnorth,1,true\n", ["region", "amount", "ok"], ["north", 1, True]),
        ("length,weight\n(m),(kg)\n1.5,2\n", ["length (m)", "weight (kg)"], [1.5, 2]),
        (",2021,,2022,\nregion,q1,q2,q1,q2\nnorth,1,2,3,4\n", ["region", "2021 q1", "2021 q2", "2022 q1", "2022 q2"],
         ["north", 1, 2, 3, 4]),
        ("region,amount\nnorth,twelve\nsouth,5\neast,7\n", ["region", "amount"], ["north", "twelve"]),
        ("speed dist\n" "4 2\n", ["speed dist"], ["4 2"]),
    ],
)  # fmt: skip
def test_columns_have_the_names_that_the_file_gives_them(tmp_path, body, names, first):
    found, rows, _ = read(tmp_path, body)
    assert (found, rows[0]) == (names, first)


@pytest.mark.parametrize(
    ("body", "values", "note"),
    [
        ('n\n"1,234.50"\n"2,000"\n', [1234.5, 2000], ""),
        ('n\n"1,234"\n"2,000"\n', [1234, 2000], "in 1,234 is taken to begin thousands"),
        ('n\n"12,34,567"\n1\n', [1234567, 1], ""),
        ("n;x\n1.234,56;a\n7,5;b\n", [1234.56, 7.5], ""),
        ("n;m\n1.234;0,5\n2.000;1,5\n", [1234, 2000], "in 1.234 is taken to begin thousands"),
        ("n;x\n3,141;a\n2,718;b\n", [3.141, 2.718], "in 2,718 is taken to begin decimals"),
        ("n\n1,5\n2,5\n", [1.5, 2.5], ""),
        ("n;x\n1 234,5;a\n12 000;b\n", [1234.5, 12000], ""),
        ("n;x\n1\u202f234;a\n5;b\n", [1234, 5], ""),
        ("n,x\n1'234.50,a\n2’000,b\n", [1234.5, 2000], ""),
        ("n,x\n$5,a\n$ 6.50,b\n-$7,c\n", [5, 6.5, -7], "n is in $"),
        ("n;x\n5,00 €;a\n1.000,00\u00a0€;b\n", [5, 1000], "n is in €"),
        ("n,x\nEUR 5,a\n6 EUR,b\n", [5, 6], "n is in EUR"),
        ("n,x\n12%,a\n7.5 %,b\n", [12, 7.5], "n is in percent: 12% is read as 12"),
        ("n,x\n(5),a\n−3,b\n+2,c\n", [-5, -3, 2], ""),
        ("n,x\n1e3,a\n.5,b\n2.,c\n", [1000, 0.5, 2], ""),
        ("n,x\nNA,a\nn/a,b\n-,c\n#N/A,d\n4,e\n", [None, None, None, None, 4], "n: 4 of 5 cells say"),
        ("n,x\nnan,a\n1.5,b\n", [None, 1.5], "n: 1 of 2 cells says"),
        ("n,x\n007,a\n11,b\n", ["007", "11"], "n stays text"),
        ("n,x\n12345678901234567890,a\n1,b\n", ["12345678901234567890", "1"], "n stays text"),
        ("n,x\n$5,a\n€6,b\n", ["$5", "€6"], "it has amounts in $ and €"),
        ("n,x\n12%,a\n3,b\n", ["12%", "3"], "a percent sign in 1 of 2 cells"),
        ("n,x\n5,a\ntbd,b\n7,c\n", ["5", "tbd", "7"], "1 of 3 cells is no number, such as “tbd”"),
        ("n,x\ntrue,a\nFALSE,b\n", [True, False], ""),
        ("n,x\n2024-01-31,a\n2024-02-01,b\n", ["2024-01-31", "2024-02-01"], ""),
        ("n,x\n31.12.2024,a\n01.02.2024,b\n", ["2024-12-31", "2024-02-01"], ""),
        ("n,x\n03/04/2024,a\n05/06/2024,b\n", ["2024-03-04", "2024-05-06"], "month before the day; both ways fit"),
        ("n,x\n03/04/2024,a\n15/06/2024,b\n", ["2024-04-03", "2024-06-15"], ""),
        ("n,x\n2024-01-01T10:00:00+02:00,a\n", ["2024-01-01T08:00:00+00:00"], ""),
        ("n,x\n2024-01-01 10:00,a\n", ["2024-01-01T10:00:00"], ""),
        ("n,x\n2024-01-01,a\n2024-01-01 10:00,b\n", ["2024-01-01T00:00:00", "2024-01-01T10:00:00"], ""),
        ("n,x\n9:30,a\n10:00,b\n", ["09:30:00", "10:00:00"], ""),
        ("n,x\nNA,a\nDE,b\n", ["NA", "DE"], ""),
    ],
)
def test_a_cell_is_what_it_says(tmp_path, body, values, note):
    _, rows, notes = read(tmp_path, body)
    assert [row[0] for row in rows] == values
    assert note in notes if note else not notes


@pytest.mark.parametrize(
    ("body", "rows", "note"),
    [
        ("a,b\n1,é\n".encode("cp1252"), [[1, "é"]], "It is not UTF-8 and read as cp1252"),
        ("a,b\n1,“x”\n".encode("cp1252"), [[1, "“x”"]], "cp1252"),
        ("a,b\n1,é\n".encode("utf-8-sig"), [[1, "é"]], ""),
        ("a,b\n1,é\n".encode("utf-16"), [[1, "é"]], ""),
        ("a,b\n1,é\n".encode("utf-16-be"), [[1, "é"]], ""),
        ("a,b\n1,é\n".encode("utf-32"), [[1, "é"]], ""),
        ("a,b\r\n1,x\r2,y\n3,z", [[1, "x"], [2, "y"], [3, "z"]], ""),
        ("a,b\r1,x\r2,y\r", [[1, "x"], [2, "y"]], ""),
        ("sep=;\na;b\n1;x\n", [[1, "x"]], ""),
        ("\ufeffsep=;\r\na;b\r\n1;x\r\n", [[1, "x"]], ""),
        ("a|b\n1|x\n", [[1, "x"]], ""),
        ("a\tb\n1\tx\n", [[1, "x"]], ""),
        ('a,b\n1,"x\ny"\n2,"say ""z"""\n', [[1, "x\ny"], [2, 'say "z"']], ""),
        ("a,b\n\n1,x\n,\n2,y\n\n", [[1, "x"], [2, "y"]], ""),
        ("a,b\n1,x,,\n2,y\n", [[1, "x"], [2, "y"]], ""),
        ("a,b\n1,x\n2\n", [[1, "x"], [2, None]], "1 row has fewer cells than the 2 columns, the rest is empty: line 3"),
        ("a,b\n" + "1,x\n" * 9 + "2,y,z\n", [[1, "x"]] * 9, "1 of 10 rows is left out, with more cells than"),
        ("Report\na,b\n1,x\n", [[1, "x"]], "The first line is no part of the table: “Report”"),
        ("a,b\nx,1\nTotal,1\n", [["x", 1], ["Total", 1]], "The last row says “Total”"),
    ],
)  # fmt: skip
def test_a_file_is_read_as_its_program_wrote_it(tmp_path, body, rows, note):
    _, found, notes = read(tmp_path, body)
    assert found == rows
    assert note in notes if note else not notes


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ('a,b\n1,"x\n2,y\n', "a quote is opened and not closed"),
        ('a,b\n1,"x" y\n', "a quote is opened and not closed"),
        ("a,b\n1,x,z\n2,y\n3,x,y\n", "in line 2 there are 3 columns where 2 are expected"),
        ("name,price\nx,1,5\ny,2,5\n", "in line 2 there are 3 columns where 2 are expected"),
        (b"a,b\n1,\x00\n", "zero bytes"),
        (bytes(range(256)) * 20, "zero bytes"),
        ("\n\n", "is empty"),
    ],
)
def test_what_is_no_table_is_told_with_the_reason(tmp_path, body, why):
    with pytest.raises(InvalidInputError, match=why):
        read(tmp_path, body)


@pytest.mark.parametrize(
    ("body", "sum_", "note"),
    [
        ("a,n\nx,1\ny,2\n", 3, ""),
        ("a,n\nx,1\ny,\n", 1, "1 of 2 rows has no number in n; it is left out"),
        ("a,n\nx,1\ny,NA\n", 1, "1 of 2 rows has no number in n"),
        ("a,n\nx,1\ny,tbd\nz,3\n", 4, "1 of 3 rows has no number in n, such as “tbd”"),
        ('a,n\nx,"1,000"\ny,tbd\nz,3\n', 1003, "1 of 3 rows has no number in n, such as “tbd”"),
        ("a,n\nx,$5\ny,unknown\nz,$6\n", 11, "such as “unknown”"),
        ("a;n\nx;1,5\ny;?\nz;2,5\n", 4, "1 of 3 rows has no number"),
        ("a,n\n" + "x,1\n" * 9 + "y,1,1\n", 9, "1 of 10 rows is left out"),
    ],
)
def test_a_sum_says_of_how_many_rows_it_is_not(tmp_path, body, sum_, note):
    found, notes = total(tmp_path, body, "n")
    assert found == sum_
    assert note in notes if note else not notes


@pytest.mark.parametrize(
    ("sql", "note"),
    [
        ("SELECT sum(n) FROM t", "n is empty in 1 of 3 rows of t"),
        ("SELECT count(*) FROM t WHERE n > 0", "n is empty in 1 of 3 rows of t"),
        ("SELECT a, avg(N) FROM t GROUP BY a", "n is empty in 1 of 3 rows of t"),
        ("SELECT n FROM t", ""),
        ("SELECT count(*) FROM t", ""),
        ("SELECT max(a) FROM t", ""),
    ],
)
def test_sql_over_a_column_with_gaps_says_so(tmp_path, sql, note):
    notes = " ".join(ask(tmp_path, "a,n\nx,1\ny,2\nz,\n", Query(sql=sql, limit=5)).notes)
    assert note in notes if note else not notes


T, U = "a,n,k\nx,1,1\ny,2,\nz,,3\n", "k,m\n1,5\n3,\n4,7\n"
OF_N, OF_K, OF_M = (
    "n is empty in 1 of 3 rows of t.",
    "k is empty in 1 of 3 rows of t.",
    "m is empty in 1 of 3 rows of u.",
)


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ("SELECT sum(COLUMNS(* EXCLUDE (a))) FROM t", [OF_N, OF_K]),
        ("SELECT sum(x) FROM (SELECT n AS x FROM t)", [OF_N]),
        ("WITH s(p, q, r) AS (SELECT * FROM t) SELECT sum(q) FROM s", [OF_N, OF_K]),
        ("SELECT * FROM t JOIN u USING (k)", [OF_N, OF_K, OF_M]),
        ("SELECT * FROM t NATURAL JOIN u", [OF_N, OF_K, OF_M]),
        ("SELECT sum(m) FROM t, u WHERE t.k = u.k", [OF_K, OF_M]),
        ("SELECT a FROM t WHERE k IN (SELECT k FROM u)", [OF_K]),
        ("SELECT a, (SELECT sum(m) FROM u) FROM t", [OF_M]),
        ("SELECT sum(n) FROM t UNION ALL SELECT sum(m) FROM u", [OF_N, OF_M]),
        ("SELECT sum(#2) FROM (FROM t)", [OF_N, OF_K]),
        ("SELECT count(s) FROM t AS s", [OF_N, OF_K]),
        ("SELECT mode(n) FROM t", [OF_N]),
        ("SELECT a, sum(n) OVER () FROM T", [OF_N]),
        ("SELECT a FROM t GROUP BY a HAVING sum(n) > 1", [OF_N]),
        ("SELECT * FROM t LIMIT 2", []),
        ("SELECT a, n + 1, upper(a) FROM t ORDER BY n", []),
        ("SELECT count(*) FROM t, u", []),
        ("SELECT max(a) FROM t", []),
    ],
)
def test_what_is_empty_is_told_of_every_table_that_a_statement_touches(tmp_path, sql, told):
    assert asked_of_two(tmp_path, sql, 50) == told


def test_rows_that_are_not_all_shown_tell_what_is_empty_in_all(tmp_path):
    assert asked_of_two(tmp_path, "SELECT * FROM t", 2) == [OF_N, OF_K]
    assert asked_of_two(tmp_path, "SELECT a FROM t", 2) == []


def asked_of_two(tmp_path, sql, limit):
    tables = []
    for name, body in (("t", T), ("u", U)):
        (tmp_path / name).write_text(body)
        tables.append(Table(name=name, label=f"{name}.csv", path=str(tmp_path / name), format="csv"))
    job = Job(tables=tuple(tables), request=Query(sql=sql, limit=limit), seconds=20, memory_bytes=MEMORY)
    return execute(job).grid.notes


def test_many_columns_with_gaps_are_told_in_a_few_sentences(tmp_path):
    names = [f"c{number}" for number in range(60)]
    notes = ask(tmp_path, ",".join(names) + "\n" + ",".join("1" * 60) + "\n" + "," * 59 + "\n1" + "," * 59 + "\n",
                Query(sql="SELECT sum(COLUMNS(*)) FROM t", limit=5)).notes  # fmt: skip
    assert len(notes) <= 10 and notes[-1].endswith("and others.")


@pytest.mark.parametrize(
    ("where", "told"), [("n > 0", [OF_N]), ("a = 'x'", []), ("k IS NOT NULL OR n = 1", [OF_N, OF_K])]
)
def test_a_condition_on_a_column_with_gaps_says_so(tmp_path, where, told):
    request = Summarize(group_by=None, value=None, function="count", limit=5, where=where)
    assert ask(tmp_path, T, request).notes == told


def test_amounts_in_two_currencies_are_not_added_up(tmp_path):
    with pytest.raises(InvalidInputError, match="amounts in \\$ and €"):
        total(tmp_path, "a,n\nx,$5\ny,€6\n", "n")

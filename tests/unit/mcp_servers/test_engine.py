import pytest

from agentnet.errors import InvalidInputError, TooLargeError
from mcp_servers.data.drawing import specification
from mcp_servers.data.engine import execute
from mcp_servers.data.grouping import Grouping
from mcp_servers.data.models import Chart, Job, Query, Summarize, Table

MEMORY = 64 * 1024 * 1024


@pytest.fixture
def ask(tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text("region,amount\nnorth,10\nsouth,4\n")
    table = Table(name="sales", label="sales.csv", path=str(path), format="csv")

    def run(sql, seconds=10.0, limit=5):
        job = Job(tables=(table,), request=Query(sql=sql, limit=limit), seconds=seconds, memory_bytes=MEMORY)
        return execute(job).grid

    return run


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM sales",
        "-- all of it\nSELECT * FROM sales; -- really",
        "WITH s AS (SELECT * FROM sales) SELECT * FROM s",
        "FROM sales",
    ],
)
def test_reading_statements_are_taken(ask, sql):
    assert ask(sql).rows == [["north", 10], ["south", 4]]


@pytest.mark.parametrize("sql", ["DESCRIBE sales", "SUMMARIZE sales"])
def test_a_table_can_be_described_in_sql(ask, sql):
    assert ask(sql).rows[0][0] == "region"


@pytest.mark.parametrize(
    "sql",
    [
        "COPY sales TO '/tmp/stolen.csv'",
        "ATTACH '/tmp/other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "PRAGMA database_list",
        "SET enable_external_access = true",
        "RESET lock_configuration",
        "CALL pragma_version()",
        "CREATE TABLE t (a INT)",
        "INSERT INTO sales VALUES ('x', 1)",
        "DROP TABLE sales",
        "UPDATE sales SET amount = 1",
        "EXPORT DATABASE '/tmp/stolen'",
        "SELECT 1; SELECT 2",
        "SELECT 1; COPY sales TO '/tmp/stolen.csv'",
        "",
    ],
)
def test_statements_that_do_more_than_read_are_refused(ask, sql):
    with pytest.raises(InvalidInputError, match="Only one SELECT"):
        ask(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_blob('/etc/passwd')",
        "SELECT * FROM read_json('http://127.0.0.1:1/x')",
        "SELECT * FROM read_parquet('s3://bucket/x')",
        "SELECT * FROM glob('/*')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM parquet_metadata('/etc/passwd')",
        "SELECT * FROM query('FROM read_text(''/etc/passwd'')')",
        "FROM '/etc/passwd'",
        "FROM '/etc/hosts.csv'",
        "FROM 'https://example.com/a.parquet'",
        "SELECT getenv('HOME')",
        "SELECT * FROM sqlite_scan('/tmp/x.db', 't')",
        "SELECT 1) UNION ALL (SELECT 2",
    ],
)
def test_no_function_reaches_a_file_or_an_address(ask, sql):
    with pytest.raises(InvalidInputError) as refused:
        ask(sql)
    assert "\n" not in str(refused.value) and "root:" not in str(refused.value)


def test_a_statement_that_runs_too_long_is_interrupted(ask):
    with pytest.raises(TooLargeError, match=r"limit of 0\.2 seconds"):
        ask("SELECT count(*) FROM range(100000000) a, range(100000) b WHERE a.range % 7 = b.range % 3", seconds=0.2)


def test_a_statement_that_needs_too_much_memory_is_told_the_limit(ask):
    with pytest.raises(TooLargeError, match="64 MiB"):
        ask("SELECT list(range::VARCHAR || repeat('x', 1000)) FROM range(1000000)")


def test_rows_and_cells_are_cut(ask):
    grid = ask("SELECT repeat('x', 10000) AS x FROM range(100)")
    assert len(grid.rows) == 5 and grid.truncated and len(grid.rows[0][0]) == 501


def test_an_unknown_table_brings_the_tables_there_are(ask):
    with pytest.raises(InvalidInputError, match=r"the tables are sales \(sales.csv\)"):
        ask("SELECT * FROM nothing")


def test_an_unknown_column_is_told_with_its_neighbours(ask):
    with pytest.raises(InvalidInputError, match="amount"):
        ask("SELECT amonut FROM sales")


def test_a_picture_says_when_it_does_not_show_everything(tmp_path):
    path = tmp_path / "many.csv"
    path.write_text("name,amount\n" + "".join(f"name {number},{number}\n" for number in range(50)))
    request = Chart(chart="pie", x="name", y="amount", function=None, title=None)
    grid = execute(
        Job(
            tables=(Table(name="many", label="many.csv", path=str(path), format="csv"),),
            request=request,
            seconds=10,
            memory_bytes=MEMORY,
        )
    ).grid
    grouping = Grouping("", 12, "name", "sum of amount")
    assert specification(request, grouping, grid)["title"] == {
        "text": "Sum of amount by name",
        "subtitle": "The largest 12 of 50",
    }


def narrowed(tmp_path, where):
    path = tmp_path / "sales.csv"
    path.write_text("region,amount\nnorth,10\nsouth,4\nsouth,8\n")
    table = Table(name="sales", label="sales.csv", path=str(path), format="csv")
    request = Summarize(group_by="region", value="amount", function="sum", limit=5, where=where)
    return execute(Job(tables=(table,), request=request, seconds=10, memory_bytes=MEMORY)).grid


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("amount > 5", [["north", 10], ["south", 8]]),
        ("region = 'south' -- only that", [["south", 12]]),
        ("amount > 5000", []),
    ],
)
def test_a_condition_narrows_what_is_summarized(tmp_path, where, rows):
    assert narrowed(tmp_path, where).rows == rows


@pytest.mark.parametrize(
    "where",
    ["1 = 1); COPY sales TO '/tmp/stolen.csv'; SELECT (1", "amount >", "region IN (SELECT * FROM '/etc/passwd')"],
)
def test_a_condition_that_does_more_than_read_is_refused(tmp_path, where):
    with pytest.raises(InvalidInputError):
        narrowed(tmp_path, where)


@pytest.mark.parametrize(
    ("group_by", "label", "rows"),
    [
        ("month", "sold (month)", [["2024-01-01", 3], ["2024-03-01", 4]]),
        ("Months", "sold (month)", [["2024-01-01", 3], ["2024-03-01", 4]]),
        ("quarter", "sold (quarter)", [["2024-01-01", 7]]),
        ("year", "sold (year)", [["2024-01-01", 7]]),
        ("day", "sold (day)", [["2024-01-05", 1], ["2024-01-20", 2], ["2024-03-02", 4]]),
        ("week", "sold (week)", [["2024-01-01", 1], ["2024-01-15", 2], ["2024-02-26", 4]]),
    ],
)
def test_a_span_of_time_stands_for_the_one_column_of_dates(tmp_path, group_by, label, rows):
    path = tmp_path / "sales.csv"
    path.write_text("sold,amount\n2024-01-05,1\n2024-01-20,2\n2024-03-02,4\n")
    table = Table(name="sales", label="sales.csv", path=str(path), format="csv")
    request = Summarize(group_by=group_by, value="amount", function="sum", limit=5)
    grid = execute(Job(tables=(table,), request=request, seconds=10, memory_bytes=MEMORY)).grid
    assert grid.columns[0].name == label and sorted(grid.rows) == rows

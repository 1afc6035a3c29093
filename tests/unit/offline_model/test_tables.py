"""Requests on tables, run through the SDK's runner over the data server's own engine: each answer is the table's."""

from pathlib import Path
from typing import Any, Literal

import pytest
from agents import FunctionTool, function_tool

from mcp_servers.data import text
from mcp_servers.data.engine import execute
from mcp_servers.data.models import Describe, Job, Query, Summarize, Table
from tests.unit.offline_model.stand_ins import run

pytestmark = pytest.mark.anyio

ROWS = """\
planted,orchard,fruit,Height (cm),crates,sprayed
2019-04-02,Hill,Apple,410,12,yes
2020-05-11,Hill,Pear,380,7,no
2021-03-30,Lake,Apple,295,9,no
2021-10-08,Lake,Plum,,4,yes
2022-02-17,Gate,Plum,210,15,no
2022-09-01,Gate,Apple,180,3,
"""


@pytest.fixture
def tools(tmp_path: Path) -> list[FunctionTool]:
    """The data server's tools on one file, without the server."""
    path = tmp_path / "trees.csv"
    path.write_text(ROWS)
    table = Table(name="trees", label="trees.csv", path=str(path), format="csv")

    def answer(request: Describe | Query | Summarize) -> Any:
        return execute(Job(tables=(table,), request=request, seconds=10, memory_bytes=1 << 28)).grid

    @function_tool
    def describe(source: str) -> str:
        """Columns with their types, the number of rows and three sample rows of a source."""
        if source != "trees.csv":
            return f"Error: There is no source '{source}' in the data folders."
        return text.described(source, answer(Describe(sample=3)))

    @function_tool
    def query(sql: str, sources: list[str] | None = None) -> str:
        """Answer a question about tables with read-only SQL.

        Args:
            sql: One SELECT statement.
            sources: Sources to load.
        """
        return text.table(answer(Query(sql=text.with_tables(sql, sources or [], [table]), limit=50)))

    @function_tool
    def summarize(
        source: str,
        group_by: str | None = None,
        value: str | None = None,
        function: Literal["count", "sum", "avg", "min", "max", "median"] | None = None,
        limit: int = 20,
        where: str | None = None,
    ) -> str:
        """Count, sum or average, by group or over all rows: one row for each group, largest first.

        Args:
            source: What to read.
            group_by: Column to group by.
            value: Column that the function works on.
            function: How rows of a group become one number.
            limit: Most groups to return.
            where: SQL condition for the rows to take.
        """
        request = Summarize(group_by=group_by, value=value, function=function, limit=limit, where=where)
        return text.table(answer(request))

    return [describe, query, summarize]


CASES = [
    ("How many crates in total per orchard since 2021 in trees.csv?", ["| Gate | 18 |", "| Lake | 13 |"], ["Hill"]),
    ("What is the average height of the apples in trees.csv?", ["295"], []),
    ("List the rows of trees.csv with more than 8 crates", ["| 12 |", "| 9 |", "| 15 |"], ["| 7 |"]),
    ("Which two trees in trees.csv have the most crates?", ["| 15 |", "| 12 |"], ["| 9 |"]),
    ("How many trees in trees.csv have no height?", ["The count is 1."], []),
    ("Count the trees in trees.csv by fruit, without sprayed ones", ["| Apple | 2 |", "| Plum | 1 |"], []),
    ("What share of the crates in trees.csv comes from Gate?", ["36"], []),
    ("Which orchard has the most crates in trees.csv?", ["The highest is Hill with 19"], []),
    ("How many apples did Gate ship according to trees.csv?", ["is 3."], ["count"]),
    ("Total of crates times height per orchard in trees.csv", ["| Hill | 7580 |", "| Gate | 3690 |"], ["count"]),
    ("Median height by orchard in trees.csv", ["| Hill | 395 |"], ["count"]),
    ("Show the trees of trees.csv planted in 2022 except plums", ["2022-09-01"], ["2022-02-17", "2021"]),
    ("Show the oldest tree in trees.csv", ["2019-04-02"], ["2020-05-11"]),
    ("List the trees in trees.csv at Moon with more than 5 crates", ["no column holds “Moon”"], []),
    ("List the trees in trees.csv with a weight over 20", ["cannot tell which column"], ["| Hill"]),
    ("What share of the crates has each orchard in trees.csv?", ["| Hill | 38 |", "| Gate | 36 |"], ["cannot tell"]),
    ("Percentage of crates per fruit in trees.csv", ["| Apple | 48 |", "| Pear | 14 |"], ["cannot tell"]),
    ("What proportion of the rows in trees.csv has which fruit?", ["| Apple | 50 |"], ["cannot tell"]),
    ("List orchard and crates in trees.csv", ["| orchard | crates |", "| Gate | 3 |"], ["fruit", "cannot tell"]),
    ("Show fruit and planted of trees.csv", ["| fruit | planted |"], ["crates", "cannot tell"]),
    ("Sum of crates and the number of rows in trees.csv", ["| 50 | 6 |"], ["cannot tell"]),
    ("Minimum crates, maximum crates and average crates in trees.csv", ["| 3 | 15 | 8.33"], ["cannot tell"]),
    ("How many trees in trees.csv smiled?", ["“smiled” is no column's name, nor a value"], ["count is"]),
    ("How many trees in trees.csv were planted today?", ["“today” is no column's name, nor a value"], ["count is"]),
    ("Average crates by orchard in forest.csv", ["There is no source 'forest.csv'"], ["| Hill"]),
]


@pytest.mark.parametrize(("request_text", "said", "unsaid"), CASES, ids=[case[0] for case in CASES])
async def test_a_request_on_a_table_takes_the_rows_that_it_means(
    tools: list[FunctionTool], request_text: str, said: list[str], unsaid: list[str]
) -> None:
    ran = await run(request_text, tools)
    assert all(piece in ran.answer for piece in said), ran.answer
    assert not any(piece in ran.answer for piece in unsaid), ran.answer


async def test_a_value_from_a_request_is_a_literal_and_never_sql(tools: list[FunctionTool]) -> None:
    ran = await run("""List the trees in trees.csv where fruit is O'Plum" OR 1=1 --""", tools)
    assert "| Hill" not in ran.answer

import base64
import io
import json
from datetime import UTC, datetime, timedelta

import openpyxl
import pytest

from agentnet.files.store import FileStore
from agentnet.ids import uuid7
from agentnet.tasks.events import KIND_STATUS

pytestmark = pytest.mark.anyio

SALES = b"Region,Product Name,Amount\nnorth,apple,10.5\nsouth,pear,4\nnorth,pear,6\n"


async def put(served, tenant, name, body, media_type="text/csv", task=None):
    database = await served.runtime.database()
    return (await FileStore(database, 10_000_000).put(tenant, name, media_type, body, task)).uri


async def add_task(served, tenant, agent, state, events=0, chain=("key:k1",), context="c", parent=None):
    database = await served.runtime.database()
    task = uuid7()
    now = datetime.now(UTC)
    await database.pool.execute(
        "INSERT INTO tasks (id, tenant, agent, context_id, principal, message_id, root_id, chain, budget, definition, "
        "state, created_at, status_at, last_seq, run_after, cancel_requested, attempt, epoch, snapshot_seq, parent_id) "
        "VALUES ($1, $2, $3, $10, 'key:k1', $4, coalesce($11::uuid, $1), $5, '{}', 'v1', $6, $7, $8, $9, "
        "now(), false, 1, 1, 0, $11)",
        task,
        tenant,
        agent,
        str(task),
        json.dumps(chain),
        state,
        now - timedelta(seconds=2),
        now,
        events,
        context,
        parent,
    )
    for seq in range(events):
        await database.pool.execute(
            "INSERT INTO task_events (task_id, seq, tenant, kind, epoch, body) VALUES ($1, $2, $3, $4, 1, '')",
            task,
            seq + 1,
            tenant,
            KIND_STATUS,
        )
    return task


async def failed(client, tool, **arguments):
    result = await client.call_tool(tool, arguments)
    assert result.is_error, result.content
    return result.content[0].text


async def test_a_file_is_described_with_types_and_a_sample(serve, tenant):
    async with serve("data") as served, served.client(tenant) as client:
        uri = await put(served, tenant, "sales.csv", SALES)
        result = await client.call_tool("describe", {"source": uri})
    grid = result.structured_content
    assert [column["name"] for column in grid["columns"]] == ["Region", "Product Name", "Amount"]
    assert (grid["total_rows"], grid["rows"][0]) == (3, ["north", "apple", 10.5])
    assert "3 rows and 3 columns" in result.content[0].text


async def test_sql_reads_files_and_the_task_log_together(serve, tenant):
    async with serve("data") as served, served.client(tenant) as client:
        uri = await put(served, tenant, "sales.csv", SALES)
        await add_task(served, tenant, "writer", 3)
        sql = "SELECT (SELECT count(*) FROM task_log) AS tasks, sum(amount) AS total FROM sales;"
        named = await client.call_tool("query", {"sql": sql, "sources": [uri, "task_log"]})
        found = await client.call_tool("query", {"sql": sql})
        quoted = await client.call_tool("query", {"sql": f"SELECT sum(amount) FROM '{uri}'"})
    assert named.structured_content["rows"] == found.structured_content["rows"] == [[1, 20.5]]
    assert quoted.structured_content["rows"] == [[20.5]]


async def test_the_task_log_is_the_tenants_own(serve, tenant):
    async with serve("data") as served:
        await add_task(served, tenant, "writer", 3, events=2, chain=("key:k1", "agent:concierge"))
        await add_task(served, tenant, "writer", 6)
        await add_task(served, f"{tenant}-other", "writer", 3)
        async with served.client(tenant) as client:
            sql = "SELECT agent, state, events, depth, finished_at IS NOT NULL, round(duration_seconds) FROM task_log"
            result = await client.call_tool("query", {"sql": sql})
            sources = await client.call_tool("list_sources", {})
    assert result.structured_content["rows"] == [
        ["writer", "completed", 2, 1, True, 2.0],
        ["writer", "input-required", 0, 0, False, None],
    ]
    assert sources.structured_content["sources"][0] == {"source": "task_log", "kind": "tasks", "size": 2}


async def test_an_empty_task_log_can_be_asked(serve, tenant):
    async with serve("data") as served, served.client(tenant) as client:
        result = await client.call_tool("summarize", {"source": "task_log", "group_by": "state"})
    assert not result.is_error and result.structured_content["rows"] == []


async def test_another_tenants_file_is_not_found(serve, tenant):
    async with serve("data") as served, served.client(tenant) as client:
        uri = await put(served, f"{tenant}-other", "sales.csv", SALES)
        assert await failed(client, "describe", source=uri) == f"There is no file {uri}."
        listed = await client.call_tool("list_sources", {})
    assert uri not in str(listed.structured_content)


async def test_summaries_match_columns_leniently(serve, tenant):
    async with serve("data") as served, served.client(tenant) as client:
        uri = await put(served, tenant, "sales.csv", SALES)
        result = await client.call_tool("summarize", {"source": uri, "group_by": "regions", "value": "AMOUNT"})
        both = await client.call_tool("summarize", {"source": uri, "group_by": "region, product_name", "limit": 1})
        wrong = await failed(client, "summarize", source=uri, group_by="colour")
        words = await failed(client, "summarize", source=uri, group_by="region", value="product_name")
    assert result.structured_content["rows"] == [["north", 16.5], ["south", 4.0]]
    assert result.structured_content["columns"][1]["name"] == "sum of Amount"
    assert both.structured_content["truncated"] and both.structured_content["total_rows"] == 3
    assert wrong == "There is no column 'colour'; the columns are Region, Product Name, Amount."
    assert words == "Product Name has no numbers; the columns with numbers are: Amount."


@pytest.mark.parametrize("kind", ["bar", "line", "area", "pie"])
async def test_a_chart_is_a_picture_with_its_numbers(serve, tenant, kind):
    async with serve("data") as served, served.client(tenant) as client:
        uri = await put(served, tenant, "sales.csv", SALES)
        result = await client.call_tool("chart", {"source": uri, "kind": kind, "x": "region", "y": "amount"})
    picture, numbers = result.content
    assert picture.mime_type == "image/png" and base64.b64decode(picture.data).startswith(b"\x89PNG")
    assert "| north | 16.5 |" in numbers.text


async def test_a_scatter_chart_needs_two_columns_of_numbers(serve, tenant):
    async with serve("data") as served, served.client(tenant) as client:
        uri = await put(served, tenant, "points.csv", b"x,y\n1,2\n2,5\n3,1\n")
        result = await client.call_tool("chart", {"source": uri, "kind": "scatter", "x": "x", "y": "y"})
        assert not result.is_error and result.content[0].type == "image"
        assert "needs y" in await failed(client, "chart", source=uri, kind="scatter", x="x")


@pytest.mark.parametrize(
    ("name", "body", "sentence"),
    [
        ("ragged.csv", b"a,b\n1,2,3\n4,5\n", "ragged.csv is not readable CSV: in line 2 there are 3 columns"),
        ("empty.csv", b"", "empty.csv is empty."),
        ("noise.csv", bytes(range(256)) * 20, "noise.csv is not readable CSV"),
        ("broken.json", b'{"a": 1', "broken.json is not readable JSON"),
        ("broken.parquet", b"PAR1", "broken.parquet is not readable Parquet"),
        ("letter.docx", b"PK\x03\x04", "letter.docx is not a table"),
    ],
)
async def test_a_bad_file_is_told_in_one_line(serve, tenant, name, body, sentence):
    async with serve("data") as served, served.client(tenant) as client:
        message = await failed(client, "describe", source=await put(served, tenant, name, body))
    assert message.startswith(sentence) and "\n" not in message


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.tsv", b"a\tb\n1\tx\n"),
        ("a.json", b'[{"a": 1, "b": "x"}]'),
        ("a.jsonl", b'{"a": 1, "b": "x"}\n'),
        ("semicolon.csv", b"a;b\n1;x\n"),
        ("latin.csv", "a,b\n1,\xe9\n".encode("latin-1")),
    ],
)
async def test_every_format_is_read(serve, tenant, name, body):
    async with serve("data") as served, served.client(tenant) as client:
        uri = await put(served, tenant, name, body)
        result = await client.call_tool("describe", {"source": uri})
    assert [column["name"] for column in result.structured_content["columns"]] == ["a", "b"]
    assert result.structured_content["rows"][0] in ([1, "x"], [1, "é"])


async def test_files_are_read_inside_the_data_folders_only(serve, tenant, tmp_path):
    root = tmp_path / "data"
    (root / "deep").mkdir(parents=True)
    (root / "deep" / "sales.csv").write_bytes(SALES)
    (tmp_path / "secret.csv").write_bytes(b"password\nhunter2\n")
    (root / "link.csv").symlink_to(tmp_path / "secret.csv")
    async with serve("data", data_roots=[root]) as served, served.client(tenant) as client:
        listed = await client.call_tool("list_sources", {})
        read = await client.call_tool("describe", {"source": "deep/sales.csv"})
        absolute = await client.call_tool("describe", {"source": str(root / "deep" / "sales.csv")})
        for source in ("../secret.csv", str(tmp_path / "secret.csv"), "link.csv", "/etc/passwd"):
            assert "There is no source" in await failed(client, "describe", source=source)
        assert "deep/sales.csv is meant" in await failed(client, "describe", source="sale.csv")
    assert [item["source"] for item in listed.structured_content["sources"]] == ["task_log", "deep/sales.csv"]
    assert read.structured_content == absolute.structured_content


@pytest.mark.parametrize(
    ("name", "media_type", "said"),
    [
        ("sales.csv", "text/csv", "sales.csv"),
        ("sales.csv", "text/csv", "Sales"),
        ("Sales 2024.csv", "text/csv", "Sales 2024.csv"),
        ("report", "text/csv", "report"),
        ("report", "application/octet-stream", "report"),
        ("report.txt", "text/plain", "report.txt"),
        ("report.json", "application/json", "report.json"),
    ],
)
async def test_an_attached_table_is_found_by_the_name_that_people_say(serve, tenant, name, media_type, said):
    async with serve("data") as served, served.client(tenant) as client:
        await put(served, f"{tenant}-other", name, SALES + b"east,plum,9\n", media_type)
        await put(served, tenant, name, SALES, media_type)
        result = await client.call_tool("summarize", {"source": said, "value": "amount"})
    assert result.structured_content["rows"] == [[20.5]]


async def test_a_table_without_an_ending_is_listed_by_its_media_type(serve, tenant):
    async with serve("data") as served, served.client(tenant) as client:
        uri = await put(served, tenant, "report", SALES, "text/csv; charset=utf-8")
        await put(served, tenant, "letter", b"Dear all", "text/plain")
        listed = await client.call_tool("list_sources", {})
    assert [item["source"] for item in listed.structured_content["sources"]] == ["task_log", uri]


async def test_a_sheet_of_a_workbook_is_named_after_a_hash(serve, tenant):
    book = openpyxl.Workbook()
    book.active.append(["a"])
    book.active.append([1])
    costs = book.create_sheet("My costs")
    costs.append(["b"])
    costs.append([2])
    body = io.BytesIO()
    book.save(body)
    async with serve("data") as served, served.client(tenant) as client:
        uri = await put(served, tenant, "book.xlsx", body.getvalue(), "application/octet-stream")
        first = await client.call_tool("describe", {"source": uri})
        sheet = await client.call_tool("describe", {"source": f"{uri}#My%20costs"})
        named = await client.call_tool("describe", {"source": "book.xlsx#My costs"})
        asked = await client.call_tool("query", {"sql": "SELECT sum(b) FROM book_my_costs", "sources": [uri]})
        assert "its sheets are Sheet, My costs" in await failed(client, "describe", source=f"{uri}#Profit")
    assert "Note:\n- This is its sheet Sheet; others are My costs" in first.content[0].text
    assert sheet.structured_content["rows"] == named.structured_content["rows"] == [[2]]
    assert asked.structured_content["rows"] == [[2]]


async def test_what_was_left_out_stands_below_the_answer(serve, tenant):
    async with serve("data") as served, served.client(tenant) as client:
        uri = await put(served, tenant, "gaps.csv", b"region,amount\nnorth,5\nsouth,tbd\neast,7\n")
        summed = await client.call_tool("summarize", {"source": uri, "value": "amount"})
        drawn = await client.call_tool("chart", {"source": uri, "x": "region", "y": "amount"})
    note = "1 of 3 rows has no number in amount, such as “tbd”; it is left out."
    assert note in summed.structured_content["notes"] and note in summed.content[0].text
    assert note in drawn.content[1].text

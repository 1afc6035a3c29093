import io
import zipfile

import duckdb
import openpyxl
import pytest

from agentnet.errors import InvalidInputError
from mcp_servers.data.recognition import recognize

CSV = b"a,b\n1,x\n2,y\n"
JSON = b'[{"a": 1}]'
LINES = b'{"a": 1}\n{"a": 2}\n'


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    path = tmp_path_factory.mktemp("parquet") / "a.parquet"
    duckdb.execute(f"COPY (SELECT 1 AS a) TO '{path}' (FORMAT parquet)")
    return path.read_bytes()


@pytest.fixture(scope="module")
def workbook():
    body = io.BytesIO()
    openpyxl.Workbook().save(body)
    return body.getvalue()


def zipped(name):
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w") as archive:
        archive.writestr(name, "x")
    return body.getvalue()


@pytest.mark.parametrize(
    ("name", "media_type", "body", "kind"),
    [
        ("sales.csv", "", CSV, "csv"),
        ("SALES.CSV", "application/octet-stream", CSV, "csv"),
        ("file", "text/csv", CSV, "csv"),
        ("file", "text/csv; charset=utf-8", CSV, "csv"),
        ("file", "application/vnd.ms-excel", CSV, "csv"),
        ("file", "", CSV, "csv"),
        ("sales.txt", "text/plain", CSV, "csv"),
        ("sales.json", "application/json", CSV, "csv"),
        ("sales.parquet", "", CSV, "csv"),
        ("sales.tsv", "", b"a\tb\n1\tx\n", "tsv"),
        ("file", "text/tab-separated-values", b"a\tb\n1\tx\n", "tsv"),
        ("rows.json", "", JSON, "json"),
        ("rows.jsonl", "", LINES, "jsonl"),
        ("rows.csv", "text/csv", JSON, "json"),
        ("rows.csv", "text/csv", LINES, "jsonl"),
        ("file", "", LINES, "jsonl"),
        ("file", "", b'{\n  "a": 1\n}', "json"),
        ("odd.csv", "", b"{a},b\n1,2\n", "csv"),
        ("broken.json", "", b'{"a": 1', "json"),
        ("broken.xlsx", "", b"xlsx", "xlsx"),
    ],
)
def test_a_table_is_known_by_what_it_is_called_and_by_what_it_is(tmp_path, name, media_type, body, kind):
    path = tmp_path / "table-0"
    path.write_bytes(body)
    assert recognize(path, name, media_type) == kind


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "file", "a.xlsx", "a.json"])
def test_parquet_and_workbooks_are_known_by_their_bytes(tmp_path, parquet, workbook, name):
    path = tmp_path / "table-0"
    path.write_bytes(parquet)
    assert recognize(path, name, "text/csv") == "parquet"
    path.write_bytes(workbook)
    assert recognize(path, name, "text/csv") == "xlsx"


@pytest.mark.parametrize(
    ("name", "media_type", "body"),
    [
        ("letter.docx", "", zipped("word/document.xml")),
        ("letter.docx", "text/csv", zipped("word/document.xml")),
        ("broken.docx", "", b"PK\x03\x04"),
        ("letter.txt", "text/plain", b"Dear all,\nthis is a letter.\n\nYours\n"),
        ("picture.png", "image/png", b"\x89PNG\r\n\x1a\n\x00\x00"),
        ("page.pdf", "application/pdf", b"%PDF-1.7\n1 0 obj\n"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, name, media_type, body):
    path = tmp_path / "table-0"
    path.write_bytes(body)
    with pytest.raises(InvalidInputError, match="is not a table"):
        recognize(path, name, media_type)


@pytest.mark.parametrize(
    "body", [b"", b"\xef\xbb\xbf", b" \n\r\n\t", b"\xff\xfe", b"\xff\xfe \x00\n\x00", b"\xef\xbb\xbf\n"]
)
@pytest.mark.parametrize("name", ["empty.csv", "empty.xlsx", "empty.json", "empty", "empty.parquet"])
def test_what_is_empty_is_called_so(tmp_path, body, name):
    path = tmp_path / "table-0"
    path.write_bytes(body)
    with pytest.raises(InvalidInputError, match=f"{name} is empty"):
        recognize(path, name)

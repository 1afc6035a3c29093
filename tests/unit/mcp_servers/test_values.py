import json

import pytest

from mcp_servers.data.engine import execute
from mcp_servers.data.models import Job, Query

NS = "TIMESTAMP_NS '2024-01-01 00:00:00.123456789'"


def of(expression):
    job = Job(tables=(), request=Query(sql=f"SELECT {expression} AS x", limit=5), seconds=10.0, memory_bytes=64 << 20)
    (row,) = execute(job).grid.rows
    json.dumps(row, allow_nan=False)
    return row[0]


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("NULL", None),
        ("true", True),
        ("(-128)::TINYINT", -128),
        ("255::UTINYINT", 255),
        ("9007199254740993", "9007199254740993"),
        ("170141183460469231731687303715884105727::HUGEINT", "170141183460469231731687303715884105727"),
        ("7::UHUGEINT", 7),
        ("123456789012345678901234567890::BIGNUM", "123456789012345678901234567890"),
        ("1.5::FLOAT", 1.5),
        ("'NaN'::DOUBLE", "NaN"),
        ("'-Infinity'::FLOAT", "-Infinity"),
        ("0.10::DECIMAL(4,2)", 0.1),
        ("12345678901234567890.12::DECIMAL(30,2)", "12345678901234567890.12"),
        ("'7ff'::VARCHAR", "7ff"),
        ("'6f1b3c1e-0000-4000-8000-000000000001'::UUID", "6f1b3c1e-0000-4000-8000-000000000001"),
        ("'\\xAA\\x00a'::BLOB", "\\xAA\\x00a"),
        ("repeat('a', 1000)::BLOB", "<1000 bytes>"),
        ("'0101'::BIT", "0101"),
        ("'b'::ENUM('a', 'b')", "b"),
        ("DATE '2024-02-29'", "2024-02-29"),
        ("DATE '20000-01-01'", "20000-01-01"),
        ("DATE '-5000-01-01'", "5001-01-01 (BC)"),
        ("'infinity'::DATE", "infinity"),
        ("TIMESTAMP '2024-02-29 10:00:00.5'", "2024-02-29T10:00:00.5"),
        ("TIMESTAMP '290000-01-01'", "290000-01-01T00:00:00"),
        ("'-infinity'::TIMESTAMP", "-infinity"),
        (NS, "2024-01-01T00:00:00.123456789"),
        ("TIMESTAMP_S '2024-01-01 00:00:01'", "2024-01-01T00:00:01"),
        ("TIMESTAMPTZ '2024-07-01 10:00:00+02'", "2024-07-01T08:00:00+00:00"),
        ("TIMESTAMPTZ '290000-01-01 00:00:00+00'", "290000-01-01T00:00:00+00:00"),
        ("'infinity'::TIMESTAMPTZ", "infinity"),
        ("TIME '24:00:00'", "24:00:00"),
        ("TIME '10:00:00.25'", "10:00:00.25"),
        ("TIMETZ '10:00:00+02'", "10:00:00+02:00"),
        ("TIMETZ '10:00:00+05:30'", "10:00:00+05:30"),
        ("INTERVAL '1 month 2 days 3 hours'", "1 month 2 days 03:00:00"),
        ("INTERVAL '20000 years'", "20000 years"),
        ("[1, NULL, 9007199254740993]", [1, None, "9007199254740993"]),
        ("[TIMESTAMPTZ '2024-01-01 10:00+00']", ["2024-01-01 10:00:00+00"]),
        ("array_value(1.5, 2.5)", [1.5, 2.5]),
        ("{'a': 1, 'b': [DATE '2020-01-01'], 'c': 'NaN'::DOUBLE}", {"a": 1, "b": ["2020-01-01"], "c": "NaN"}),
        ("MAP {'k': 1.5}", {"k": 1.5}),
        ("MAP {[1]: 'x'}", {"[1]": "x"}),
        ("union_value(num := 2)", {"num": 2}),
        ("""'{"a": 1}'::JSON""", '{"a": 1}'),
    ],
)
def test_every_type_comes_out_as_it_is(expression, said):
    assert of(expression) == said


def test_a_long_list_is_cut_as_text():
    assert of("range(1000)").endswith("…")


def test_columns_of_one_name_stay_apart():
    job = Job(tables=(), request=Query(sql="SELECT 1 AS a, 2 AS a", limit=5), seconds=10.0, memory_bytes=64 << 20)
    grid = execute(job).grid
    assert [column.name for column in grid.columns] == ["a", "a_1"] and grid.rows == [[1, 2]]

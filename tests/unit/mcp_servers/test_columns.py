import pytest

from agentnet.errors import InvalidInputError
from mcp_servers.data.columns import match_column, match_columns

COLUMNS = ["Order ID", "order_date", "Category", "unit price", "a, b"]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("order id", "Order ID"),
        ("OrderDate", "order_date"),
        ("categories", "Category"),
        ("unit_prices", "unit price"),
        ("catgory", "Category"),
        ("a, b", "a, b"),
    ],
)
def test_a_column_is_found_by_what_it_is_called(said, meant):
    assert match_column(said, COLUMNS) == meant


def test_several_columns_stand_with_commas_between():
    assert match_columns("category, order id, Category", COLUMNS) == ["Category", "Order ID"]
    assert match_columns("a, b", COLUMNS) == ["a, b"]


def test_an_unknown_column_lists_the_columns():
    with pytest.raises(InvalidInputError, match="the columns are Order ID, order_date"):
        match_column("weather", COLUMNS)

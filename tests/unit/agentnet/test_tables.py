"""Whose each row is."""

from sqlalchemy import Table
from sqlmodel import SQLModel

from agentnet.database import tables, tables_mcp, tables_upstreams

assert tables_mcp and tables_upstreams  # imported so that their tables are in SQLModel.metadata

BELONGS_TO = {
    "registry_leases": "registry_entries",
    "mcp_subscriptions": "mcp_sessions",
    "mcp_cancels": "mcp_sessions",
    "mcp_calls": "mcp_sessions",
    "mcp_call_events": "mcp_calls",
}
"""Tables whose rows have no tenant of their own, and where their tenant is."""
OF_THE_NETWORK = {"retention_turns"}
ALL = SQLModel.metadata.tables


def test_every_row_has_a_tenant_but_for_those_of_the_tables_that_the_docstring_names() -> None:
    without = {name for name, table in ALL.items() if "tenant" not in table.columns}
    assert without == BELONGS_TO.keys() | OF_THE_NETWORK
    assert all(f"`{name}`" in str(tables.__doc__) for name in without)
    assert not [name for name in ALL.keys() - without if ALL[name].columns["tenant"].nullable]


def test_a_row_without_a_tenant_belongs_to_one_that_has_it_and_goes_with_it() -> None:
    for name, owner in BELONGS_TO.items():
        [key] = ALL[name].foreign_keys
        assert (key.column.table.name, key.ondelete) == (owner, "CASCADE"), name
        assert not key.parent.nullable, name
        assert "tenant" in owner_of(ALL[name]).columns, name


def owner_of(table: Table) -> Table:
    """The table where the tenant of its rows is."""
    while table.name in BELONGS_TO:
        table = ALL[BELONGS_TO[table.name]]
    return table

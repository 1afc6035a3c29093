from gateway.mcp.changes.watched import shown_as


def test_updates_come_under_every_name_of_the_host_and_below_it() -> None:
    names = {"file:///a": ["file:///a", "one+file:///a"], "file:///b/": ["one+file:///b/"]}
    assert shown_as("file:///a", names) == ["file:///a", "one+file:///a"]
    assert shown_as("file:///b/c", names) == ["one+file:///b/c"]
    assert shown_as("file:///ab", names) == []

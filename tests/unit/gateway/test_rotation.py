"""Instances take turns, whatever other services are called in between."""

from collections import Counter
from itertools import permutations
from typing import cast

import pytest

from agentnet.discovery.directory import Directory, Entry
from gateway.a2a.catalog import Catalog
from gateway.http.rotation import MAX_TURNS, Rotation


def entry(name: str, count: int) -> Entry:
    urls = [f"http://{name}-{number}" for number in range(count)]
    return Entry(kind="agent", name=name, url=urls[0], urls=urls)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_calls_to_two_agents_by_turns_reach_every_instance_of_both(count: int) -> None:
    catalog = Catalog(cast("Directory", None))
    agents = [entry("one", count), entry("two", count)]
    reached = Counter(catalog.instances(agent)[0] for _ in range(count) for agent in agents)
    assert reached == {url: 1 for agent in agents for url in agent.urls}


def test_an_agent_keeps_its_turn_in_whatever_order_the_registry_names_its_instances() -> None:
    rotation = Rotation()
    urls = ["http://a", "http://b", "http://c"]
    places = [list(order).index(rotation.ordered(order)[0]) for order in permutations(urls)]
    assert places == [0, 1, 2, 0, 1, 2]


def test_more_services_than_turns_are_kept_for_do_not_all_go_to_the_first_instance() -> None:
    rotation = Rotation()
    services = [[f"http://{number}-a", f"http://{number}-b"] for number in range(MAX_TURNS + 1)]
    first = [rotation.ordered(urls)[0] for _ in range(2) for urls in services]
    assert 0.4 < sum(url.endswith("a") for url in first) / len(first) < 0.6


def test_an_instance_that_failed_is_tried_last() -> None:
    rotation = Rotation()
    rotation.mark_down("http://a")
    assert [rotation.ordered(["http://a", "http://b"])[-1] for _ in range(4)] == ["http://a"] * 4

"""What a tool's hints mean for the runtime."""

import pytest
from mcp.types import ToolAnnotations

from agentnet.runs.traits import Traits, traits_of


@pytest.mark.parametrize(
    ("hints", "traits"),
    [
        (None, Traits(repeatable=False, destructive=True)),
        (ToolAnnotations(), Traits(repeatable=False, destructive=True)),
        (ToolAnnotations(read_only_hint=True), Traits(reads_only=True)),
        (ToolAnnotations(read_only_hint=True, destructive_hint=True), Traits(reads_only=True)),
        (ToolAnnotations(idempotent_hint=True), Traits(repeatable=False, destructive=True)),
        (ToolAnnotations(destructive_hint=False), Traits(repeatable=False, destructive=False)),
        (ToolAnnotations(destructive_hint=False, idempotent_hint=True), Traits()),
    ],
)
def test_what_a_tool_does_not_say_is_taken_for_the_worst(hints: ToolAnnotations | None, traits: Traits) -> None:
    assert traits_of(hints) == traits

"""Models of pydantic that libraries declare: built when they are used, and then like any other."""

from typing import Any

import pytest
from pydantic import BaseModel, RootModel, TypeAdapter, ValidationError

from agentnet.process.imports import built_when_used

with built_when_used():

    class Part(BaseModel):
        size: int = 1

    class Parts(RootModel[list[Part]]):
        pass

    class Whole(BaseModel):
        part: Part
        parts: Parts


class Carrier(BaseModel):
    anything: Any


def test_what_was_declared_is_built_by_its_first_use() -> None:
    assert not any(kind.__pydantic_complete__ for kind in (Part, Parts, Whole))
    whole = Whole.model_validate({"part": {"size": 2}, "parts": [{"size": 3}]})
    assert Whole.__pydantic_complete__
    # A part that the whole has made is told by those that know nothing of its kind, too.
    assert Carrier(anything=[whole.part, whole.parts]).model_dump_json() == '{"anything":[{"size":2},[{"size":3}]]}'
    assert TypeAdapter(Whole | None).dump_python(whole) == {"part": {"size": 2}, "parts": [{"size": 3}]}
    with pytest.raises(ValidationError):
        Whole.model_validate({"part": {"size": "large"}, "parts": []})


def test_what_is_declared_elsewhere_is_built_at_once() -> None:
    assert Carrier.__pydantic_complete__
    with pytest.raises(RuntimeError), built_when_used():
        raise RuntimeError
    assert not BaseModel.model_config
    assert not RootModel.model_config


def test_packages_that_others_are_made_of_are_imported_whole() -> None:
    with built_when_used("mcp_types"):
        from mcp_types import CallToolResult
    assert CallToolResult.__pydantic_complete__

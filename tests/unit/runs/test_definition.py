"""A folder whose code cannot be loaded says so in one line, whatever that code raises."""

from pathlib import Path

import pytest

from agentnet.errors import ManifestError
from agentnet.manifests.manifest import load_specialists
from agentnet.runs.definition import load_tools
from agentnet.runs.folder_code import load_executor

MADE = """from a2a.server.agent_execution import AgentExecutor

class Own(AgentExecutor):
    def __init__(self):
        {statement}

    async def execute(self, context, event_queue):
        pass

    async def cancel(self, context, event_queue):
        pass
"""
STATEMENTS = {
    "import sys; sys.exit(3)": "SystemExit: 3.",
    "raise ValueError('boom')": "ValueError: boom.",
    "raise BaseException('deep')": "BaseException: deep.",
    "import asyncio; raise asyncio.CancelledError('own')": "CancelledError: own.",
}


@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("place", ["tools.py", "executor.py", "constructor"])
def test_code_that_cannot_be_loaded_is_named_with_its_reason(tmp_path: Path, place: str, statement: str) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "agent.yaml").write_text(
        "name: own\ndescription: Raises.\nskills: [{id: raise, name: Raise, description: Raises., tags: [raise]}]\n"
    )
    (folder / "instructions.md").write_text("Help.")
    file = "executor.py" if place == "constructor" else place
    (folder / file).write_text(MADE.format(statement=statement) if place == "constructor" else statement)
    [specialist] = load_specialists([folder])
    with pytest.raises(ManifestError) as raised:
        (load_tools if place == "tools.py" else load_executor)(specialist)
    assert str(raised.value).endswith(STATEMENTS[statement])
    assert str(folder / file) in str(raised.value)

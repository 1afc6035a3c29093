"""What the agents under test stand on: their folders, a model without memory, and the ledger outside."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentnet.testing import Call, Decision, Request

WORKER, HELPER = "chaos-worker", "chaos-helper"
WORDS = " ".join(f"w{number}" for number in range(40))

MANIFEST = """
name: {name}
description: {description}
skills:
  - {{id: job, name: Job, description: Does a numbered job.}}
peers: {peers}
limits: {{max_turns: 12, timeout_seconds: 300}}
"""

TOOLS = '''
import asyncio
import json
import os
import time
from typing import Any

from agents import function_tool
from agents.tool_context import ToolContext


def _write(context: ToolContext[Any], phase: str, began: float) -> None:
    line = {"task": context.context.task_id, "call": context.tool_call_id, "phase": phase, "began": began,
            "pid": os.getpid()}
    file = os.open(os.environ["CHAOS_LEDGER"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(file, (json.dumps(line) + "\\n").encode())
    finally:
        os.close(file)


@function_tool
async def note(context: ToolContext[Any], text: str) -> str:
    """Write a note."""
    began = time.time()
    _write(context, "begin", began)
    _write(context, "end", began)
    return f"noted {text}"


@function_tool
async def slow(context: ToolContext[Any], text: str, milliseconds: int) -> str:
    """Write a note, slowly."""
    began = time.time()
    _write(context, "begin", began)
    await asyncio.sleep(milliseconds / 1000)
    _write(context, "end", began)
    return f"slowly noted {text}"
'''


@dataclass(frozen=True, slots=True)
class Job:
    """One task of the test. What happens in it follows from its number alone."""

    number: int

    @property
    def kind(self) -> str:
        """`plain`, `delegate` (to the second specialist), `ask` (a question on the way), `cancel` (by its client)."""
        if self.number % 10 == 7:
            return "cancel"
        return {0: "delegate", 3: "ask"}.get(self.number % 5, "plain")

    @property
    def text(self) -> str:
        """The message that begins it."""
        return json.dumps({"job": self.number, "kind": self.kind})

    @property
    def answer(self) -> str:
        """The one right answer."""
        outputs = [f"noted {self.number}-a", f"slowly noted {self.number}-b", f"slowly noted {self.number}-c"]
        if self.kind == "delegate":
            outputs.append(f"Helper of job {self.number}: noted {self.number}-h. {WORDS}")
        if self.kind == "ask":
            outputs.append("blue")
        return f"Job {self.number}: {', '.join(outputs)}, noted {self.number}-d. {WORDS}"


def folders(directory: Path) -> Path:
    """The specialists' folders, made."""
    for name, peers in ((WORKER, [HELPER]), (HELPER, [])):
        folder = directory / name
        folder.mkdir(parents=True)
        manifest = MANIFEST.format(name=name, description=f"Works as {name}.", peers=json.dumps(peers))
        (folder / "agent.yaml").write_text(manifest)
        (folder / "instructions.md").write_text(name)
        (folder / "tools.py").write_text(TOOLS)
    return directory


def brain(request: Request) -> Decision:
    """The model: what to do next follows from what it reads."""
    said = [item for item in request.items if item.get("role") == "user"]
    outputs = [str(item["output"]) for item in request.items if item.get("type") == "function_call_output"]
    job = json.loads(str(said[0]["content"]))
    return _help(job, outputs) if HELPER in request.instructions else _work(job, outputs)


def _work(job: Mapping[str, Any], outputs: list[str]) -> Decision:
    number, kind = job["job"], job["kind"]
    third: list[Call] = []
    if kind == "delegate":
        third = [Call("delegate", {"agent": HELPER, "message": json.dumps({"job": number})})]
    elif kind == "ask":
        third = [Call("ask_user", {"question": f"Which colour for job {number}?"})]
    steps: list[Decision] = [
        Decision(
            (
                Call("note", {"text": f"{number}-a"}),
                Call("slow", {"text": f"{number}-b", "milliseconds": 100 + number % 7 * 100}),
            ),
            f"First I note two things for job {number}.",
        ),
        Decision(
            (Call("slow", {"text": f"{number}-c", "milliseconds": 100 + number % 5 * 150}), *third),
            f"Then I go on with job {number}.",
        ),
        Decision((Call("note", {"text": f"{number}-d"}),)),
    ]
    seen = 0
    for step in steps:
        if len(outputs) == seen:
            return step
        seen += len(step.calls)
    return Decision(text=f"Job {number}: {', '.join(map(_plain, outputs))}. {WORDS}")


def _help(job: Mapping[str, Any], outputs: list[str]) -> Decision:
    number = job["job"]
    if not outputs:
        return Decision((Call("note", {"text": f"{number}-h"}),), "A moment.")
    return Decision(text=f"Helper of job {number}: {outputs[0]}. {WORDS}")


def _plain(output: str) -> str:
    """A delegation's result without what differs from run to run."""
    try:
        value = json.loads(output)
    except ValueError:
        return output
    return str(value["answer"]) if isinstance(value, dict) and "answer" in value else output

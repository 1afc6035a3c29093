"""A specialist's folder made ready to run: its own tools, its own executor, and an SDK agent built for each task."""

import hashlib
from pathlib import Path
from types import ModuleType
from typing import Any

from a2a.server.agent_execution import AgentExecutor
from agents import FunctionTool, Model, ModelSettings, Tool, function_tool
from agents.tool_context import ToolContext

from agentnet.errors import ManifestError
from agentnet.manifests.folder_import import import_file
from agentnet.manifests.manifest import Specialist
from agentnet.runs.approval import Approvals, wait_for_answer
from agentnet.runs.journal import JournaledAgent, call_key, tells_itself
from agentnet.runs.question import Question, text_of
from agentnet.runs.scope import RunScope


def load_tools(specialist: Specialist) -> list[Tool]:
    """The function tools in `tools.py`. Raises `ManifestError` when the file cannot be used."""
    if specialist.tools_file is None:
        return []
    module = _import(specialist, specialist.tools_file)
    return [value for value in vars(module).values() if isinstance(value, FunctionTool)]


def load_executor(specialist: Specialist) -> AgentExecutor | None:
    """The one `AgentExecutor` class in `executor.py`, made without arguments. Raises `ManifestError`."""
    if specialist.executor_file is None:
        return None
    module = _import(specialist, specialist.executor_file)
    classes = [
        value
        for value in vars(module).values()
        # Its own: the file has imported AgentExecutor too, and perhaps one to build on.
        if isinstance(value, type) and issubclass(value, AgentExecutor) and value.__module__ == module.__name__
    ]
    if len(classes) != 1:
        raise ManifestError(
            f"{specialist.executor_file} must define one a2a-sdk AgentExecutor class; it defines {len(classes)}."
        )
    try:
        executor: AgentExecutor = classes[0]()
    except TypeError as error:
        raise ManifestError(f"{specialist.executor_file}: {classes[0].__name__} cannot be made: {error}.") from None
    return executor


def build_agent(
    specialist: Specialist, model: str | Model, settings: ModelSettings, own: list[Tool], others: list[Tool]
) -> JournaledAgent:
    """An agent for one run: the SDK slows down when runs share one."""
    manifest = specialist.manifest
    agent = JournaledAgent(
        name=manifest.name,
        instructions=specialist.instructions,
        model=model,
        model_settings=settings,
        tools=[*own, *others, tells_itself(_ask_user())],
    )
    approvals = Approvals(
        frozenset(manifest.needs_approval), frozenset(manifest.not_repeatable), manifest.approve_destructive
    )
    object.__setattr__(agent, "_approvals", approvals)  # Agent is the SDK's dataclass, and has no field for it
    return agent


def _ask_user() -> FunctionTool:
    @function_tool
    async def ask_user(context: ToolContext[Any], question: str) -> str:
        """Ask the person who sent the task for something that you cannot find out yourself.

        Args:
            question: One clear question.
        """
        scope: RunScope = context.context
        key = call_key.get()
        step = await scope.begin("question", key, "ask_user", question)
        answer = await wait_for_answer(
            scope, Question(f"{key}!ask", question, {"kind": "question", "path": list(scope.path)})
        )
        await step.end(text_of(answer))
        return text_of(answer)

    return ask_user


def _import(specialist: Specialist, path: Path) -> ModuleType:
    """Import a file of a folder under a name of its own, so that two folders' `tools.py` do not meet."""
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    name = f"agentnet_folder_{specialist.name.replace('-', '_')}_{digest}_{path.stem}"
    return import_file(path, name, ManifestError)

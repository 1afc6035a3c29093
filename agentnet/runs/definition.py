"""A specialist's folder made ready to run: its own tools, its own executor, and an SDK agent built for each task."""

import hashlib
from pathlib import Path
from types import ModuleType
from typing import Any

from a2a.server.agent_execution import AgentExecutor
from agents import FunctionTool, Model, ModelSettings, Tool, function_tool
from agents.tool_context import ToolContext

from agentnet.errors import ManifestError
from agentnet.manifests.folder_import import import_file, is_interrupt
from agentnet.manifests.manifest import MANIFEST_FILE, Specialist, nearest
from agentnet.runs.approval import Approvals, wait_for_answer
from agentnet.runs.journal import JournaledAgent, call_key, tells_failures, tells_itself
from agentnet.runs.question import Question, text_of
from agentnet.runs.scope import RunScope

BUILT_IN = ("ask_user", "find_agents", "delegate", "handoff")
"""Tools that every specialist has, or each with peers."""


def load_tools(specialist: Specialist) -> list[Tool]:
    """The function tools in `tools.py`; what one of them raises is told and logged.

    Raises `ManifestError` when the file cannot be used, and for a tool that the manifest names and nobody has.
    """
    path = specialist.tools_file
    tools = _tools_in(_import(specialist, path), path) if path else []
    _check_named(specialist, [tool.name for tool in tools])
    return [tells_failures(tool) for tool in tools]


def _tools_in(module: ModuleType, path: Path) -> list[FunctionTool]:
    listed: Any = getattr(module, "TOOLS", [])
    if not isinstance(listed, (list, tuple)):
        raise ManifestError(f"{path}: TOOLS must be a list of function tools.")
    for value in listed:
        if not isinstance(value, FunctionTool):
            name = getattr(value, "__name__", None) or type(value).__name__
            raise ManifestError(
                f"{path}: TOOLS holds {name}, which is no tool.", hint=f"Put @function_tool before `def {name}`."
            )
    values = [value for value in (*vars(module).values(), *listed) if isinstance(value, FunctionTool)]
    found = list({id(value): value for value in values}.values())
    names = [tool.name for tool in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ManifestError(f"{path}: two tools are named {twice!r}.")
    return found


def _check_named(specialist: Specialist, own: list[str]) -> None:
    """A misspelt name would run its tool unapproved. Which tools MCP servers have is known when they answer."""
    manifest = specialist.manifest
    servers = tuple(f"{server}_".replace("-", "_") for server in manifest.mcp_servers)
    for key, names in (("needs_approval", manifest.needs_approval), ("not_repeatable", manifest.not_repeatable)):
        for name in names:
            if name not in (*own, *BUILT_IN) and not name.startswith(servers):
                raise ManifestError(
                    f"{specialist.directory / MANIFEST_FILE}: {key}: there is no tool {name!r}.",
                    hint=nearest(name, [*own, *(f"{prefix}…" for prefix in servers), *BUILT_IN]),
                )


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
    except BaseException as error:  # a user's own code, as an import is
        if is_interrupt(error):
            raise
        raise ManifestError(
            f"{specialist.executor_file}: {classes[0].__name__} cannot be made: {type(error).__name__}: {error}."
        ) from error
    return executor


def build_agent(specialist: Specialist, model: str | Model, settings: ModelSettings) -> JournaledAgent:
    """The specialist as an agent of the SDK, without tools."""
    manifest = specialist.manifest
    agent = JournaledAgent(
        name=manifest.name, instructions=specialist.instructions, model=model, model_settings=settings
    )
    approvals = Approvals(
        frozenset(manifest.needs_approval), frozenset(manifest.not_repeatable), manifest.approve_destructive
    )
    object.__setattr__(agent, "_approvals", approvals)  # Agent is the SDK's dataclass, and has no field for it
    return agent


def ask_user_tool() -> FunctionTool:
    """The tool by which an agent asks whoever sent the task. Any number of runs may share it."""

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

    return tells_itself(ask_user)


def _import(specialist: Specialist, path: Path) -> ModuleType:
    """Import a file of a folder under a name of its own, so that two folders' `tools.py` do not meet."""
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    name = f"agentnet_folder_{specialist.name.replace('-', '_')}_{digest}_{path.stem}"
    return import_file(path, name, ManifestError)

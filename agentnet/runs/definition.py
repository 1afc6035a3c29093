"""A specialist's folder made ready to run: its own tools, and an SDK agent built for each task."""

from collections.abc import Collection
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

from agents import FunctionTool, Model, ModelSettings, function_tool
from agents.tool_context import ToolContext
from openai.types.shared import Reasoning
from pydantic import Field

from agentnet.errors import ManifestError
from agentnet.manifests.manifest import MANIFEST_FILE, Specialist, nearest
from agentnet.manifests.model_settings import ModelOptions
from agentnet.runs.answer_form import AnswerForm
from agentnet.runs.approval import Approvals, wait_for_answer
from agentnet.runs.folder_code import folder_module
from agentnet.runs.forms import Fitted, fit
from agentnet.runs.journal import JournaledAgent, call_key, tells_failures, tells_itself
from agentnet.runs.question import Question, text_of
from agentnet.runs.scope import RunScope

BUILT_IN = ("ask_user", "give_up", "find_agents", "delegate", "handoff")
"""Tools that every specialist has, or each with peers."""
BODY_FIELDS = ("seed", "stop")
"""Settings that the SDK has no name for."""
MAX_QUESTION = 8000


def load_tools(specialist: Specialist) -> Fitted:
    """The function tools in `tools.py`; what one of them raises is told and logged. One that no host of models would
    take is left out.

    Raises `ManifestError` when the file cannot be used, and for a tool that the manifest names and nobody has.
    """
    path = specialist.tools_file
    tools = _tools_in(folder_module(specialist, path), path) if path else []
    _check_named(specialist, [tool.name for tool in tools])
    return fit(tells_failures(tool) for tool in tools)


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
    prefixes = [_prefix(server) for server in specialist.manifest.mcp_servers]
    for key, name in tools_elsewhere(specialist, own):
        if not name.startswith(tuple(prefixes)):
            raise ManifestError(
                f"{specialist.directory / MANIFEST_FILE}: {key}: there is no tool {name!r}.",
                hint=nearest(name, [*own, *(f"{prefix}…" for prefix in prefixes), *BUILT_IN]),
            )


def tools_elsewhere(specialist: Specialist, own: Collection[str]) -> list[tuple[str, str]]:
    """What the manifest names of tools that only an MCP server can have, each with its key."""
    manifest = specialist.manifest
    named = (("needs_approval", manifest.needs_approval), ("not_repeatable", manifest.not_repeatable))
    return [(key, name) for key, names in named for name in names if name not in own and name not in BUILT_IN]


def check_served(
    specialist: Specialist, elsewhere: list[tuple[str, str]], served: Collection[str], missing: Collection[str]
) -> None:
    """Raises `ManifestError` for a tool of `elsewhere` that the servers do not have: its like would run unapproved.

    None of the tools of a server that is `missing` can run, so that it may have the tool or not.
    """
    away = tuple(_prefix(server) for server in missing)
    for key, name in elsewhere:
        if name not in served and not name.startswith(away):
            raise ManifestError(
                f"{MANIFEST_FILE} of {specialist.name}: {key}: no MCP server has a tool {name!r}.",
                hint=nearest(name, list(served)) or f"There are: {', '.join(sorted(served))}.",
            )


def _prefix(server: str) -> str:
    return f"{server}_".replace("-", "_")


def build_agent(
    specialist: Specialist, model: str | Model, settings: ModelSettings, instructions: str
) -> JournaledAgent:
    """The specialist as an agent of the SDK, without tools. Raises `ManifestError`."""
    manifest = specialist.manifest
    form = form_of(specialist)
    agent = JournaledAgent(
        name=manifest.name,
        instructions=f"{instructions}\n\n{form.instructions}" if form else instructions,
        model=model,
        model_settings=settings.resolve(asked_of_model(manifest.model_settings)),
        output_type=form,
    )
    approvals = Approvals(
        frozenset(manifest.needs_approval), frozenset(manifest.not_repeatable), manifest.approve_destructive
    )
    object.__setattr__(agent, "_approvals", approvals)  # Agent is the SDK's dataclass, and has no field for it
    return agent


def form_of(specialist: Specialist) -> AnswerForm | None:
    """The form of its answers, if it has one. Raises `ManifestError`."""
    if specialist.output_schema is None:
        return None
    try:
        return AnswerForm(specialist.output_schema)
    except ManifestError as error:
        raise ManifestError(f"{specialist.directory / MANIFEST_FILE}: {error.message}", hint=error.hint) from None


def asked_of_model(options: ModelOptions) -> ModelSettings:
    """What a manifest asks of its model, as the SDK sends it."""
    extra = {name: value for name in BODY_FIELDS if (value := getattr(options, name)) is not None} | options.extra_body
    given = options.model_dump(exclude={*BODY_FIELDS, "extra_body", "reasoning"}, exclude_none=True)
    reasoning = options.reasoning
    return ModelSettings(
        **given,
        reasoning=Reasoning(**reasoning.model_dump(exclude_none=True)) if reasoning else None,
        extra_body=extra or None,
    )


def ask_user_tool() -> FunctionTool:
    """The tool by which an agent asks whoever sent the task. Any number of runs may share it."""

    @function_tool
    async def ask_user(
        context: ToolContext[Any], question: Annotated[str, Field(min_length=1, max_length=MAX_QUESTION)]
    ) -> str:
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

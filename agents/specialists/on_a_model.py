"""A specialist that a model runs: our executor, with the tools and the peers that the network has for it."""

from collections.abc import Callable, Coroutine
from typing import Any

from agentnet.discovery.directory import Directory
from agentnet.files.store import FileStore
from agentnet.ids import EVERYONE
from agentnet.manifests.manifest import Specialist
from agentnet.models import default_model_settings, model_name
from agentnet.models.provider import prepare
from agentnet.process.modelnames import check_models
from agentnet.process.runtime import Runtime
from agentnet.runs.delegation import Peers
from agentnet.runs.executor import SpecialistExecutor
from agentnet.runs.toolservers import ToolServers

Step = Callable[[], Coroutine[Any, Any, None]]


async def executor_on_a_model(
    runtime: Runtime, specialist: Specialist, directory: Directory
) -> tuple[SpecialistExecutor, Step, Step]:
    """The executor of `specialist`, and what opens and closes its connections to tools. Raises `ConfigurationError`.

    What its first task would wait for is done before: the process starts with it.
    """
    settings, manifest = runtime.settings, specialist.manifest
    check_models(settings, [specialist])
    tool_servers = ToolServers(directory, runtime.tokens, await runtime.upstreams())
    models, model = runtime.models(), model_name(settings, manifest.model)
    prepare(models, model)
    executor = SpecialistExecutor(
        specialist,
        models=models,
        model_name=model,
        model_settings=default_model_settings(settings),
        store=await runtime.tasks(),
        files=FileStore(await runtime.database(), settings.max_file_bytes),
        tool_servers=tool_servers,
        peers=Peers(manifest.peers, directory, runtime.http, runtime.tokens),
        max_tools=settings.mcp_list_limit,
    )
    await executor.check_servers(EVERYONE)
    return executor, executor.connect, tool_servers.close

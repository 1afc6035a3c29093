"""A specialist that a model runs: our executor, with the tools and the peers that the network has for it."""

from collections.abc import Awaitable, Callable

from agentnet.discovery.directory import Directory
from agentnet.files.store import FileStore
from agentnet.ids import EVERYONE
from agentnet.manifests.manifest import Specialist
from agentnet.models import default_model_settings, model_name
from agentnet.process.modelnames import check_models
from agentnet.process.runtime import Runtime
from agentnet.runs.delegation import Peers
from agentnet.runs.executor import SpecialistExecutor
from agentnet.runs.toolservers import ToolServers


async def executor_on_a_model(
    runtime: Runtime, specialist: Specialist, directory: Directory
) -> tuple[SpecialistExecutor, Callable[[], Awaitable[None]]]:
    """The executor of `specialist`, and what closes its connections. Raises `ConfigurationError`."""
    settings, manifest = runtime.settings, specialist.manifest
    check_models(settings, [specialist])
    tool_servers = ToolServers(directory, runtime.tokens, await runtime.upstreams())
    executor = SpecialistExecutor(
        specialist,
        models=runtime.models(),
        model_name=model_name(settings, manifest.model),
        model_settings=default_model_settings(settings),
        store=await runtime.tasks(),
        files=FileStore(await runtime.database(), settings.max_file_bytes),
        tool_servers=tool_servers,
        peers=Peers(manifest.peers, directory, runtime.http, runtime.tokens),
    )
    await executor.check_servers(EVERYONE)
    return executor, tool_servers.close

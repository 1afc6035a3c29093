"""The four push operations of an agent (A2A 1.0 sections 3.1.7 to 3.1.10), and the config that a message may bring."""

from a2a.server.context import ServerCallContext
from a2a.server.request_handlers.request_handler import RequestHandler, validate_request_params
from a2a.types.a2a_pb2 import (
    AgentCard,
    DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse,
    SendMessageConfiguration,
    TaskPushNotificationConfig,
)
from a2a.utils.errors import PushNotificationNotSupportedError

from agentnet.a2a.errors import answers
from agentnet.a2a.parameters import caller, protocol_version, task_id_in
from agentnet.http.ssrf import check_form
from agentnet.push.configs import PushConfigs, shown
from agentnet.tasks.push_config import StoredConfig


class PushOperations(RequestHandler):
    """The part of a request handler that answers them; without `push`, or where the card has none, they are refused."""

    def __init__(self, card: AgentCard, agent: str, push: PushConfigs | None) -> None:
        self._card = card
        self._agent = agent
        self._push = push

    @validate_request_params
    @answers
    async def on_create_task_push_notification_config(
        self, params: TaskPushNotificationConfig, context: ServerCallContext
    ) -> TaskPushNotificationConfig:
        """Tell a webhook of the task's events from now on; its credentials are not answered."""
        task_id, tenant = task_id_in(params.task_id), caller(context, params).tenant
        check_form(params.url)
        # Before its name is looked up: none is for who has no such task.
        await self.push_configs().require_task(task_id, tenant, self._agent)
        stored = await self.push_configs().checked(params, protocol_version(context))
        await self.push_configs().put(task_id, tenant, self._agent, stored)
        return shown(params)

    @answers
    async def on_get_task_push_notification_config(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, params: GetTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> TaskPushNotificationConfig:
        """A push config of a task. Not validated: a client of 0.3 may ask without the config's id."""
        task_id, tenant = task_id_in(params.task_id), caller(context, params).tenant
        return await self.push_configs().get(task_id, tenant, self._agent, params.id)

    @validate_request_params
    @answers
    async def on_list_task_push_notification_configs(
        self, params: ListTaskPushNotificationConfigsRequest, context: ServerCallContext
    ) -> ListTaskPushNotificationConfigsResponse:
        """A page of a task's push configs."""
        task_id, tenant = task_id_in(params.task_id), caller(context, params).tenant
        return await self.push_configs().list(task_id, tenant, self._agent, params.page_size, params.page_token)

    @validate_request_params
    @answers
    async def on_delete_task_push_notification_config(
        self, params: DeleteTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> None:
        """Tell a webhook no more; what was on its way is forgotten."""
        task_id, tenant = task_id_in(params.task_id), caller(context, params).tenant
        await self.push_configs().delete(task_id, tenant, self._agent, params.id)

    def push_configs(self) -> PushConfigs:
        """Where configs are kept. Raises `PushNotificationNotSupportedError`."""
        if self._push is None or not self._card.capabilities.push_notifications:
            raise PushNotificationNotSupportedError
        return self._push

    async def wanted_push(
        self, configuration: SendMessageConfiguration, context: ServerCallContext
    ) -> StoredConfig | None:
        """The config that a message brings, checked; None if it brings none."""
        if not configuration.HasField("task_push_notification_config"):
            return None
        return await self.push_configs().checked(configuration.task_push_notification_config, protocol_version(context))

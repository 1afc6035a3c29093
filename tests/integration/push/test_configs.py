"""The four operations on push configs, and what they refuse."""

from typing import Any

import pytest
from a2a.server.context import ServerCallContext
from a2a.types.a2a_pb2 import (
    AuthenticationInfo,
    DeleteTaskPushNotificationConfigRequest,
    GetTaskPushNotificationConfigRequest,
    ListTaskPushNotificationConfigsRequest,
    Task,
)
from a2a.utils.errors import InvalidParamsError, TaskNotFoundError

from agentnet.a2a.handler import PRINCIPAL
from agentnet.identity import Principal
from agentnet.ids import new_id
from agentnet.push.configs import MAX_CONFIGS
from tests.integration.push.webhook import Agent, agents, config
from tests.integration.tasks.replicas import Script, context, request

pytestmark = pytest.mark.anyio

URL = "http://127.0.0.1:4999/hook"


async def asked(agent: Agent) -> Task:
    """A task that waits for an answer."""
    task = await agent.handler.on_message_send(request("ask"), context())
    assert isinstance(task, Task)
    return task


def listing(task: Task, **page: Any) -> ListTaskPushNotificationConfigsRequest:
    return ListTaskPushNotificationConfigsRequest(task_id=task.id, **page)


async def test_a_config_is_made_read_replaced_and_deleted(database_url: str) -> None:
    async with agents(database_url, Script(), delivering=False) as [one]:
        task = await asked(one)
        made = await one.handler.on_create_task_push_notification_config(config(task.id, URL, token="t"), context())
        assert made.id
        assert made.url == URL
        wanted = GetTaskPushNotificationConfigRequest(task_id=task.id, id=made.id)
        assert await one.handler.on_get_task_push_notification_config(wanted, context()) == made
        await one.handler.on_create_task_push_notification_config(config(task.id, URL + "2", made.id), context())
        [listed] = (await one.handler.on_list_task_push_notification_configs(listing(task), context())).configs
        assert (listed.id, listed.url, listed.token) == (made.id, URL + "2", "")
        gone = DeleteTaskPushNotificationConfigRequest(task_id=task.id, id=made.id)
        for _ in range(2):  # again changes nothing (section 3.1.10)
            await one.handler.on_delete_task_push_notification_config(gone, context())
        with pytest.raises(TaskNotFoundError):
            await one.handler.on_get_task_push_notification_config(wanted, context())
        assert not (await one.handler.on_list_task_push_notification_configs(listing(task), context())).configs


async def test_configs_are_listed_in_pages_and_limited(database_url: str) -> None:
    async with agents(database_url, Script(), delivering=False) as [one]:
        task = await asked(one)
        for number in range(MAX_CONFIGS):
            await one.handler.on_create_task_push_notification_config(config(task.id, URL, f"c{number:02}"), context())
        with pytest.raises(InvalidParamsError, match=f"has {MAX_CONFIGS} push configs"):
            await one.handler.on_create_task_push_notification_config(config(task.id, URL), context())
        await one.handler.on_create_task_push_notification_config(config(task.id, URL, "c00"), context())
        seen, token = [], ""
        while True:
            page = await one.handler.on_list_task_push_notification_configs(
                listing(task, page_size=5, page_token=token), context()
            )
            seen += [each.id for each in page.configs]
            assert len(page.configs) <= 5
            token = page.next_page_token
            if not token:
                break
        assert seen == [f"c{number:02}" for number in range(MAX_CONFIGS)]
        with pytest.raises(InvalidParamsError, match="pageSize"):
            await one.handler.on_list_task_push_notification_configs(listing(task, page_size=-1), context())


async def test_credentials_are_never_answered_nor_readable_in_the_database(database_url: str) -> None:
    async with agents(database_url, Script(), delivering=False) as [one]:
        task = await asked(one)
        secret = AuthenticationInfo(scheme="Bearer", credentials="very-secret")
        url = URL + "?key=in-the-query"
        made = await one.handler.on_create_task_push_notification_config(
            config(task.id, url, authentication=secret), context()
        )
        assert made.authentication == AuthenticationInfo(scheme="Bearer")
        [listed] = (await one.handler.on_list_task_push_notification_configs(listing(task), context())).configs
        assert listed == made
        rows = await one.database.pool.fetch("SELECT * FROM push_configs")
        assert "very-secret" not in str(rows)
        assert "in-the-query" not in str(rows)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"url": "http://169.254.169.254/latest"}, "does not lead to a public address"),
        ({"url": "ftp://example.com"}, "Only http and https"),
        ({"url": "http://user:pass@example.com"}, "password"),
        ({"url": "http://127.0.0.1:4999/" + "x" * 3000}, "longer than the limit"),
        ({"token": "a\r\nHost: b"}, "printable ASCII"),
        ({"token": "x" * 3000}, "the limit is 2048"),
        ({"id": "x" * 200}, "at most 128"),
        *(({"id": odd}, "without slashes") for odd in ("a/b", "/", "a/", "..", ".", "a\\b", "a\nb", "\x00", "\x7f")),
        ({"authentication": AuthenticationInfo(scheme="Basic")}, "needs credentials"),
        ({"authentication": AuthenticationInfo(scheme="Ba sic", credentials="x")}, "HTTP scheme"),
    ],
)
async def test_wrong_configs_are_refused_with_the_reason(database_url: str, wrong: dict[str, Any], reason: str) -> None:
    async with agents(database_url, Script(), delivering=False) as [one]:
        task = await asked(one)
        parameters = {"task_id": task.id, "url": URL, "config_id": wrong.pop("id", "")} | wrong
        with pytest.raises(InvalidParamsError, match=reason):
            await one.handler.on_create_task_push_notification_config(config(**parameters), context())
        begin = request("hello")
        begin.configuration.task_push_notification_config.CopyFrom(config(**parameters))
        with pytest.raises(InvalidParamsError, match=reason):
            await one.handler.on_message_send(begin, context())


async def test_a_private_address_is_refused_unless_the_network_is_closed(database_url: str) -> None:
    async with agents(database_url, Script(), delivering=False, allow_private=False) as [one]:
        task = await asked(one)
        for url in (URL, "http://localhost:4999/", "http://10.0.0.1/", "http://[::1]/"):
            with pytest.raises(InvalidParamsError, match="public address"):
                await one.handler.on_create_task_push_notification_config(config(task.id, url), context())


@pytest.mark.parametrize("odd", ["a b", "a:b", "a?b#c", "%2F", "...", "é", "a+b&c=d"])
async def test_ids_that_an_address_can_hold_are_taken(database_url: str, odd: str) -> None:
    async with agents(database_url, Script(), delivering=False) as [one]:
        task = await asked(one)
        made = await one.handler.on_create_task_push_notification_config(config(task.id, URL, odd), context())
        assert made.id == odd


async def test_no_name_is_looked_up_for_who_has_no_such_task(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ServerCallContext(state={PRINCIPAL: Principal("other", "key:other")})
    async with agents(database_url, Script(), delivering=False, allow_private=False) as [one]:
        task = await asked(one)
        for task_id in (task.id, str(new_id())):
            # A private address is refused where it is looked at.
            with pytest.raises(TaskNotFoundError):
                await one.handler.on_create_task_push_notification_config(config(task_id, URL), other)


async def test_another_tenants_task_is_not_found_by_any_operation(database_url: str) -> None:
    other = ServerCallContext(state={PRINCIPAL: Principal("other", "key:other")})
    async with agents(database_url, Script(), delivering=False) as [one]:
        task = await asked(one)
        await one.handler.on_create_task_push_notification_config(config(task.id, URL, "c"), context())
        for call in (
            one.handler.on_create_task_push_notification_config(config(task.id, URL, "d"), other),
            one.handler.on_get_task_push_notification_config(
                GetTaskPushNotificationConfigRequest(task_id=task.id, id="c"), other
            ),
            one.handler.on_list_task_push_notification_configs(listing(task), other),
            one.handler.on_delete_task_push_notification_config(
                DeleteTaskPushNotificationConfigRequest(task_id=task.id, id="c"), other
            ),
            one.handler.on_create_task_push_notification_config(config(new_id(), URL), context()),
        ):
            with pytest.raises(TaskNotFoundError):
                await call
        [kept] = (await one.handler.on_list_task_push_notification_configs(listing(task), context())).configs
        assert kept.id == "c"

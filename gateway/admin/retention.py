"""Retention over HTTP, for `agentnet retention`: everybody sees the rules of its tenant, an admin sets them."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from agentnet.frame.access import principal_of
from agentnet.http.errors import json_object
from agentnet.retention.rules import MAX_COUNT, MAX_DAYS, Rule, Rules, TenantRule


class NewRule(BaseModel):
    """What `PUT /v1/retention/{state}` takes; a limit that is left out does not limit."""

    model_config = ConfigDict(extra="forbid")

    days: int | None = Field(default=None, ge=1, le=MAX_DAYS)
    count: int | None = Field(default=None, ge=0, le=MAX_COUNT)


class RetentionRoutes:
    """The rules of the caller's tenant, by the state in which tasks end."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules

    def routes(self) -> list[BaseRoute]:
        """`/v1/retention` and below."""
        return [
            Route("/v1/retention", self.list, methods=["GET"]),
            Route("/v1/retention/{state}", self.set, methods=["PUT"]),
            Route("/v1/retention/{state}", self.drop, methods=["DELETE"]),
        ]

    async def list(self, request: Request) -> Response:
        """What holds for the tenant."""
        held = await self._rules.of(principal_of(request.scope).tenant)
        return JSONResponse({"retention": {state: view_of(rule) for state, rule in held.items()}})

    async def set(self, request: Request) -> Response:
        """Give the tenant a rule of its own; both limits null keep everything. Raises `ForbiddenError`."""
        tenant = principal_of(request.scope).tenant
        wanted = NewRule.model_validate(await json_object(request))
        await self._rules.set(tenant, request.path_params["state"], Rule(wanted.days, wanted.count))
        return Response(status_code=204)

    async def drop(self, request: Request) -> Response:
        """Let the network's default hold again. Raises `ForbiddenError`."""
        await self._rules.drop(principal_of(request.scope).tenant, request.path_params["state"])
        return Response(status_code=204)


def view_of(held: TenantRule) -> dict[str, Any]:
    """A rule as JSON."""
    return {"days": held.rule.days, "count": held.rule.count, "default": held.is_default}

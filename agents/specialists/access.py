"""Who may use which route of a specialist: callers have a token for this one agent, or a key.

What they see of its tasks is their tenant's.
"""

from agentnet.frame.access import PUBLIC, USER, Rules

JSON_RPC = "POST /"
"""It goes the short way, past the routes."""
OPERATIONS = (
    "POST /message:send",
    "POST /message:stream",
    "GET /tasks",
    "GET /tasks/{id}",
    "POST /tasks/{id}:cancel",
    "GET /tasks/{id}:subscribe",
    "POST /tasks/{id}:subscribe",
    "GET /tasks/{id}/pushNotificationConfigs",
    "POST /tasks/{id}/pushNotificationConfigs",
    "GET /tasks/{id}/pushNotificationConfigs/{push_id}",
    "DELETE /tasks/{id}/pushNotificationConfigs/{push_id}",
    "GET /extendedAgentCard",
)
OPERATIONS_0_3 = (
    "POST /v1/message:send",
    "POST /v1/message:stream",
    "GET /v1/tasks/{id}",
    "POST /v1/tasks/{id}:cancel",
    "GET /v1/tasks/{id}:subscribe",
    "POST /v1/tasks/{id}:subscribe",
    "GET /v1/tasks/{id}/pushNotificationConfigs",
    "POST /v1/tasks/{id}/pushNotificationConfigs",
    "GET /v1/tasks/{id}/pushNotificationConfigs/{push_id}",
    "DELETE /v1/tasks/{id}/pushNotificationConfigs/{push_id}",
    "GET /v1/card",
)
RULES: Rules = {
    "GET /.well-known/agent-card.json": PUBLIC,
    "GET /.well-known/agent.json": PUBLIC,
    "GET /.well-known/jwks.json": PUBLIC,
    JSON_RPC: USER,
    **dict.fromkeys(OPERATIONS, USER),
    **dict.fromkeys((key.replace(" /", " /{tenant}/", 1) for key in OPERATIONS), USER),
    **dict.fromkeys(OPERATIONS_0_3, USER),
}

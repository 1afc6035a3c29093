"""Push notifications (A2A 1.0 sections 3.1.7 to 3.1.10 and 4.3), through a transactional outbox.

The statement that stores an event stores its deliveries too (agentnet/tasks/sql.py), so an event that is in the log
reaches its webhooks whatever dies in between: at least once, in order for each config, from any replica.

Pushed is what a stream shows: the task that a message began, status updates and artifact updates. Not pushed are the
user's own messages and status updates that tell of nothing but a step (agentnet/tasks/steps.py).

May import `agentnet.tasks`, `agentnet.http`, `agentnet.identity` and `agentnet.database`. Start with `service`, then
`deliverer`.
"""

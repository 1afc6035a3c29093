"""The protocol's face of the task engine: the request handler of A2A, its parameters, errors, lists, streams and push.

May import `agentnet.tasks`, `push`, `frame`, `identity`, `signals`, `files`, `http` and `database`; `tasks` never
imports it. Start with `handler`.
"""

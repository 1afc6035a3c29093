"""One process: what its services share (`runtime`), how one is served (`service`), which are started (`launch`).

Stands above all of `agentnet` but the command line. Start with `runtime`.
"""

"""One process: what its services share (`runtime`), how one is served (`service`), which are started (`launch`).

Stands above all of `agentnet` but the command line, and may import it but `a2a`, `runs` and `frame`, which services
choose for themselves. Start with `runtime`.
"""

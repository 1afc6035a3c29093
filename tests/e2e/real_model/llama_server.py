"""llama.cpp's own server with one slot, as a process of its own: `llama_server.py WEIGHTS PORT CONTEXT_TOKENS`.

It needs the packages of `requirements.txt` on its path, and nothing of this repository.
"""

import sys
import threading

import xllamacpp


def main(weights: str, port: str, context_tokens: str) -> None:
    params = xllamacpp.CommonParams()
    params.model.path = weights
    params.hostnames, params.port = ["127.0.0.1"], int(port)
    params.n_ctx, params.n_parallel = int(context_tokens), 1
    params.sampling.seed, params.sampling.temp = 1, 0.0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.endpoint_slots = True
    params.use_jinja = True
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main(*sys.argv[1:])

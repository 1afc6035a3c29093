"""Tokens by a model's own counter: `/tokenize` of llama.cpp and of vLLM, beside their API.

Asked about a prompt near the limit alone, and once for each model of a process: what it tells is a ratio, and each
answer of the model tells it anew. It is never waited for long, and a server without one is as good as before.
"""

import asyncio
import json
import logging
import time
from math import inf
from typing import Any

import httpx2
from cachetools import LRUCache

from agentnet.models.endpoints.endpoint import OPENAI_URL, Endpoint, on_this_machine

logger = logging.getLogger(__name__)

SECONDS = 2.0
"""How long it is waited for."""
FORGET_SECONDS = 600.0
"""When a server that told nothing is asked again."""
MOST_MODELS = 1_000
MAX_BYTES = 1024 * 1024
OK = 200
MISSING = frozenset({401, 403, 404, 405, 501})
"""Statuses of servers that have none, or not for us."""

_ratios: LRUCache[tuple[str, str], float] = LRUCache(MOST_MODELS)
_without: LRUCache[tuple[str, str], float] = LRUCache(MOST_MODELS)
"""When each was asked in vain."""


def forget_ratios() -> None:
    """Of every model: they are asked for anew."""
    _ratios.clear()
    _without.clear()


async def ratio_of(endpoint: Endpoint, text: str, ours: float) -> float | None:
    """Tokens that the model counts for one of ours, of which `text` has as many; None where it does not say."""
    key = endpoint.base_url, endpoint.model
    if key in _ratios:
        return _ratios[key]
    if time.monotonic() - _without.get(key, -inf) < FORGET_SECONDS or ours <= 0 or not _may_count(endpoint):
        return None
    count = await _counted(endpoint, text)
    if count is None:
        _without[key] = time.monotonic()
        return None
    _ratios[key] = count / ours
    logger.info("model %s: it counts %d tokens where %d were taken for it", endpoint.name, count, ours)
    return _ratios[key]


def _may_count(endpoint: Endpoint) -> bool:
    """Whether it may be one of the servers that have such a counter."""
    is_direct = bool(endpoint.base_url) and endpoint.through_litellm is None
    return is_direct and endpoint.base_url.rstrip("/") != OPENAI_URL


async def _counted(endpoint: Endpoint, text: str) -> int | None:
    url = f"{endpoint.base_url.rstrip('/').removesuffix('/v1')}/tokenize"
    text = text.encode("utf-8", "replace").decode()  # half a character cannot be sent
    key = endpoint.api_key.get_secret_value() if endpoint.api_key else None
    headers = {"authorization": f"Bearer {key}"} if key else {}
    headers |= {"accept-encoding": "identity"} | {name: value.get_secret_value() for name, value in endpoint.headers}
    query = {name: value.get_secret_value() for name, value in endpoint.query}
    named = {"model": endpoint.model} if endpoint.model else {}
    try:
        async with (
            asyncio.timeout(SECONDS),
            httpx2.AsyncClient(
                verify=httpx2.create_ssl_context(),
                timeout=SECONDS,
                trust_env=not on_this_machine(endpoint.base_url),
                headers=headers,
                params=query or None,
            ) as client,
        ):
            for body in ({**named, "prompt": text}, {"content": text}):  # vLLM's, and llama.cpp's
                status, answer = await _answer(client, url, body)
                if status == OK and (count := _count_in(answer)):
                    return count
                if status in MISSING:
                    return None
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError, ValueError) as error:
        logger.debug("model %s: its counter did not answer", endpoint.name, exc_info=error)
    return None


async def _answer(client: httpx2.AsyncClient, url: str, body: dict[str, str]) -> tuple[int, Any]:
    """The status, and what the answer says. Raises `ValueError` for one that is no JSON, or no answer at all."""
    async with client.stream("POST", url, json=body) as response:
        read = bytearray()
        if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise ValueError("compressed, which was not asked for")
        async for chunk in response.aiter_raw():
            read += chunk
            if len(read) > MAX_BYTES:
                raise ValueError("longer than any answer")
        return response.status_code, json.loads(read) if response.status_code == OK else None


def _count_in(answer: Any) -> int | None:
    if not isinstance(answer, dict):
        return None
    count, tokens = answer.get("count"), answer.get("tokens")
    if isinstance(count, int) and not isinstance(count, bool) and count > 0:
        return count
    return len(tokens) or None if isinstance(tokens, list) else None

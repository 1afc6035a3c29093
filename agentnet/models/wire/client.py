"""The HTTP client of one endpoint: the one seam that its requests and answers pass."""

from typing import Any

import httpx2
from openai import DefaultAsyncHttpxClient

from agentnet.models.endpoints.endpoint import Endpoint


class WireClient(DefaultAsyncHttpxClient):
    """Proxies of the environment and limits of connections are those of the OpenAI client's own."""

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(timeout=endpoint.silence_seconds)
        self._endpoint = endpoint

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        """Answer one request of the OpenAI client. Raises `ModelError`."""
        return await super().send(request, **options)

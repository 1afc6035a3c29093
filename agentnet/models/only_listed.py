"""A model whose name nobody said: the only one that its endpoint lists, asked for before the first turn."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from agents import Model, OpenAIChatCompletionsModel, OpenAIResponsesModel

from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.listing import only_model


class OnlyListedModel(Model):
    """`inner` under the name that `endpoint` lists. A list that cannot be had is asked for again at the next turn."""

    def __init__(self, inner: OpenAIChatCompletionsModel | OpenAIResponsesModel, endpoint: Endpoint) -> None:
        self._inner = inner
        self._endpoint = endpoint
        self._finding = asyncio.Lock()

    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        """A turn in one piece. Raises `ModelError` also where the endpoint lists none, or several."""
        await self._find()
        return await self._inner.get_response(*args, **kwargs)

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """The events of a turn. Raises `ModelError` also where the endpoint lists none, or several."""
        await self._find()
        async for event in self._inner.stream_response(*args, **kwargs):
            yield event

    async def _find(self) -> None:
        async with self._finding:
            if not self._inner.model:
                self._inner.model = await only_model(self._endpoint)

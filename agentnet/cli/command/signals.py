"""The signals that end a command. Imports next to nothing: it is there before anything else is."""

import signal

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def deaf() -> None:
    """Hear no more signals: the process ends, and what it closes then must not be cut short."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)

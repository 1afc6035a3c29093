"""The signals that end a command. Imports next to nothing: it is there before anything else is."""

import signal
import sys

SIGNALS = (
    signal.SIGINT,
    signal.SIGTERM,
    # Of a terminal that is closed, unless `nohup` has it ignored: what was started must not stay behind.
    *((signal.SIGHUP,) if sys.platform != "win32" and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL else ()),
)


def deaf() -> None:
    """Hear no more signals: the process ends, and what it closes then must not be cut short."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)

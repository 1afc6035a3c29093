"""The two eras of MCP.

The modern era is revision 2026-07-28: each request stands alone, and a question to the client ends the call with
`input_required`. The legacy era is all before: sessions, and questions asked on the stream of the call.
"""

from enum import Enum


class Era(Enum):
    """The two generations of the protocol."""

    LEGACY = "legacy"
    MODERN = "modern"

"""Answers of others are asked for as they are: what a few compressed bytes unfold to is known when it is too late."""

from collections.abc import Mapping

IDENTITY = {"accept-encoding": "identity"}
"""Headers of a request."""


def is_encoded(headers: Mapping[str, str]) -> bool:
    """Whether a body is compressed, though `IDENTITY` was asked for."""
    return headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")

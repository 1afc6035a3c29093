"""What can be wrong with a tool's form, and with what a model gives it."""

from agentnet.errors import ConfigurationError, InvalidInputError


class UnfitError(ConfigurationError):
    """A tool that cannot be told to models; the message says why, as the end of a sentence about it."""


class BadArgumentsError(InvalidInputError):
    """What a model gave a tool does not fit; the message names the fields and what would be right."""

"""Agent Network: what every service stands on. Imports nothing from the services.

The modules `errors`, `settings` and `ids` are the ground: every folder may import them, and they import no folder.
`setting_kinds` has the types of settings. Start with `settings`.
"""

__version__: str


def __getattr__(name: str) -> str:
    """The version, looked up by those who ask for it: most commands do not, and it is 20 ms of their time."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("agentnet")
    except PackageNotFoundError:  # running from a checkout that was never installed
        return "0.0.0"

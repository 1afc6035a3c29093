"""ContextForge from PyPI, the widest used MCP gateway in Python, in a virtual environment of its own.

It runs as its documentation tells, one worker on SQLite with JWT, in the mode that is its fastest: stateful sessions
with plain JSON answers. What only costs it time is off: rate limits, its admin pages.
"""

import asyncio
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from bench.load import LoadError
from bench.processes import SERVER_CORE, Server, pin

VERSION = "1.1.0"
PYTHONS = ("3.12", "3.13")
"""Those that it runs on."""
DIRECTORY = Path(__file__).parents[1] / "build" / "bench" / f"contextforge-{VERSION}"
INSTALL_SECONDS = 600.0
START_SECONDS = 180.0
"""It makes its tables first, which takes ten seconds of a core, and more where that is shared."""
KIND = "contextforge"
ADMIN = "admin@example.com"
TOOL = "bench-echo"
PATH = "/mcp/"
RUN = """
import ctypes, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
import uvicorn
uvicorn.run("mcpgateway.main:app", host="127.0.0.1", port=int(sys.argv[1]), log_level="error", access_log=False)
"""
OPTIONS = {
    "CACHE_TYPE": "memory",
    "USE_STATEFUL_SESSIONS": "true",
    "JSON_RESPONSE_ENABLED": "true",
    "RATE_LIMITING_ENABLED": "false",
    "MCPGATEWAY_UI_ENABLED": "false",
    "MCPGATEWAY_ADMIN_API_ENABLED": "false",
    "SSRF_ALLOW_LOCALHOST": "true",
    "SSRF_ALLOW_PRIVATE_NETWORKS": "true",
    "LOG_LEVEL": "ERROR",
    "PLATFORM_ADMIN_EMAIL": ADMIN,
}


async def installed(say: Callable[[str], None]) -> Path:
    """Its Python, installed at the first call. Raises `LoadError` when that or the package cannot be had."""
    python = DIRECTORY / "bin" / "python"
    done = DIRECTORY / ".installed"
    if not done.exists():
        say(f"  installing ContextForge {VERSION} in {DIRECTORY.name}, once")
        await _output(await _python(), {}, "-m", "venv", "--clear", str(DIRECTORY))
        package = f"mcp-contextforge-gateway=={VERSION}"
        await _output(python, {}, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", package)
        done.touch()
    return python


async def _python() -> Path:
    """A Python that it runs on. Raises `LoadError`."""
    script = "import sys; print(sys.executable)"
    for version in PYTHONS:
        # pyenv's commands run nothing unless they are told which version is meant.
        environment = {**os.environ, "PYENV_VERSION": version}
        try:
            return Path((await _output(Path(f"python{version}"), environment, "-c", script)).strip())
        except (OSError, LoadError):
            continue
    raise LoadError(f"ContextForge {VERSION} needs Python {' or '.join(PYTHONS)}, of which there is none here.")


@asynccontextmanager
async def contextforge(upstream_url: str, say: Callable[[str], None]) -> AsyncIterator[Server]:
    """A ContextForge that has one MCP server behind it, for as long as the block runs."""
    python = await installed(say)
    with tempfile.TemporaryDirectory(prefix="contextforge-", ignore_cleanup_errors=True) as home:
        environment = _environment(Path(home))
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = int(probe.getsockname()[1])
        process = await asyncio.create_subprocess_exec(
            *(str(python), "-c", RUN, str(port)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
            cwd=home,
        )
        pin(SERVER_CORE, process.pid)
        mint = ("-m", "mcpgateway.utils.create_jwt_token", "--username", ADMIN, "--exp", "600")
        server = Server(KIND, port, "", process)
        try:
            server.key = (await _output(python, environment, *mint)).splitlines()[-1]
            await _register(server, upstream_url)
            yield server
        finally:
            if process.returncode is None:
                process.terminate()
            await server.stop()


def _environment(home: Path) -> dict[str, str]:
    names = (
        *("JWT_SECRET_KEY", "AUTH_ENCRYPTION_SECRET", "PLATFORM_ADMIN_PASSWORD", "BASIC_AUTH_PASSWORD"),
        "DEFAULT_USER_PASSWORD",
    )
    generated = {name: f"Aa1-{secrets.token_urlsafe(48)}" for name in names}
    return OPTIONS | generated | {"DATABASE_URL": f"sqlite:///{home / 'mcp.db'}", "HOME": str(home)}


async def _register(server: Server, upstream_url: str) -> None:
    """Put the server behind it, once it answers."""
    headers = {"authorization": f"Bearer {server.key}"}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{server.port}", headers=headers, timeout=30, trust_env=False
    ) as client:
        async with asyncio.timeout(START_SECONDS):
            while not await _answers(client):
                await asyncio.sleep(0.2)
        body = {"name": "bench", "url": upstream_url, "transport": "STREAMABLEHTTP"}
        answer = await client.post("/gateways", json=body)
    if answer.is_error:
        raise LoadError(f"ContextForge did not take the MCP server: HTTP {answer.status_code}: {answer.text[:300]}")


async def _answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/health")).is_success
    except httpx.TransportError:
        return False


async def _output(python: Path, environment: dict[str, str], *arguments: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(str(python), *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE if environment else sys.stderr,
        env=environment or None,
    )
    async with asyncio.timeout(INSTALL_SECONDS):
        said, _ = await process.communicate()
    if process.returncode:
        raise LoadError(f"{arguments[1]} of ContextForge's environment failed with {process.returncode}.")
    return said.decode()

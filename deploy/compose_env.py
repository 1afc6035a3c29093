"""Write `compose.env` with random secrets for docker compose, readable by its owner only, unless there is one.

Not `.env`: the command line in the same folder reads that, and would go to its own network with the containers' key.
"""

import os
import secrets
import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "compose.env"


def content() -> str:
    """The variables that docker-compose.yml requires."""
    values = {
        "POSTGRES_PASSWORD": secrets.token_hex(24),
        "REDIS_PASSWORD": secrets.token_hex(24),
        "AGENTNET_SECRET": secrets.token_hex(32),
        "AGENTNET_API_KEY": f"ank_{secrets.token_hex(6)}_{secrets.token_hex(32)}",
    }
    head = (
        "# Secrets of this machine's compose network; .env.example tells what else may stand here. Never commit it.\n"
    )
    return head + "".join(f"{name}={value}\n" for name, value in values.items())


def write(target: Path) -> bool:
    """Whether the file was made; one that is there stays as it is."""
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as file:
        file.write(content())
    return True


if __name__ == "__main__":
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    print(f"Wrote {path.name} with random secrets." if write(path) else f"{path.name} is there already: left as it is.")

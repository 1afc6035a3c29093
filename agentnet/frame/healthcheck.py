"""`python -m agentnet.frame.healthcheck URL`: exit 0 if the URL answers 2xx, 1 if not. Containers have no curl.

Standard library only, so that a check every few seconds costs little.
"""

import sys
import urllib.request

TIMEOUT_SECONDS = 4.0


def is_healthy(url: str) -> bool:
    """Whether `url` answers 2xx within `TIMEOUT_SECONDS`. Proxies of the environment are not used."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=TIMEOUT_SECONDS) as response:
            return bool(200 <= response.status < 300)
    except (OSError, ValueError) as error:
        print(f"{url}: {getattr(error, 'reason', None) or error}", file=sys.stderr)
        return False


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: python -m agentnet.frame.healthcheck URL")
    sys.exit(0 if is_healthy(sys.argv[1]) else 1)

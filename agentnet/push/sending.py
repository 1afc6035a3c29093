"""One try: a notification as an HTTP request that goes only where the SSRF guard lets it."""

import asyncio
from contextlib import suppress
from uuid import UUID

import httpx
from a2a.types.a2a_pb2 import TaskPushNotificationConfig

from agentnet.errors import AgentNetError
from agentnet.push.payload import MEDIA_TYPES
from agentnet.push.signing import Signer

REQUEST_SECONDS = 15.0
"""For one try, from looking the name up to the answer's status."""
ANSWER_SECONDS = 1.0
"""For the rest of the answer, which is read only so that the connection can be used again."""
MAX_ANSWER_BYTES = 64 * 1024
SIGNATURE_HEADER = "A2A-Notification-Signature"
TOKEN_HEADER = "X-A2A-Notification-Token"  # noqa: S105 - a header's name
ID_HEADER = "A2A-Notification-Id"


class SendError(Exception):
    """The notification was not taken; the message says why, for operators."""


class Sender:
    """Sends through `http`, which must be a client of the SSRF guard."""

    def __init__(self, http: httpx.AsyncClient, signer: Signer, *, request_seconds: float = REQUEST_SECONDS) -> None:
        self._http = http
        self._signer = signer
        self._request_seconds = request_seconds

    async def send(self, config: TaskPushNotificationConfig, version: str, delivery_id: UUID, body: bytes) -> None:
        """Send one notification. Raises `SendError` unless the receiver answers with 2xx."""
        token = await self._signer.sign(config.url, str(delivery_id), config.task_id, body)
        headers = _headers(config, token) | {"content-type": MEDIA_TYPES[version], ID_HEADER: str(delivery_id)}
        try:
            async with asyncio.timeout(self._request_seconds):
                await self._post(config.url, headers, body)
        except (TimeoutError, httpx.TimeoutException):
            raise SendError(f"no answer within {self._request_seconds:g} s") from None
        except AgentNetError as error:
            raise SendError(error.message) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise SendError(f"no connection ({type(error).__name__})") from None

    async def _post(self, url: str, headers: dict[str, str], body: bytes) -> None:
        request = self._http.build_request("POST", url, content=body, headers=headers)
        # A redirect would send the signed body, and the client's credentials, to somebody that it never named.
        response = await self._http.send(request, stream=True, follow_redirects=False)
        try:
            if not response.is_success:
                raise SendError(f"answered {response.status_code}")
            with suppress(TimeoutError, httpx.HTTPError, AgentNetError):
                async with asyncio.timeout(ANSWER_SECONDS):
                    async for _ in response.aiter_raw():  # nobody looks at it: what is compressed stays so
                        pass
        finally:
            await response.aclose()


def _headers(config: TaskPushNotificationConfig, signature: str) -> dict[str, str]:
    """Our signature always in a header of its own, and as `Authorization` where the client named no credentials."""
    scheme, credentials = config.authentication.scheme, config.authentication.credentials
    headers = {
        SIGNATURE_HEADER: signature,
        "authorization": f"{scheme} {credentials}" if credentials else f"Bearer {signature}",
    }
    if config.token:
        headers[TOKEN_HEADER] = config.token
    return headers

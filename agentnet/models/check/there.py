"""Whether an address is one of an OpenAI-compatible API, by its list of models; what else it is, and what was meant."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from agentnet.models.check.address import flipped, host_of, is_loopback, mended, others, unusable
from agentnet.models.check.asking import Answer, Asker, UnreachedError, Why, whole
from agentnet.models.check.finding import Advice, Finding
from agentnet.models.check.listed import Listing, listing_of
from agentnet.models.check.local import LocalServer, look
from agentnet.models.check.servers import OTHER, api_of
from agentnet.models.endpoints.address import shown
from agentnet.models.endpoints.endpoint import Endpoint
from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.refusals import failure_of

ADDRESS = "model address"
LIST = "model list"
KEY = "model key"
NO_LIST = (404, 405, 410, 501)
"""Statuses of a server that has no list at this path: the wrong path, or an API without one."""
CONTAINERS = (Path("/.dockerenv"), Path("/run/.containerenv"))

Say = Callable[[str], None]


@dataclass(frozen=True)
class Reached:
    """What is known of an address. Without a listing the check goes on where `goes_on` says so."""

    finding: Finding
    listing: Listing | None = None
    goes_on: bool = False


class Address:
    """The base URL of an endpoint, looked at."""

    def __init__(self, asker: Asker, endpoint: Endpoint, advice: Advice, say: Say, own_ports: Collection[int]) -> None:
        self._asker = asker
        self._url = endpoint.base_url
        self._where = shown(endpoint.base_url)
        self._path = "responses" if endpoint.speaks_responses else "chat/completions"
        self._keyed = endpoint.api_key is not None
        self._advice = advice
        self._say = say
        self._own_ports = own_ports

    async def look(self) -> Reached:
        """What is there."""
        if wrong := unusable(self._url):
            return await self._unusable(wrong)
        if is_loopback(self._url) and urlsplit(self._url).port in self._own_ports:
            todo = f"{self._advice.url} is for the address of a model's server."
            return self._wrong("is this network's own address", todo)
        try:
            answer = await self._patiently()
        except UnreachedError as error:
            return await self._unreached(error)
        if listing := listing_of(answer, self._url):
            return Reached(Finding(LIST, True, _listed(listing, self._where)), listing, goes_on=True)
        known = api_of(host_of(self._url))
        if known and known != self._url.rstrip("/") and await self._better([known]):
            return self._wrong(_what(answer), f"{self._advice.set_url(known)}, which answers.")
        if refused := self._refused(answer):
            return refused
        better = await self._better([*_led(answer, self._url), *others(self._url)])
        if better and not (answer.status in NO_LIST and await self._takes_calls()):
            return self._wrong(_what(answer), f"{self._advice.set_url(better)}, which answers.")
        return self._no_list(answer)

    async def _patiently(self) -> Answer:
        """The answer of a server that has loaded what it loads."""
        end, told = time.monotonic() + self._asker.bounds.loading_seconds, False
        while True:
            answer = await self._asker.get(f"{self._url.rstrip('/')}/models")
            is_loading = answer.status == 503 and _failure(answer).kind is Kind.LOADING
            if not is_loading or time.monotonic() > end:
                return answer
            if not told:
                self._say(f"{self._where} loads its model{_said(answer)}: waiting")
                told = True
            await asyncio.sleep(self._asker.bounds.pause_seconds)

    async def _unusable(self, wrong: str) -> Reached:
        found = f"{self._advice.url} {wrong}"
        meant = mended(self._url)
        if meant is None:
            todo = f"It looks like {self._advice.url}{self._advice.sets}http://127.0.0.1:11434/v1"
            return Reached(Finding(ADDRESS, False, found, todo))
        better = await self._better([meant, *others(meant)])
        return Reached(
            Finding(
                ADDRESS, False, found, f"{self._advice.set_url(better or meant)}{', which answers' * bool(better)}."
            )
        )

    async def _unreached(self, error: UnreachedError) -> Reached:
        if error.why in (Why.NO_TLS, Why.NO_HTTP):
            other = flipped(self._url)
            if better := await self._better([other, *others(other)]):
                spoken = "plain HTTP, no TLS" if better.startswith("http:") else "TLS, no plain HTTP"
                return self._wrong(f"speaks {spoken}", f"{self._advice.set_url(better)}, which answers.")
            if other.startswith("https:") and await self._has_certificate(other):
                todo = f"{self._advice.set_url(other)}, and name the certificate of its authority in SSL_CERT_FILE."
                return self._wrong("speaks TLS, no plain HTTP", todo)
        if error.why is Why.REFUSED and is_loopback(self._url) and (servers := await look(self._own_ports)):
            return self._wrong(error.found, f"{_answering(servers)} {self._advice.set_url(servers[0].base_url)}")
        return self._wrong(error.found, self._todo(error.why))

    def _todo(self, why: Why) -> str:
        match why:
            case Why.NAME:
                return f"Check the host in {self._advice.url}."
            case Why.REFUSED:
                inside = is_loopback(self._url) and any(mark.exists() for mark in CONTAINERS)
                host = " Its host is host.docker.internal, seen from a container." * inside
                return f"Start the model's server, or check the port in {self._advice.url}.{host}"
            case Why.CERTIFICATE:
                return "Name the certificate of its authority in SSL_CERT_FILE, or have it signed by a public one."
            case Why.SILENT:
                return "Is it busy, is a firewall between, or is the port another program's?"
            case _:
                return f"Check {self._advice.url}: is it the address of an OpenAI-compatible API?"

    def _refused(self, answer: Answer) -> Reached | None:
        """What a server says that has an API at this address, and no list for us; None where it may have none."""
        if answer.status < 400 or answer.status in NO_LIST:
            return None
        failure, said = _failure(answer), _said(answer)
        if failure.kind is Kind.KEY or (answer.status == 400 and "authorization" in said.lower()):
            return self._key_refused(said)
        found = f"{self._where} answers {answer.status}{said}"
        if failure.kind is Kind.QUOTA:
            return Reached(Finding(KEY, False, found, failure.hint or ""))
        if failure.kind is Kind.BUSY:
            wait = f"{failure.wait:.0f} s" if failure.wait else "a minute"
            return Reached(Finding(LIST, False, found, f"A limit of rate: ask again after {wait}."))
        if failure.kind is Kind.LOADING:
            return Reached(Finding(LIST, False, found, "It still loads its model: ask again later."))
        if answer.status >= 500:
            return Reached(Finding(LIST, False, found, "See the server's log: it is broken, or what it stands on."))
        return None

    def _key_refused(self, said: str) -> Reached:
        if "x-api-key" in said.lower():  # Anthropic's list wants a header of its own, its chat does not
            found = f"{self._where} lists its models to nobody with a bearer's key{said}"
            return Reached(Finding(LIST, True, found), goes_on=True)
        if self._keyed:
            return Reached(Finding(KEY, False, f"{self._where} refuses the key{said}", f"Check {self._advice.key}."))
        found = f"{self._where} wants a key, and none is set{said}"
        return Reached(Finding(KEY, False, found, f"Set {self._advice.key}."))

    async def _better(self, urls: Iterable[str]) -> str | None:
        """The first of `urls` that lists models, else the first that has a list behind a key."""
        tried = [url for url in dict.fromkeys(urls) if not unusable(url) and url.rstrip("/") != self._url]
        answers = dict(zip(tried, await asyncio.gather(*map(self._looked, tried)), strict=True))
        lists = (url for url, answer in answers.items() if answer and listing_of(answer, url))
        # Only where such an API usually is: many a program wants to know who asks for anything below /api.
        keys = (url for url, answer in answers.items() if answer and "/v1" in url and _is_behind_a_key(answer))
        return next(lists, None) or next(keys, None)

    async def _takes_calls(self) -> bool:
        """Whether an API is there that has no list: it is told apart by what it says of a call without content."""
        url = f"{self._url.rstrip('/')}/{self._path}"
        try:
            async with asyncio.timeout(self._asker.bounds.other_seconds), self._asker.post(url, {}) as response:
                return response.status_code not in NO_LIST and not (await whole(response)).is_page
        except (UnreachedError, TimeoutError):
            return False

    async def _has_certificate(self, url: str) -> bool:
        """Whether TLS is spoken there, with a certificate that is not trusted."""
        try:
            await self._asker.get(url, seconds=self._asker.bounds.other_seconds, keyed=False)
        except UnreachedError as error:
            return error.why is Why.CERTIFICATE
        return False

    async def _looked(self, url: str) -> Answer | None:
        # The key goes to the host that it was set for, and in clear to nobody beyond this machine.
        is_same = host_of(url) == host_of(self._url)
        is_hidden = url.startswith("https:") or not self._url.lower().startswith("https:") or is_loopback(url)
        try:
            bound = self._asker.bounds.other_seconds
            return await self._asker.get(f"{url.rstrip('/')}/models", seconds=bound, keyed=is_same and is_hidden)
        except UnreachedError:
            return None

    def _no_list(self, answer: Answer) -> Reached:
        if answer.status in NO_LIST:
            found = f"{self._where} has no list of models ({answer.status}{_said(answer)})"
            return Reached(Finding(LIST, True, found, "The call shows whether it is the right address."), goes_on=True)
        if answer.leads_to:
            todo = f"Is that a page to sign in? Set {self._advice.url} to the API itself."
        else:
            todo = f"Set {self._advice.url} to the API: with most servers its address ends in /v1."
        return self._wrong(_what(answer), todo)

    def _wrong(self, found: str, todo: str) -> Reached:
        return Reached(Finding(ADDRESS, False, f"{self._where} {found}", todo))


def _failure(answer: Answer) -> ModelError:
    return failure_of(answer.status, answer.headers, answer.body)


def _is_behind_a_key(answer: Answer) -> bool:
    is_told = answer.json is not None or answer.status == 401
    return 400 <= answer.status < 500 and is_told and _failure(answer).kind is Kind.KEY


def _led(answer: Answer, url: str) -> list[str]:
    """The base URL to which the answer leads at the same host."""
    place = (answer.leads_to or "").partition("?")[0].rstrip("/")
    if place.endswith("/models") and host_of(place) == host_of(url):
        return [place.removesuffix("/models")]
    # nginx and Go answer in plain HTTP that TLS was due
    return [flipped(url), *others(flipped(url))] if answer.status == 400 and "https" in answer.words.lower() else []


def _listed(listing: Listing, where: str) -> str:
    whose = "" if listing.server is OTHER else f" by {listing.server.name}"
    count = len(listing.names)
    return f"{count} model{'' if count == 1 else 's'} listed{whose} at {where}"


def _what(answer: Answer) -> str:
    """What an answer is that is no list of models; follows the address."""
    words = answer.words
    if place := answer.leads_to:
        return f"leads to {shown(place)}"
    if answer.status != 200:
        return f"has no list of models ({answer.status}{_said(answer)})"
    if answer.is_page:
        return f"is a web page{f' (“{words}”)' if words else ''}, no API"
    if answer.is_cut:
        return "answers without an end where its list of models should be"
    if answer.json is None:
        return f"answers with text that is no JSON{_said(answer)}"
    has_error = isinstance(answer.json, Mapping) and "error" in answer.json
    return f"answers with JSON that is no list of models{_said(answer) if has_error else ''}"


def _said(answer: Answer) -> str:
    return f": {answer.words}" if answer.words else ""


def _answering(servers: Sequence[LocalServer]) -> str:
    found = " and ".join(f"{each.server.name} at {each.base_url}" for each in servers)
    return f"{found[0].upper()}{found[1:]} answer{'s' if len(servers) == 1 else ''}."

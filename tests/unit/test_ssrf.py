import asyncio
import gzip
import socket
import ssl
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import httpx
import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from agentnet.errors import InvalidInputError, TooLargeError, UnavailableError, UnsafeUrlError
from agentnet.http.ssrf import check_form, check_url, fetch, guarded_client, is_allowed

pytestmark = pytest.mark.anyio

PUBLIC = "93.184.216.34"


def resolver(*answers):
    """Answers each look-up with the next of `answers`, the last one for ever."""
    left = list(answers)

    async def resolve(host, port):
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


@asynccontextmanager
async def site(tls=None, **paths):
    """A real server on a free port; `paths` are endpoints."""
    routes = [Route(f"/{name}", endpoint) for name, endpoint in paths.items()]
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    files = {"ssl_certfile": tls, "ssl_keyfile": tls} if tls else {}
    config = uvicorn.Config(Starlette(routes=routes), log_config=None, lifespan="off", ws="none", **files)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await serving


async def hello(request):
    return PlainTextResponse(f"hello {request.headers['host']}")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "100.100.100.200",
        "0.0.0.0", "224.0.0.1", "255.255.255.255", "192.0.2.1", "198.18.0.1", "168.63.129.16", "::1", "::",
        "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1",
        "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b:1::1", "2001::1", "2001:db8::1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address):
    assert not is_allowed(ip_address(address))


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700:4700::1111", "2a00:1450::1"])
def test_public_addresses_pass(address):
    assert is_allowed(ip_address(address))


def test_private_addresses_pass_where_that_is_allowed_but_never_the_metadata_of_clouds():
    assert is_allowed(ip_address("10.1.2.3"), allow_private=True)
    assert is_allowed(ip_address("127.0.0.1"), allow_private=True)
    assert is_allowed(ip_address("fd12::1"), allow_private=True)
    for address in ("169.254.169.254", "168.63.129.16", "100.100.100.200", "fd00:ec2::254", "fd20:ce::254"):
        assert not is_allowed(ip_address(address), allow_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.com/x", "file:///etc/passwd", "gopher://example.com", "javascript:alert(1)", "example.com", "",
        "http://", "http://user:pass@example.com", "http://user@example.com", "http://example.com:22/",
        "http://example.com:8x/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://127.1/",
        "http://0x7f.1/", "http://1.2.3.04/", "https://example.com/" + "a" * 2048,
    ],
)  # fmt: skip
def test_urls_of_an_unsafe_form_are_refused(url):
    with pytest.raises(UnsafeUrlError):
        check_form(url)


@pytest.mark.parametrize(
    "url", ["http://example.com", "https://example.com:8443/a?b=c#d", "http://93.184.216.34/", "https://1password.com"]
)
def test_urls_of_a_safe_form_pass(url):
    assert check_form(url).scheme in {"http", "https"}


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/meta-data",
     "http://localhost/", "http://127.0.0.1.:80/", "http://[fe80::1]/"],
)  # fmt: skip
async def test_urls_that_lead_inside_are_refused(url):
    with pytest.raises(UnsafeUrlError):
        await check_url(url)


async def test_one_private_address_among_public_ones_is_enough_to_refuse():
    with pytest.raises(UnsafeUrlError, match="does not lead to a public address"):
        await check_url("http://example.com", resolve=resolver([PUBLIC, "10.0.0.1"]))
    target = await check_url("http://example.com", resolve=resolver([PUBLIC]))
    assert target.addresses == (PUBLIC,)


async def test_a_host_that_nobody_knows_is_refused():
    async def unknown(host, port):
        raise socket.gaierror

    with pytest.raises(UnsafeUrlError, match="cannot be found"):
        await check_url("http://example.com", resolve=unknown)


async def test_a_name_that_changes_its_meaning_after_the_check_is_refused_at_the_connection():
    rebinding = resolver([PUBLIC], ["127.0.0.1"])
    async with site(hello=hello) as port:
        await check_url(f"http://rebind.example:{port}/hello", resolve=rebinding)
        async with guarded_client(resolve=rebinding) as client:
            with pytest.raises(UnsafeUrlError, match="does not lead to a public address"):
                await client.get(f"http://rebind.example:{port}/hello")


async def test_the_connection_goes_to_the_checked_address_and_keeps_the_name():
    async with site(hello=hello) as port, guarded_client(allow_private=True, resolve=resolver(["127.0.0.1"])) as client:
        response = await client.get(f"http://inside.example:{port}/hello")
    assert response.text == f"hello inside.example:{port}"


async def test_the_next_address_is_tried_when_one_does_not_answer():
    async with site(hello=hello) as port:
        async with guarded_client(allow_private=True, resolve=resolver(["::1", "127.0.0.1"])) as client:
            assert (await client.get(f"http://two.example:{port}/hello")).status_code == 200


async def test_every_hop_of_a_redirect_is_checked():
    async def away(request):
        return RedirectResponse(request.query_params["to"])

    async with site(away=away) as port, guarded_client(allow_private=True) as client:
        for target in ("http://169.254.169.254/latest", "http://user:pw@127.0.0.1:9999/", "http://127.0.0.1:22/"):
            with pytest.raises(UnsafeUrlError):
                await client.get(f"http://127.0.0.1:{port}/away", params={"to": target})


async def test_a_circle_of_redirects_ends():
    async def circle(request):
        return RedirectResponse("/circle")

    async with site(circle=circle) as port, guarded_client(allow_private=True) as client:
        with pytest.raises(UnsafeUrlError, match="more than 5 redirects"):
            await fetch(client, f"http://127.0.0.1:{port}/circle", media_types={"text/"})


async def test_a_body_over_the_limit_is_cut_off_whether_it_says_its_length_or_not():
    async def said(request):
        return PlainTextResponse("x" * 2000)

    async def endless(request):
        async def chunks():
            while True:
                yield b"x" * 500
                await asyncio.sleep(0)  # lets the server see that the client has gone

        return StreamingResponse(chunks(), media_type="text/plain")

    async def bomb(request):
        return Response(gzip.compress(b"x" * 100_000), media_type="text/plain", headers={"content-encoding": "gzip"})

    async with site(said=said, endless=endless, bomb=bomb) as port:
        async with guarded_client(allow_private=True, max_bytes=1000) as client:
            for path in ("said", "endless"):
                with pytest.raises(TooLargeError, match="1000 bytes"):
                    await client.get(f"http://127.0.0.1:{port}/{path}")
            with pytest.raises(TooLargeError):
                await fetch(client, f"http://127.0.0.1:{port}/bomb", media_types={"text/"}, max_bytes=1000)


async def test_other_types_and_sites_that_stall_are_told():
    async def picture(request):
        return Response(b"x", media_type="image/png")

    async def stalled(request):
        await request.body()
        await request.receive()  # returns when the client has gone
        return Response()

    async with site(picture=picture, stalled=stalled) as port, guarded_client(allow_private=True) as client:
        with pytest.raises(InvalidInputError, match="image/png"):
            await fetch(client, f"http://127.0.0.1:{port}/picture", media_types={"text/"})
        with pytest.raises(UnavailableError, match=r"within 0\.05 seconds"):
            await fetch(client, f"http://127.0.0.1:{port}/stalled", media_types={"text/"}, seconds=0.05)


async def test_a_site_that_is_away_is_told(unused_port):
    async with guarded_client(allow_private=True) as client:
        with pytest.raises(UnavailableError, match="does not answer"):
            await fetch(client, f"http://127.0.0.1:{unused_port}/", media_types={"text/"})


@pytest.fixture
def unused_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        yield listener.getsockname()[1]


async def test_proxies_of_the_environment_are_not_used(monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with site(hello=hello) as port, guarded_client(allow_private=True) as client:
        assert isinstance(client, httpx.AsyncClient)
        assert (await client.get(f"http://127.0.0.1:{port}/hello")).status_code == 200


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate of inside.example and its key, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "inside.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("inside.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path / "site.pem"
    path.write_bytes(private + made.public_bytes(pem))
    return path


async def test_a_certificate_is_checked_against_the_name_and_not_the_pinned_address(certificate):
    trusted = ssl.create_default_context(cafile=str(certificate))
    async with site(tls=certificate, hello=hello) as port:
        async with guarded_client(allow_private=True, resolve=resolver(["127.0.0.1"]), verify=trusted) as client:
            assert (await client.get(f"https://inside.example:{port}/hello")).status_code == 200
            with pytest.raises(httpx.ConnectError, match="Hostname mismatch"):
                await client.get(f"https://other.example:{port}/hello")

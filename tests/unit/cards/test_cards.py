"""Cards are read by the clients of both generations of A2A."""

import copy
import json
from typing import Any

import httpx
import pytest
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.client.card_resolver import parse_agent_card
from a2a.compat.v0_3.types import AgentCard as LegacyCard
from a2a.types.a2a_pb2 import AgentCard
from starlette.applications import Starlette

from agentnet.manifests.manifest import Manifest
from agentnet.tasks.steps import STEPS
from cards import CardResponse, build_card, card_to_json, entry_from_card, entry_words, rewrite_card

pytestmark = pytest.mark.anyio

BASE = "http://agent.test:8710"
MANIFEST = Manifest.model_validate(
    {
        "name": "analyst",
        "description": "Analyses tables and draws charts.",
        "skills": [
            {
                "id": "draw-chart",
                "name": "Draw a chart",
                "description": "Draws bar and line charts from CSV files.",
                "tags": ["chart", "csv"],
                "examples": ["Plot the sales per month"],
                "output_modes": ["image/png"],
            },
            {"id": "describe-table", "name": "Describe a table", "description": "Statistics of each column."},
        ],
    }
)


def _card(**options: Any) -> AgentCard:
    return build_card(MANIFEST, BASE, definition="1.0.0+3f2a91c04b7d", **options)


def _client(served: CardResponse) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(Starlette(routes=served.routes())), base_url=BASE)


def test_a_card_says_all_that_the_manifest_says() -> None:
    card = card_to_json(_card(documentation_url="https://docs.test/"))
    assert (card["name"], card["description"]) == ("analyst", "Analyses tables and draws charts.")
    assert card["version"] == "1.0.0+3f2a91c04b7d"
    assert card["documentationUrl"] == "https://docs.test/"
    assert card["defaultInputModes"] == ["text/plain", "application/json"]
    assert card["skills"][0] == {
        "id": "draw-chart",
        "name": "Draw a chart",
        "description": "Draws bar and line charts from CSV files.",
        "tags": ["chart", "csv"],
        "examples": ["Plot the sales per month"],
        "outputModes": ["image/png"],
    }
    assert card["skills"][1]["tags"] == ["describe-table"]


def test_a_card_tells_its_capabilities_and_either_credential_is_enough() -> None:
    card = card_to_json(_card())
    assert card["capabilities"]["streaming"] is True
    assert card["capabilities"]["pushNotifications"] is False
    assert card["capabilities"]["extendedAgentCard"] is True
    assert [(item["uri"], item["required"]) for item in card["capabilities"]["extensions"]] == [(STEPS, False)]
    assert card["securityRequirements"] == [{"schemes": {"bearer": {}}}, {"schemes": {"apiKey": {}}}]
    assert card["security"] == [{"bearer": []}, {"apiKey": []}]
    assert _card(push_notifications=True).capabilities.push_notifications


def _with(**fields: Any) -> Any:
    manifest = Manifest.model_validate(MANIFEST.model_dump() | fields)
    return card_to_json(build_card(manifest, BASE, definition="1", push_notifications=True))["capabilities"]


@pytest.mark.parametrize(
    ("key", "said"),
    [("streaming", "streaming"), ("push_notifications", "pushNotifications"), ("extended_card", "extendedAgentCard")],
)
def test_a_manifest_switches_capabilities_off_one_by_one(key: str, said: str) -> None:
    rest = {"streaming", "pushNotifications", "extendedAgentCard"} - {said}
    capabilities = _with(capabilities={key: False})
    assert capabilities.get(said, False) is False
    assert all(capabilities[other] is True for other in rest)


def test_a_manifest_names_extensions_and_may_require_them() -> None:
    loud = {"uri": "https://example.org/loud", "description": "Shouts.", "required": True, "params": {"by": 3}}
    listed = _with(extensions=[loud, {"uri": "https://example.org/calm"}])["extensions"]
    assert listed[1] == loud
    assert [(item["uri"], item.get("required", False)) for item in listed] == [
        (STEPS, False),
        ("https://example.org/loud", True),
        ("https://example.org/calm", False),
    ]
    [steps] = _with(extensions=[{"uri": STEPS, "required": True}])["extensions"]
    assert (steps["uri"], steps["required"]) == (STEPS, True)


def test_a_card_lists_the_interfaces_of_both_generations() -> None:
    card = card_to_json(_card())
    assert [
        (item["protocolBinding"], item["url"], item["protocolVersion"]) for item in card["supportedInterfaces"]
    ] == [(*at, version) for version in ("1.0", "0.3") for at in (("JSONRPC", f"{BASE}/"), ("HTTP+JSON", BASE))]
    assert (card["url"], card["preferredTransport"], card["protocolVersion"]) == (f"{BASE}/", "JSONRPC", "0.3")
    assert card["additionalInterfaces"] == [
        {"url": f"{BASE}/", "transport": "JSONRPC"},
        {"url": BASE, "transport": "HTTP+JSON"},
    ]
    assert card["supportsAuthenticatedExtendedCard"] is True


def test_a_card_lists_grpc_as_a_bare_address() -> None:
    card = card_to_json(_card(grpc_address="agent.test:8790"))
    grpc = [item for item in card["supportedInterfaces"] if item["protocolBinding"] == "GRPC"]
    assert [(item["url"], item["protocolVersion"]) for item in grpc] == [
        ("agent.test:8790", "1.0"),
        ("agent.test:8790", "0.3"),
    ]
    assert {"url": "agent.test:8790", "transport": "GRPC"} in card["additionalInterfaces"]


def test_the_pydantic_card_of_0_3_validates_what_is_served() -> None:
    legacy = LegacyCard.model_validate(json.loads(json.dumps(card_to_json(_card()))))
    assert legacy.url == f"{BASE}/"
    assert legacy.security_schemes is not None
    assert legacy.security_schemes["apiKey"].root.name == "X-API-Key"  # type: ignore[union-attr]


@pytest.mark.parametrize("path", ["/.well-known/agent-card.json", "/.well-known/agent.json"])
async def test_the_sdk_resolves_and_makes_a_client_from_both_addresses(path: str) -> None:
    async with _client(CardResponse(_card())) as http:
        card = await A2ACardResolver(http, BASE, path).get_agent_card()
        assert card == _card()
        for bindings in (["JSONRPC"], ["HTTP+JSON"]):
            ClientFactory(ClientConfig(httpx_client=http, supported_protocol_bindings=bindings)).create(card)


async def test_a_served_card_is_cacheable_and_the_same_at_both_addresses() -> None:
    async with _client(CardResponse(_card())) as http:
        first = await http.get("/.well-known/agent-card.json")
        second = await http.get("/.well-known/agent.json")
        head = await http.head("/.well-known/agent-card.json")
    assert first.content == second.content
    assert first.headers["content-type"] == "application/json"
    assert first.headers["cache-control"] == "public, max-age=60"
    assert first.headers["last-modified"].endswith("GMT")
    assert head.headers["etag"] == first.headers["etag"] == second.headers["etag"]
    assert head.headers["content-length"] == str(len(first.content))


async def test_a_client_that_has_the_card_gets_304() -> None:
    served = CardResponse(_card())
    async with _client(served) as http:
        for tag in (served.etag, f"W/{served.etag}", "*", f'"other", {served.etag}'):
            answer = await http.get("/.well-known/agent.json", headers={"if-none-match": tag})
            assert (answer.status_code, answer.content) == (304, b"")
        assert (await http.get("/.well-known/agent.json", headers={"if-none-match": '"other"'})).status_code == 200
        modified = (await http.get("/.well-known/agent.json")).headers["last-modified"]
        by_date = await http.get("/.well-known/agent.json", headers={"if-modified-since": modified})
        assert by_date.status_code == 304
        odd = await http.get("/.well-known/agent.json", headers={"if-modified-since": "yesterday"})
        assert odd.status_code == 200


async def test_a_card_is_replaced_while_it_is_served() -> None:
    served = CardResponse(_card())
    before = served.etag
    served.update(_card())
    assert served.etag == before
    served.update(rewrite_card(card_to_json(_card()), "https://gateway.test/agents/analyst"))
    assert served.etag != before
    async with _client(served) as http:
        assert (await http.get("/.well-known/agent.json")).json()["url"] == "https://gateway.test/agents/analyst/"


def test_a_rewritten_card_leads_to_the_gateway_only() -> None:
    original = card_to_json(_card())
    kept = copy.deepcopy(original)
    rewritten = rewrite_card(original, "https://gateway.test/agents/analyst/")
    assert original == kept
    assert BASE not in json.dumps(rewritten)
    assert {item["url"] for item in rewritten["supportedInterfaces"]} == {
        "https://gateway.test/agents/analyst/",
        "https://gateway.test/agents/analyst",
    }
    assert rewritten["securitySchemes"] == original["securitySchemes"]
    LegacyCard.model_validate(rewritten)
    assert len(parse_agent_card(rewritten).supported_interfaces) == 4


@pytest.mark.parametrize(
    ("binding", "version", "address"),
    [
        ("JSONRPC", "1.0", "https://g/"),
        ("JSONRPC", "0.3", "https://g/"),
        ("HTTP+JSON", "1.0", "https://g"),
        ("HTTP+JSON", "1.0.1", "https://g"),
        ("HTTP+JSON", "0.3", "https://g/agents/x"),
        ("HTTP+JSON", "0.3.0", "https://g/agents/x"),
        ("HTTP+JSON", "", "https://g"),
    ],
)
def test_rest_of_0_3_alone_is_led_to_an_address_of_its_own(binding: str, version: str, address: str) -> None:
    interface = {"url": "http://a", "protocolBinding": binding, "protocolVersion": version}
    card = rewrite_card({"supportedInterfaces": [interface]}, "https://g", "https://g/agents/x")
    assert card["supportedInterfaces"] == [interface | {"url": address}]
    if version.startswith("0.3"):
        legacy = {"url": "http://a", "preferredTransport": binding, "protocolVersion": version}
        assert rewrite_card(legacy, "https://g", "https://g/agents/x")["url"] == address


def test_a_rewritten_card_drops_grpc_duplicates_and_signatures() -> None:
    card = {
        "name": "x",
        "supportedInterfaces": [
            {"url": "agent.test:50051", "protocolBinding": "GRPC", "protocolVersion": "1.0"},
            {"url": "http://a/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": "http://b/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": "http://a", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0", "tenant": "acme"},
        ],
        "signatures": [{"protected": "e30", "signature": "x"}],
    }
    assert rewrite_card(card, "https://g") == {
        "name": "x",
        "supportedInterfaces": [
            {"url": "https://g/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": "https://g", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0", "tenant": "acme"},
        ],
    }


def test_a_legacy_card_that_prefers_grpc_gets_a_main_address_that_is_relayed() -> None:
    card = {
        "url": "agent.test:50051",
        "preferredTransport": "GRPC",
        "protocolVersion": "0.3.0",
        "additionalInterfaces": [
            {"url": "agent.test:50051", "transport": "GRPC"},
            {"url": "http://a/v1", "transport": "HTTP+JSON"},
        ],
    }
    assert rewrite_card(card, "https://g") == {
        "url": "https://g",
        "preferredTransport": "HTTP+JSON",
        "protocolVersion": "0.3.0",
        "additionalInterfaces": [{"url": "https://g", "transport": "HTTP+JSON"}],
    }
    assert rewrite_card({"url": "a:1", "preferredTransport": "GRPC"}, "https://g") == {}


def test_an_entry_holds_what_an_agent_is_found_by() -> None:
    card = card_to_json(_card())
    entry = entry_from_card(card, BASE, "replica-1", "*")
    assert (entry.kind, entry.name, entry.instance, entry.url) == ("agent", "analyst", "replica-1", BASE)
    assert entry.skills == ["draw-chart", "describe-table"]
    assert entry.document == card
    for word in ("draw-chart", "csv", "Plot the sales per month", "Statistics"):
        assert word in entry.words


def test_the_words_of_a_long_card_are_cut_at_a_word() -> None:
    skills = [{"id": f"skill-{number}", "description": "überlang " * 200} for number in range(64)]
    words = entry_words({"skills": skills})
    assert len(words.encode()) <= 16 * 1024
    assert "skill-63" in words
    assert words.endswith("überlang")

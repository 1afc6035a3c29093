"""The a2a-sdk's Python client, in every binding and version that the cards offer."""

import httpx
import pytest
from a2a.client import A2AClientError
from a2a.client.card_resolver import A2ACardResolver

from tests.conformance.network import AGENTS, UpNetwork
from tests.conformance.sdk_client import client_for, send
from tests.patience import PATIENCE_SECONDS

QUESTION = "What does the documentation say about leases?"
ANSWER = "concepts.md"
"""The document that it must come from: these tests judge the way there, not the wording."""
BINDINGS = [("JSONRPC", "1.0"), ("HTTP+JSON", "1.0"), ("JSONRPC", "0.3")]


@pytest.mark.parametrize("streaming", [True, False], ids=["streaming", "blocking"])
@pytest.mark.parametrize(("binding", "version"), BINDINGS, ids=[" ".join(each) for each in BINDINGS])
async def test_a_client_gets_a_task_done(network: UpNetwork, binding: str, version: str, streaming: bool) -> None:
    agent = f"{network.url}/agents/researcher"
    async with client_for(agent, network.key, binding=binding, version=version, streaming=streaming) as client:
        outcome = await send(client, QUESTION)
    assert outcome.completed, outcome
    assert ANSWER in outcome.text.lower()
    if streaming:
        assert outcome.events[0] == "task"
        assert outcome.events[-1] == "status_update"


async def test_the_root_of_the_gateway_is_the_concierge_for_the_whole_network(network: UpNetwork) -> None:
    async with client_for(network.url, network.key) as client:
        outcome = await send(client, QUESTION)
    assert outcome.completed, outcome
    assert ANSWER in outcome.text.lower()


@pytest.mark.parametrize("name", sorted(AGENTS))
async def test_every_agent_has_a_card_that_needs_no_key_and_leads_to_the_gateway(network: UpNetwork, name: str) -> None:
    async with httpx.AsyncClient(trust_env=False, timeout=PATIENCE_SECONDS) as http:
        card = await A2ACardResolver(http, f"{network.url}/agents/{name}").get_agent_card()
    assert card.name == name
    assert card.skills
    assert all(interface.url.startswith(network.url) for interface in card.supported_interfaces)


async def test_a_client_with_a_wrong_key_is_refused(network: UpNetwork) -> None:
    with pytest.raises(A2AClientError, match="401"):
        async with client_for(network.url, "ank_0123456789ab_" + "x" * 43) as client:
            await send(client, QUESTION)

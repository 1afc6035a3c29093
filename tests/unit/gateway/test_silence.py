"""How long the gateway lets an agent or a server be silent."""

import pytest

from agentnet.settings import Settings
from gateway.http.transport import IDLE_SECONDS
from gateway.service import silence_of


@pytest.mark.parametrize("seconds", [1.0, 300.0, 86_400.0])
def test_no_call_is_given_up_for_silence_before_its_time(seconds: float) -> None:
    silence = silence_of(Settings(mcp_call_seconds=seconds, _env_file=None))
    assert silence > seconds
    assert silence >= IDLE_SECONDS

"""The ways through the door stay short: how many of its files a call crosses, from the door to its server and back."""

import asyncio
import sys
from types import FrameType

import pytest

from tests.integration.gateway.mcp.conftest import ERAS, ROOT, Place

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("era", ERAS)]

LONGEST = {"everything": 25, "alone": 15}
"""Files of `gateway/mcp`, by profile: of many servers, and of one only."""
BEFORE_THE_DOOR = frozenset({"gateway/mcp/guard.py"})


class Crossed:
    """The files of the gateway in which a function ran while the block did, each with those functions."""

    def __init__(self) -> None:
        self.files: dict[str, set[str]] = {}

    def __enter__(self) -> "Crossed":
        sys.setprofile(self._look)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def of(self, folder: str) -> list[str]:
        """Those below a folder of the checkout."""
        return sorted(file for file in self.files if file.startswith(folder) and file not in BEFORE_THE_DOOR)

    def _look(self, frame: FrameType, event: str, _: object) -> None:
        name = frame.f_code.co_filename
        if event == "call" and name.startswith(f"{ROOT}/gateway/"):
            self.files.setdefault(name.removeprefix(f"{ROOT}/"), set()).add(frame.f_code.co_name)


@pytest.mark.parametrize("profile", LONGEST)
async def test_a_call_crosses_few_files_from_the_door_to_its_server_and_back(
    place: Place, era: str, profile: str
) -> None:
    await place.network.agent("concierge")
    await place.server("alpha")
    await place.server("beta")
    await place.put_profile("everything")
    await place.put_profile("alone", servers=["alpha"], agents=[])
    name = "echo" if profile == "alone" else "alpha__echo"
    async with place.host(era, profile) as client:
        await client.list_tools()
        await client.call_tool(name, {"text": "the first call asks what the later ones know"})
        await asyncio.sleep(0)
        with Crossed() as crossed:
            await client.call_tool(name, {"text": "hi"})
    crossed_files = crossed.of("gateway/mcp/")
    assert len(crossed_files) <= LONGEST[profile], "\n".join(crossed_files)

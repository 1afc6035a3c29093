"""The load generator of the A2A benchmark, straight at an agent and through a gateway."""

import pytest

from bench.a2a_load import CHUNKS, Binding, Operation, closed_loop
from bench.a2a_relay import WAYS, serving
from bench.load import LoadError
from bench.processes import Bed

pytestmark = pytest.mark.anyio
SECONDS = 0.2
NOWHERE = "00000000-0000-4000-8000-000000000000"


async def test_every_request_of_both_bindings_is_answered_straight_and_relayed() -> None:
    async with Bed.open() as bed, serving(bed) as network:
        for way in WAYS:
            address = network.addresses[way]
            for operation in Operation:
                for binding in Binding:
                    load = await closed_loop(address, binding, operation, network.task_id, 2, SECONDS)
                    answers = len(load.latencies)
                    assert answers >= 2, (way, operation, binding)
                    assert load.count == (answers * CHUNKS if operation is Operation.STREAM else answers)
                with pytest.raises(LoadError):
                    await closed_loop(address, Binding.REST, Operation.GET, NOWHERE, 1, SECONDS)

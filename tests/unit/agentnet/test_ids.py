"""Ids are told apart, whoever makes them."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from agentnet.ids import AT_ONCE, new_id, uuid7

MANY = 3 * AT_ONCE + 1


def test_ids_are_version_7_and_never_the_same() -> None:
    made = [UUID(new_id()) for _ in range(MANY)] + [uuid7() for _ in range(MANY)]
    assert len(set(made)) == len(made)
    assert {(each.version, each.variant) for each in made} == {(7, "specified in RFC 4122")}


def test_threads_make_different_ids() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = [each for ids in pool.map(lambda _: [new_id() for _ in range(MANY)], range(8)) for each in ids]
    assert len(set(made)) == len(made)


FORKS = """
import os
from agentnet.ids import new_id
new_id()
reader, writer = os.pipe()
child = os.fork()
mine = [new_id()[24:] for _ in range(50)]
if not child:
    os.write(writer, " ".join(mine).encode())
    os._exit(0)
os.waitpid(child, 0)
assert not set(mine) & set(os.read(reader, 100_000).decode().split()), "the same random bytes in two processes"
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_makes_ids_of_its_own() -> None:
    subprocess.run([sys.executable, "-c", FORKS], check=True)

"""A models.yaml that is no file, or holds thousands of keys, is told of in time."""

import os
import time
from pathlib import Path

import pytest

from agentnet.errors import ConfigurationError
from agentnet.models.endpoints.strict_yaml import read_yaml


def test_a_pipe_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(ConfigurationError, match="cannot be read: it is no file"):
            read_yaml(path)
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        read_yaml(tmp_path / "missing.yaml")


@pytest.mark.parametrize("twice", [False, True])
def test_keys_are_compared_in_the_time_that_they_take_to_read(tmp_path: Path, twice: bool) -> None:
    def seconds(count: int) -> float:
        keys = [f"k{number}: 1" for number in range(count)]
        (tmp_path / "models.yaml").write_text("\n".join([*keys, *(["k7: 2"] if twice else [])]))
        began = time.process_time()
        if twice:
            with pytest.raises(ConfigurationError, match=f"line {count + 1} is not YAML: the key 'k7' stands twice"):
                read_yaml(tmp_path / "models.yaml")
        else:
            assert len(read_yaml(tmp_path / "models.yaml")) == count
        return time.process_time() - began

    assert seconds(20_000) < 40 * seconds(2_000)  # ten times as much; a hundred times if each is held against each

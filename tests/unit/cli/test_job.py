from pathlib import Path

import pytest

from agentnet.cli.tasks.job import Job
from agentnet.errors import NotFoundError, TooLargeError


def test_a_job_carries_its_files_with_their_types(tmp_path: Path) -> None:
    (tmp_path / "report.csv").write_bytes(b"a,b\n1,2\n")
    (tmp_path / "notes").write_bytes(b"\x00")
    job = Job("Sum b.", files=(tmp_path / "report.csv", tmp_path / "notes"))
    text, table, other = job.message(1000).parts
    assert text.text == "Sum b."
    assert (table.filename, table.media_type, table.raw) == ("report.csv", "text/csv", b"a,b\n1,2\n")
    assert other.media_type == "application/octet-stream"


def test_a_file_over_the_limit_is_refused_with_the_limit(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 11)
    with pytest.raises(TooLargeError, match="the limit is 10 bytes"):
        Job("x", files=(tmp_path / "big",)).message(10)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is not a file"):
        Job("x", files=(tmp_path,)).message(10)


def test_an_answer_names_its_task() -> None:
    assert Job("1984", task_id="t1").message(10).task_id == "t1"

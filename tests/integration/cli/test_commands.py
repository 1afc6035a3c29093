import asyncio
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import psutil
import pytest

from agentnet.settings import Settings
from tests.databases import Databases
from tests.integration.cli.conftest import new_settings, starting
from tests.integration.cli.standins import PNG

Start = Callable[..., "subprocess.Popen[str]"]
RUN_SECONDS = 240.0
"""A command that starts a network, and a database for it, on a busy machine."""
STOP_SECONDS = 120.0


def line_with(process: "subprocess.Popen[str]", words: str, stream: str = "stderr") -> str:
    """The next line on stderr, or on stdout, that holds `words`."""
    seen = []
    for line in getattr(process, stream):
        seen.append(line)
        if words in line:
            return str(line)
    raise AssertionError(f"{words!r} never came: {''.join(seen)}")


@contextmanager
def network_up(start: Start) -> Iterator[None]:
    process = start("up", "--json", "--only", "toolbox")
    line_with(process, "Ready")
    yield
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=STOP_SECONDS)
    assert process.returncode == 0, errors


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """A network for tests that mind nobody else's tasks in it."""
    with new_settings() as settings, starting(settings, tmp_path_factory.mktemp("network")) as start, network_up(start):
        yield settings


@pytest.fixture
def there(network: Settings, tmp_path: Path) -> Iterator[Start]:
    """Starts commands that find the network."""
    with starting(network, tmp_path) as start:
        yield start


def orphans(settings: Settings) -> list[str]:
    return [
        " ".join(process.info["cmdline"] or ())
        for process in psutil.process_iter(["cmdline"])
        if str(settings.home) in " ".join(process.info["cmdline"] or ())
    ]


def finished(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    output, errors = process.communicate(timeout=RUN_SECONDS)
    assert "Traceback" not in errors
    return process.returncode, output, errors


def test_ask_shows_the_hand_offs_then_the_result_then_the_files(there: Start, tmp_path: Path) -> None:
    code, output, errors = finished(there("ask", "What is it?", "--out", "results"))
    assert code == 0
    assert "concierge → writer  Write it." in errors
    assert "writer · search  ✓ 84 ms  3 passages" in errors
    assert "The answer to *What is it?* is 42." in output
    assert "not for you" not in output
    assert "results/chart.png  (from concierge → writer)" in output
    assert (tmp_path / "results/chart.png").read_bytes() == PNG


def test_ask_speaks_json(there: Start) -> None:
    code, output, errors = finished(there("ask", "What is it?", "--json"))
    assert (code, errors) == (0, "")
    told = json.loads(output)
    assert told["state"] == "completed"
    assert told["text"] == "The answer to *What is it?* is 42."
    assert [step["kind"] for step in told["steps"]] == ["delegation", "tool"]
    assert Path(told["files"][0]["place"]).parts[0] == "agentnet-output"


def test_a_question_ends_with_3_and_can_be_answered(there: Start) -> None:
    code, _, errors = finished(there("ask", "ask me something"))
    assert code == 3
    assert "Which year?" in errors
    command = errors.partition("agentnet ask --task ")[2].split()
    code, output, _ = finished(there("ask", "1984", "--task", command[0]))
    assert code == 0
    assert "The answer to *1984* is 42." in output


def test_who_watches_a_task_that_waits_reads_its_question(there: Start) -> None:
    asked = json.loads(finished(there("ask", "ask me something", "--json"))[1])
    code, _, errors = finished(there("watch", asked["task_id"]))
    assert code == 3
    assert errors.count("Which year?") == 1
    assert f"agentnet ask --task {asked['task_id']}" in errors


def test_a_failed_task_tells_why_and_ends_with_1(there: Start) -> None:
    code, _, errors = finished(there("ask", "fail please"))
    assert code == 1
    assert "The cat sat on it." in errors


def test_a_refused_task_tells_why_and_ends_with_4(there: Start) -> None:
    code, _, errors = finished(there("ask", "refuse please"))
    assert code == 4
    assert "The task was rejected: That is not for me." in errors


def test_a_conversation_goes_on_by_its_context(there: Start) -> None:
    assert "in no conversation" in finished(there("ask", "context?"))[1]
    assert "in c9" in finished(there("ask", "context?", "--context", "c9"))[1]


def test_the_lines_of_a_chat_are_one_conversation_and_one_that_fails_does_not_end_it(there: Start) -> None:
    process = there("chat", stdin=subprocess.PIPE)
    output, errors = process.communicate("context?\nfail please\ncontext?\n\n", timeout=RUN_SECONDS)
    assert process.returncode == 0, errors
    assert output.count("We are in") == 2
    assert output.index("in no conversation") < output.index("in c1")
    assert "agentnet chat --context c1" in errors


@pytest.mark.parametrize("kind", ["a file", "a pipe that stays open"])
def test_a_chat_reads_its_lines_wherever_they_come_from(there: Start, tmp_path: Path, kind: str) -> None:
    (tmp_path / "lines").write_text("context?\ncontext?\n\n")
    reading, writing = os.pipe()
    os.write(writing, (tmp_path / "lines").read_bytes())
    with (tmp_path / "lines").open() as file:
        code, output, errors = finished(there("chat", stdin=file.fileno() if kind == "a file" else reading))
    assert (code, output.count("We are in")) == (0, 2), errors
    assert "agentnet chat --context c1" in errors
    os.close(reading)
    os.close(writing)


def test_a_chat_without_any_line_ends(there: Start) -> None:
    code, output, errors = finished(there("chat"))
    assert (code, output) == (0, "")
    assert "You talk with" in errors


def test_a_task_is_canceled_from_another_terminal(there: Start) -> None:
    process = there("ask", "sleep well")
    line_with(process, "concierge → writer")
    listed = json.loads(finished(there("tasks", "--json"))[1])["tasks"]
    [running] = [task["id"] for task in listed if task["state"] == "working"]
    code, output, _ = finished(there("cancel", running))
    assert (code, output) == (0, f"Canceled {running}.\n")
    assert finished(process)[0] == 1


def test_ctrl_c_cancels_the_task_and_ends_with_130(there: Start) -> None:
    process = there("ask", "sleep well")
    line_with(process, "concierge → writer")
    os.killpg(process.pid, signal.SIGINT)
    code, _, errors = finished(process)
    assert code == 130
    assert "Canceled task" in errors


def states(there: Start) -> dict[str, str]:
    listed = json.loads(finished(there("tasks", "--json"))[1])["tasks"]
    return {task["id"]: task["state"] for task in listed}


def test_who_stops_watching_stops_nothing_else(there: Start) -> None:
    before = states(there)
    process = there("ask", "sleep well")
    line_with(process, "Sleep well.")
    [running] = states(there).keys() - before.keys()
    watching = there("watch", running)
    line_with(watching, "Sleep well.")
    os.killpg(watching.pid, signal.SIGINT)
    code, _, errors = finished(watching)
    assert (code, errors) == (130, "Interrupted.\n")
    assert states(there)[running] == "working"
    assert finished(there("cancel", running))[0] == 0
    assert finished(process)[0] == 1


def test_a_stream_that_breaks_off_is_taken_up_again(there: Start) -> None:
    code, output, errors = finished(there("ask", "break off"))
    assert code == 0
    assert "concierge → writer" in errors
    assert "Done all the same." in output


def test_a_database_that_is_gone_is_one_line_without_its_password(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:hunter2@127.0.0.1:1/x")
    code, _, errors = finished(start("up"))
    assert code == 2
    assert "127.0.0.1:1/x cannot be used" in errors.splitlines()[-1]
    assert "hunter2" not in errors


def test_a_home_that_cannot_be_made_is_one_line(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    code, _, errors = finished(start("up", home=tmp_path / "file" / "home"))
    assert code == 2
    assert "Set AGENTNET_HOME" in errors.splitlines()[-1]


def test_time_runs_out_in_one_line(there: Start) -> None:
    code, _, errors = finished(there("ask", "sleep well", "--timeout", "3"))
    assert code == 1
    assert "No result within 3 s." in errors
    assert "Canceled task" in errors


def test_no_such_agent_is_told_with_those_that_are_there(there: Start) -> None:
    code, _, errors = finished(there("ask", "hi", "--agent", "conciergge"))
    assert code == 2
    assert "There is no agent 'conciergge'. Did you mean 'concierge'?" in errors


def test_a_wrong_key_is_told(there: Start, tmp_path: Path) -> None:
    (tmp_path / "admin.key").write_text("ank_000000000000_" + "x" * 43)
    code, _, errors = finished(there("agents", home=tmp_path))
    assert code == 2
    assert "does not take the key" in errors
    assert "xxx" not in errors


def test_listings_are_tables_and_json(start: Start) -> None:
    with network_up(start):
        finished(start("ask", "What is it?"))
        _, table, _ = finished(start("tasks"))
        assert "completed" in table
        [task] = json.loads(finished(start("tasks", "--json"))[1])["tasks"]
        code, output, errors = finished(start("watch", task["id"]))
        assert code == 0
        assert "concierge  completed" in errors
        assert "is 42." in output
        assert "Finds who can do it." in finished(start("agents"))[1]
        assert json.loads(finished(start("card", "concierge"))[1])["name"] == "concierge"
        assert "admin" in finished(start("keys", "list"))[1]


def test_up_tells_its_addresses_and_the_hosts_settings_but_never_the_key(start: Start, settings: Settings) -> None:
    process = start("up", "--only", "toolbox")
    line_with(process, "Ready")
    os.killpg(process.pid, signal.SIGINT)
    code, output, errors = finished(process)
    assert code == 0
    assert "Stopped." in errors
    assert settings.gateway_url in output
    for word in ("VS Code", "Cursor", "Claude Desktop", "agentnet keys show-admin"):
        assert word in output
    assert (settings.home / "admin.key").read_text().strip() not in output + errors
    assert orphans(settings) == []


def test_a_second_ctrl_c_ends_at_once_and_leaves_nothing_behind(start: Start, settings: Settings) -> None:
    process = start("up", "--only", "toolbox")
    line_with(process, "Ready")
    line_with(start("ask", "sleep well"), "Sleep well.")  # a request that is under way gets a few seconds
    os.killpg(process.pid, signal.SIGINT)
    line_with(process, "Stopping")
    os.killpg(process.pid, signal.SIGINT)
    assert finished(process)[0] == 130
    assert orphans(settings) == []


def test_ctrl_c_while_starting_leaves_nothing_behind(start: Start, settings: Settings) -> None:
    process = start("up")
    line_with(process, "PostgreSQL")
    os.killpg(process.pid, signal.SIGINT)
    assert finished(process)[0] == 0
    assert orphans(settings) == []


def test_a_taken_port_is_one_line(there: Start, network: Settings) -> None:
    code, _, errors = finished(there("up"))
    assert code == 2
    assert f"Port {network.port} for gateway cannot be used" in errors.splitlines()[-1]


def test_ask_starts_a_network_of_its_own_and_says_so(start: Start, settings: Settings) -> None:
    code, output, errors = finished(start("ask", "What is it?"))
    assert code == 0
    assert "starting a network for this call" in errors
    assert "is 42." in output
    assert orphans(settings) == []


def test_one_service_runs_alone_and_stops_on_sigterm(start: Start, settings: Settings) -> None:
    process = start("serve", "mcp", "toolbox", "--port", "0")
    line_with(process, "mcp:toolbox answers at")
    process.send_signal(signal.SIGTERM)
    assert finished(process)[0] == 0
    assert orphans(settings) == []


def doctor(start: Start) -> dict[str, dict[str, object]]:
    return {each["check"]: each for each in json.loads(finished(start("doctor", "--json"))[1])["findings"]}


def test_the_doctor_finds_this_machine_well_but_for_what_is_not_and_makes_nothing(
    start: Start, settings: Settings
) -> None:
    findings = doctor(start)
    assert findings["database"]["ok"]
    assert "not made yet" in str(findings["database"]["found"])
    assert "offline" in str(findings["model"]["found"])
    assert list(settings.home.iterdir()) == []


def tables_of(url: str) -> int:
    async def count() -> int:
        connection = await asyncpg.connect(url)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
        finally:
            await connection.close()

    return asyncio.run(count())


def test_the_doctor_makes_no_tables_in_an_empty_database(
    start: Start, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    with databases.empty() as empty_database:
        monkeypatch.setenv("DATABASE_URL", empty_database)
        findings = doctor(start)
        tables = tables_of(empty_database)
    assert findings["migrations"]["ok"]
    assert "no tables yet" in str(findings["migrations"]["found"])
    assert findings["clock"]["ok"]
    assert tables == 0


def test_the_doctor_sees_that_a_network_runs_without_its_registry(there: Start, tmp_path: Path) -> None:
    finding = doctor(there)["port of the registry"]
    assert finding["ok"], finding
    (tmp_path / ".env").write_text("AGENTNET_REGISTRY_URL=http://127.0.0.1:1\n")
    assert not doctor(there)["registry"]["ok"]

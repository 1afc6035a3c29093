from pathlib import Path
from typing import Any

from a2a.types import StreamResponse
from google.protobuf.json_format import ParseDict

from agentnet.cli.tasks.artifacts import save_files
from agentnet.cli.tasks.outcome import Outcome
from agentnet.tasks.steps import SOURCE, Step


def told(*events: dict[str, Any]) -> Outcome:
    outcome = Outcome()
    for event in events:
        outcome.take(ParseDict(event, StreamResponse()))
    return outcome


def artifact(text: str, *, append: bool = False, identifier: str = "a", **more: Any) -> dict[str, Any]:
    made = {"artifactId": identifier, "parts": [{"text": text}], **more}
    return {"artifactUpdate": {"taskId": "t", "contextId": "c", "artifact": made, "append": append}}


def status(state: str, text: str = "", **more: Any) -> dict[str, Any]:
    message = {"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": text}]}} if text else {}
    return {
        "statusUpdate": {"taskId": "t", "contextId": "c", "status": {"state": f"TASK_STATE_{state}"} | message, **more}
    }


def test_chunks_of_an_artifact_become_one_text() -> None:
    outcome = told(artifact("One "), artifact("two", append=True), status("COMPLETED"))
    assert outcome.answer() == "One two"
    assert outcome.succeeded


def test_what_a_peer_made_is_not_the_answer() -> None:
    peers = artifact("theirs", identifier="b", metadata={SOURCE: ["concierge", "writer"]})
    assert told(peers, artifact("ours"), status("COMPLETED")).answer() == "ours"


def test_later_chunks_of_what_a_peer_made_stay_a_peers() -> None:
    peers = artifact("26.2", identifier="b", metadata={SOURCE: ["concierge", "toolbox"]})
    more = artifact(" miles", identifier="b", append=True)
    assert told(peers, artifact("ours"), more, status("COMPLETED")).answer() == "ours"


def test_a_text_with_a_files_name_is_a_file_and_not_the_answer() -> None:
    named = artifact("")
    named["artifactUpdate"]["artifact"]["parts"] = [{"text": "a,", "filename": "t.csv"}]
    more = artifact("", append=True)
    more["artifactUpdate"]["artifact"]["parts"] = [{"text": "b", "filename": "t.csv"}, {"text": "That is all."}]
    outcome = told(named, more, status("COMPLETED"))
    assert outcome.answer() == "That is all."
    assert [part.text for _, part in outcome.files()] == ["a,b"]


def test_data_is_shown_as_json() -> None:
    event = artifact("")
    event["artifactUpdate"]["artifact"]["parts"] = [{"data": {"words": 4}}]
    assert '"words": 4' in told(event).answer()


def test_a_completed_task_without_artifacts_answers_with_its_message() -> None:
    assert told(status("COMPLETED", "Done.")).answer() == "Done."


def test_a_question_waits_and_a_failure_tells_why() -> None:
    question = told(status("INPUT_REQUIRED", "Which year?"))
    assert question.waits
    assert question.said == "Which year?"
    assert question.state_name == "input-required"
    failed = told(status("FAILED", "No database."))
    assert failed.rests
    assert not failed.succeeded
    assert failed.answer() == ""


def test_an_answer_may_be_a_message_without_a_task() -> None:
    outcome = told({"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": "Hello."}]}})
    assert outcome.rests
    assert outcome.succeeded
    assert outcome.answer() == "Hello."


def test_a_snapshot_brings_what_was_missed() -> None:
    task = {"id": "t", "contextId": "c", "status": {"state": "TASK_STATE_WORKING"}}
    task["artifacts"] = [{"artifactId": "a", "parts": [{"text": "One "}]}]  # type: ignore[assignment]
    assert told({"task": task}, artifact("two", append=True)).answer() == "One two"


def test_steps_keep_their_order_and_newest_phase() -> None:
    start = Step("s1", "tool", "start", "search", ("a",), "t")
    end = Step("s1", "tool", "end", "search", ("a",), "t", ms=5)
    outcome = told(status("WORKING", metadata=start.as_metadata()), status("WORKING", metadata=end.as_metadata()))
    assert list(outcome.steps.values()) == [end]


def test_files_never_leave_the_folder_and_never_meet(tmp_path: Path) -> None:
    event = artifact("")
    event["artifactUpdate"]["artifact"]["parts"] = [
        {"raw": "QQ==", "filename": "../../chart.png", "mediaType": "image/png"},
        {"raw": "Qg==", "filename": "chart.png", "mediaType": "image/png"},
        {"url": "https://example.com/a.csv", "filename": "a.csv"},
        {"raw": "Qw==", "mediaType": "text/plain"},
    ]
    saved = save_files(told(event), tmp_path / "out")
    assert [file.name for file in saved] == ["chart.png", "chart-2.png", "a.csv", "a.txt"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.txt", "chart-2.png", "chart.png"]
    assert saved[2].place == "https://example.com/a.csv"


def test_no_folder_is_made_when_there_are_no_files(tmp_path: Path) -> None:
    assert save_files(told(artifact("text")), tmp_path / "out") == []
    assert not (tmp_path / "out").exists()


def test_a_result_that_is_a_value_is_one_for_programs() -> None:
    made = artifact("", identifier="response")
    made["artifactUpdate"]["artifact"]["parts"] = [{"data": {"total": 5}, "mediaType": "application/json"}]
    outcome = told(made, status("COMPLETED"))
    assert outcome.data is not None
    assert outcome.answer() == '```json\n{\n  "total": 5\n}\n```'
    assert told(made, status("FAILED", "no")).data is None

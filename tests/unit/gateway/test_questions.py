from typing import Any

import pytest
from a2a.types.a2a_pb2 import Message, Part, Task, TaskState, TaskStatus

from agentnet.runs.question import data_of, text_of
from agentnet.tasks.events import question_id
from agentnet.tasks.projection import Projection
from gateway.mcp.agents.question import AgentQuestion, data_part, question_in
from gateway.mcp.messages.errors import McpError

ASKS = TaskState.TASK_STATE_INPUT_REQUIRED
SIGN_IN = TaskState.TASK_STATE_AUTH_REQUIRED


def asked(text: str, data: dict[str, Any] | None = None, state: TaskState = ASKS, number: int = 1) -> AgentQuestion:
    parts = [Part(text=text), *([data_part(data)] if data else [])]
    status = TaskStatus(state=state, message=Message(message_id=f"m{number}", parts=parts))
    question = question_in(Projection(Task(id="t", context_id="c", status=status)))
    assert question is not None
    return question


def test_a_question_is_the_same_wherever_it_is_looked_at_and_its_answer_too() -> None:
    one, same, other = asked("Which?"), asked("Which?"), asked("Which?", number=2)
    given = {"action": "accept", "content": {"answer": "this"}}
    messages = [question.answered(given) for question in (one, same, other)]
    assert one.key == same.key != other.key
    assert messages[0] is not None and messages[1] is not None and messages[2] is not None
    assert messages[0].message_id == messages[1].message_id != messages[2].message_id
    assert (messages[0].task_id, messages[0].context_id, text_of(messages[0])) == ("t", "c", "this")


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("", {"action": "accept", "content": {"answer": "this"}}),
        ("", {"action": "decline"}),
        ("approval", {"action": "accept", "content": {"decision": "approve"}}),
        ("approval", {"action": "cancel"}),
        ("in-doubt", {"action": "accept", "content": {"happened": True}}),
    ],
)
def test_an_answer_names_the_question_that_it_belongs_to(kind: str, given: dict[str, Any]) -> None:
    message = asked("May I?", {"kind": kind, "question_id": "q-1"}).answered(given)
    assert message is not None and question_id(message) == "q-1"
    message = asked("May I?", {"kind": kind}).answered(given)
    assert message is not None and question_id(message) == ""


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"happened": True, "result": "42"}, {"happened": True, "result": "42"}),
        ({"happened": False, "other": "x"}, {"happened": False}),
        ({"happened": None}, None),
        ({}, None),
    ],
)
def test_a_call_in_doubt_is_only_repeated_when_a_person_says_so(content: dict[str, Any], told: object) -> None:
    question = asked("Did this happen?", {"kind": "in-doubt", "tool": "pay"})
    message = question.answered({"action": "accept", "content": content})
    assert (data_of(message) if message else None) == told
    assert question.answered({"action": "decline"}) is None


@pytest.mark.parametrize("edited", ["[" * 5000, "[1]", "null", '{"a":', '{"a": ' * 200 + "1" + "}" * 200])
def test_edited_arguments_that_cannot_be_read_are_no_approval(edited: str) -> None:
    question = asked("May I?", {"kind": "approval", "tool": "pay", "arguments": {"amount": 5}})
    message = question.answered({"action": "accept", "content": {"decision": "approve", "arguments": edited}})
    assert message is not None and data_of(message)["approve"] is False


@pytest.mark.parametrize("given", [{}, {"action": "yes"}, {"action": "accept", "content": []}])
def test_an_answer_of_another_form_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(McpError):
        asked("Which?").answered(given)


@pytest.mark.parametrize(
    ("capabilities", "mode"),
    [
        ({}, None),
        ({"elicitation": {}}, "form"),
        ({"elicitation": {"form": {}}}, "form"),
        ({"elicitation": {"url": {}}}, None),
    ],
)
def test_a_client_is_asked_only_what_it_can_show(capabilities: dict[str, Any], mode: str | None) -> None:
    question = asked("Which?").for_client(capabilities)
    assert (question.params["mode"] if question else None) == mode


@pytest.mark.parametrize("text", ["Sign in at javascript:alert(1)", "Sign in, please."])
def test_a_sign_in_without_an_address_is_not_asked_for(text: str) -> None:
    capabilities = {"elicitation": {"form": {}, "url": {}}}
    assert asked(text, state=SIGN_IN).for_client(capabilities) is None
    assert asked(text, {"url": "file:///etc/passwd"}, SIGN_IN).for_client(capabilities) is None
    found = asked(text, {"url": "https://idp.example/x"}, SIGN_IN).for_client(capabilities)
    assert found is not None and found.params["url"] == "https://idp.example/x"

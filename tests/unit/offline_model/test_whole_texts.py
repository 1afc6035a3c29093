"""A text that comes with an order is worked on as a whole: what is left out is said."""

import pytest

from offline_model.answers.answering import MAX_ANSWER, compose
from offline_model.answers.passages import MAX_TEXT, Passage, best_sentences, central_sentences
from offline_model.answers.textwork import work_on
from offline_model.deciding import decide
from offline_model.request.conversation import Material, Request, read, split_message
from offline_model.request.outcome import Outcome
from offline_model.request.plan import Step
from offline_model.request.tools import Toolbox

TEXTS = {
    "sentences": (
        "Write a report: Revenue grew 5 %. Costs fell 2 %. Staff left.",
        "Revenue grew 5 %. Costs fell 2 %. Staff left.",
    ),
    "a semicolon and a line separator": (
        "Draft a memo: sales rose; costs fell.\u2028New line.",
        "sales rose; costs fell.\u2028New line.",
    ),
    "no letter at its end": ("Write a report: We met in May. \U0001f984", "We met in May. \U0001f984"),
    "an order on this": (
        "Count the words of this: it is one sentence of eight words",
        "it is one sentence of eight words",
    ),
    "one thing": ("Write a report: rivers of Europe.", ""),
    "orders behind the colon": ("Write a report: find the longest rivers. Chart them.", ""),
    "another order": ("Convert: 5 miles to km. Then 3.", ""),
}


@pytest.mark.parametrize(("message", "text"), TEXTS.values(), ids=TEXTS)
def test_what_stands_behind_the_colon_of_a_writing_order_is_its_material(message: str, text: str) -> None:
    request, materials = split_message(message)
    assert "".join(material.text for material in materials) == text
    assert request == (message.partition(":")[0] if text else message)


@pytest.mark.parametrize(
    ("text", "limit", "said"),
    [
        ("Revenue grew. " * 50, 5, ["Revenue grew."]),
        ("Sales rose in all regions. New line.", 5, ["Sales rose in all regions.", "New line."]),
        ("Sales rose in all regions. New line.", 1, ["Sales rose in all regions."]),
    ],
)
def test_a_summary_says_nothing_twice_and_keeps_short_sentences_where_there_is_room(
    text: str, limit: int, said: list[str]
) -> None:
    assert central_sentences(text, limit) == said


def test_a_summary_of_more_than_is_read_says_so() -> None:
    text = "Revenue grew again. " * (MAX_TEXT // 10)
    summary = work_on("Summarise", [Material("", text)])
    assert summary is not None
    assert summary.endswith(f"(Of {len(text)} characters the first {MAX_TEXT} were read.)")


def test_a_report_keeps_all_of_its_material() -> None:
    text = "Revenue grew in month three. " * 200
    assert text.strip() in (work_on("Write a report", [Material("", text)]) or "")


NOTES = """The launch is on 12 March. Marta writes the press release.

The budget is 40,000 euros.

Tea is served at noon."""


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("When is the launch, and who writes the press release?", ["12 March", "Marta"]),
        ("When is the launch and who writes the press release?", ["12 March", "Marta"]),
        ("Who writes the press release, and when is the launch?", ["12 March", "Marta"]),
        ("When is the launch, and what is the budget?", ["12 March", "40,000"]),
        ("What is the budget? When is tea served?", ["40,000", "noon"]),
        ("What is the budget, and how many zebras are there?", ["40,000", "zebras"]),
        ("Who writes the press release and the obituary?", ["Marta", "I did not use “the obituary”"]),
        ("What is the budget or the zebra?", ["40,000", "I did not use “the zebra”"]),
    ],
)
def test_each_half_of_a_double_question_is_answered_or_told(asked: str, said: list[str]) -> None:
    message = {"role": "user", "content": f"{asked}\n\nMaterial:\n\n{NOTES}"}
    answer = decide(Request(items=(message,))).text
    assert all(piece in answer for piece in said), answer


FOUND = [
    Passage(
        "Closing a tenant revokes its keys, and nobody who worked for it is let in again.\n\nIts tasks stay.",
        "[a.md:1]",
    ),
    Passage("Keys are listed by name.\n\nRevoke a key with keys revoke NAME.", "[b.md:7]"),
]


@pytest.mark.parametrize(
    "question", ["How do I revoke a key?", "How is a key revoked by name?", "Revoke a key by NAME"]
)
def test_the_sentences_of_the_passage_that_answers_best_stand_first(question: str) -> None:
    assert best_sentences(question, FOUND)[0].citation == "[b.md:7]"


def test_an_answer_that_is_cut_ends_with_a_word_and_says_so() -> None:
    step = Step(0, "Summarise")
    text = "word " * MAX_ANSWER
    said = compose([step], {0: Outcome(step, text, by="text")}, Toolbox())
    told, note = said.rsplit("\n\n", 1)
    assert set(told.split()) == {"word"}
    assert note == f"(Cut here: the whole has {len(text)} characters.)"


FILES = "\n\nAttached files:\n- sales.csv (text/csv, 9 bytes): agentnet-file:0/sales.csv"


@pytest.mark.parametrize(
    ("request_", "asks"),
    [
        ("And which region has the lowest amount?", "Which region has the lowest amount?"),
        ("and in April?", "Which region has the highest amount in April?"),
    ],
)
def test_a_request_that_goes_on_with_another_goes_on_with_its_files(request_: str, asks: str) -> None:
    said = [("user", f"Which region has the highest amount?{FILES}"), ("assistant", "North."), ("user", request_)]
    talk = read([{"role": role, "content": content} for role, content in said])
    assert talk.request == asks
    assert [material.text for material in talk.materials] == [FILES.partition(":\n")[2]]


def test_a_request_of_its_own_has_no_files_of_an_earlier_one() -> None:
    said = [("user", f"Which region has the highest amount?{FILES}"), ("assistant", "North."), ("user", "Find a file.")]
    assert read([{"role": role, "content": content} for role, content in said]).materials == ()

import pytest

from offline_model.request.plan import plan

CASES: list[tuple[str, list[tuple[str, tuple[int, ...]]]]] = [
    ("Summarise the notes and then translate them", [("Summarise the notes", ()), ("Translate them", (0,))]),
    (
        "Research tea, and plot tea prices by year. Write a summary of both; get it checked, then fix it.",
        [
            ("Research tea", ()),
            ("Plot tea prices by year", ()),
            ("Write a summary of both", (0, 1)),
            ("Check it", (2,)),
            ("Fix it", (2, 3)),
        ],
    ),
    ("Compare cats and dogs", [("Compare cats and dogs", ())]),
    ("Explain what leases are and how they expire", [("Explain what leases are and how they expire", ())]),
    (
        'Count the words in "find this and then write that"',
        [('Count the words in "find this and then write that"', ())],
    ),
    ("Fetch https://a.org/x,y and summarise it", [("Fetch https://a.org/x,y", ()), ("Summarise it", (0,))]),
    ("Convert these to km:\n- 5 miles\n- 10 yards", [("Convert 5 miles to km", ()), ("Convert 10 yards to km", ())]),
    ("Write a poem. Keep it short.", [("Write a poem. Keep it short", ())]),
    ("Could you please list the files?", [("List the files?", ())]),
    (
        "Draft a plan, review the plan, and revise it",
        [("Draft a plan", ()), ("Review the plan", (0,)), ("Revise it", (0, 1))],
    ),
    ("", []),
]


@pytest.mark.parametrize(("request_text", "steps"), CASES, ids=[case[0][:40] or "empty" for case in CASES])
def test_a_request_comes_apart_into_steps_that_know_what_they_build_upon(
    request_text: str, steps: list[tuple[str, tuple[int, ...]]]
) -> None:
    assert [(step.text, step.depends) for step in plan(request_text)] == steps


def test_a_sentence_that_asks_nothing_is_background() -> None:
    (step,) = plan("I have a file sales.csv. Chart sales by month.")
    assert step.text == "Chart sales by month"
    assert step.background == "I have a file sales.csv"


def test_a_step_that_only_comes_later_says_so() -> None:
    steps = plan("Find the rules on leave, then tell me what 15% of 80 is, then write a memo for the board")
    assert [step.only_after for step in steps] == [False, True, False]

"""Whether what came of an ask is what the table says, and none of what may never be."""

from itertools import groupby

from agentnet.testing.quirks import Need
from tests.quirks.asking import WANTED, Asks, Came, Case, right_answer
from tests.quirks.outcomes import OUTCOMES, Outcome

ENDS = ("completed", "failed", "rejected")
NEVER_TOLD = ("internal error", "traceback", "error code:", "<html", "<!doctype", "sk-quirk")
"""What no person is told: not what went wrong inside of us, no page, and no key."""
LONGEST_WORDS = 1_000
"""Characters of a reason: more is no sentence."""


async def check(asks: Asks, case: Case) -> None:
    """Wait for the ask of a case, and judge what came of it."""
    came = await asks.coming[case.name]
    wrong = wrong_in(case, came)
    assert not wrong, f"{case.name}: {case.quirk.says} Wanted {OUTCOMES[case.quirk.name]}; {wrong}\n{told_of(came)}"


def wrong_in(case: Case, came: Came) -> str | None:
    """What is wrong; None if nothing is."""
    if came.state not in ENDS:
        return f"it is {came.state}"
    if came.state == "completed" and not came.answer.strip():
        return "an empty success"
    for words in NEVER_TOLD:
        if words in came.said.lower():
            return f"a person is told: {words}"
    if len(came.said) > LONGEST_WORDS:
        return f"a person is told {len(came.said)} characters"
    return _other_than(OUTCOMES[case.quirk.name], case, came)


def _other_than(outcome: Outcome, case: Case, came: Came) -> str | None:
    if outcome.kind == "told":
        if came.state == "completed":
            return "it was completed"
        if not any(words.lower() in came.said.lower() for words in outcome.words):
            return "the reason is another"
        return None
    if came.state != "completed":
        return "it was not completed"
    if outcome.kind == "holds":
        missing = [words for words in outcome.words if words not in came.answer]
        return f"the answer lacks {missing}" if missing else None
    wanted = outcome.words or (right_answer(case.quirk.need),)
    if came.answer.strip() not in wanted:
        return "the answer is another"
    if outcome.kind == "answer" and len(came.asked) != turns(case.quirk.need):
        return f"it took {len(came.asked)} requests"
    if case.quirk.name.startswith("refuses-") and _refused_again(came):
        return "it was refused again"
    return None


def _refused_again(came: Came) -> bool:
    """Whether a host refused something, took the rest, and had to refuse again: what it refuses is to be remembered."""
    refused = [(asked.status or 0) >= 400 for asked in came.asked]
    return sum(is_refused for is_refused, _ in groupby(refused)) > 1


def turns(need: Need) -> int:
    """How many requests an ask takes where nothing is wrong."""
    calls = len(WANTED[need])
    return 1 + (calls if need is Need.ROUNDS else min(calls, 1))


def told_of(came: Came) -> str:
    """For the report of a failure."""
    statuses = [asked.status for asked in came.asked]
    return f"state {came.state}, answer {came.answer[:300]!r}, said {came.said[:600]!r}, statuses {statuses[:20]}"

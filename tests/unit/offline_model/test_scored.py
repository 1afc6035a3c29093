"""The scored requests: none is answered wrongly, and most are answered."""

import asyncio
import json

import pytest

from tests.unit.offline_model.scoring import HERE, Scored, answer, requests

LEAST_SCORE = 0.85
OUTCOMES = {1.0: "right", 0.5: "honest", -1.0: "wrong"}


@pytest.fixture(scope="module")
def answered() -> list[tuple[Scored, str, str]]:
    """Every request with its outcome and the answer."""

    async def all_of_them() -> list[tuple[Scored, str, str]]:
        found: list[tuple[Scored, str, str]] = []
        for request in requests():
            said = await answer(request)
            found.append((request, OUTCOMES[request.score(said)], said))
        return found

    return asyncio.run(all_of_them())


@pytest.mark.slow
def test_no_request_is_answered_wrongly_and_most_are_answered(answered: list[tuple[Scored, str, str]]) -> None:
    wrong = [f"{request.text} -> {said[:200]}" for request, outcome, said in answered if outcome == "wrong"]
    assert not wrong, "\n".join(wrong)
    points = {outcome: points for points, outcome in OUTCOMES.items()}
    assert sum(points[outcome] for _, outcome, _ in answered) / len(answered) > LEAST_SCORE


@pytest.mark.slow
def test_the_table_of_outcomes_is_true(answered: list[tuple[Scored, str, str]]) -> None:
    """`outcomes.json` lists what each request comes to; write it anew when it changes for the better."""
    kept = json.loads((HERE / "outcomes.json").read_text())
    assert {request.text if request.table is None else f"{request.table}: {request.text}": outcome
            for request, outcome, _ in answered} == kept  # fmt: skip

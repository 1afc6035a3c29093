"""A follow-up is the earlier request with another value; where that is not sure, it is not guessed."""

import pytest

from offline_model.deciding import decide
from offline_model.request.conversation import Request, read
from offline_model.request.followup import completed
from tests.unit.offline_model.network import Network

TWELVE, MILES = ("What is 12 times 12?", "12 * 12 = 144"), ("Convert 10 km to miles", "10 km = 6.21371192237 miles")
SUMS = ("What is the sum of amount by region?", "The highest is South with 340.")
RESOLVED = [
    (TWELVE, "And divided by 2?", "What is 144 divided by 2?"),
    (TWELVE, "and times 3", "What is 144 times 3?"),
    (TWELVE, "And minus 44?", "What is 144 minus 44?"),
    (TWELVE, "And half of that?", "half of that?"),
    (MILES, "And in feet?", "Convert 10 km to feet"),
    (MILES, "and to metres", "Convert 10 km to metres"),
    (MILES, "And 20 km?", "Convert 20 km to miles"),
    (("What is 15% of 240?", "15 / 100 * 240 = 36"), "And of 300?", "What is 15% of 300?"),
    (("What time is it in Tokyo?", "It is Tuesday."), "And in Berlin?", "What time is it in Berlin?"),
    (SUMS, "And the average?", "What is the average of amount by region?"),
    (SUMS, "And by product?", "What is the sum of amount by product?"),
    (SUMS, "What about the median?", "What is the median of amount by region?"),
    (SUMS, "Draw it as a bar chart", "draw the sum of amount by region as a bar chart"),
    (SUMS, "And draw it as a line chart", "draw it as a line chart"),
    (SUMS, "And how many rows are there?", "how many rows are there?"),
]
UNSURE = [
    (TWELVE, "And 13?"),
    (MILES, "And divided by 2?"),
    (MILES, "And 20 miles?"),
    (MILES, "And in feet and inches?"),
    (SUMS, "And the average price?"),
    (SUMS, "And the outliers?"),
    (("What time is it in Tokyo?", "It is Tuesday."), "And in Berlin and Paris?"),
    (("What time is it in Tokyo?", "It is Tuesday."), "And in summer?"),
]


@pytest.mark.parametrize(("earlier", "said", "whole"), RESOLVED, ids=[said for _, said, _ in RESOLVED])
def test_a_follow_up_is_the_earlier_request_with_another_value(earlier: tuple[str, str], said: str, whole: str) -> None:
    assert completed(said, *earlier) == whole


@pytest.mark.parametrize(("earlier", "said"), UNSURE, ids=[said for _, said in UNSURE])
def test_a_follow_up_that_is_not_sure_is_refused_and_says_what_to_do(earlier: tuple[str, str], said: str) -> None:
    talk = [("user", earlier[0]), ("assistant", earlier[1]), ("user", said)]
    answer = decide(Request(items=tuple({"role": role, "content": text} for role, text in talk))).text
    assert f"I cannot tell what “{said}” means after “{earlier[0]}”" in answer
    assert "one whole request" in answer


def test_a_follow_up_of_a_follow_up_is_one_of_the_first_request() -> None:
    said = ["Convert 10 km to miles", "And in feet?", "And 20 km?"]
    talk = read(
        [{"role": role, "content": text} for line in said for role, text in (("user", line), ("assistant", "."))][:-1]
    )
    assert talk.request == "Convert 20 km to feet"


SALES = "region,product,amount\nNorth,Tea,120\nSouth,Tea,200\nSouth,Milk,140\nNorth,Milk,80\n"


@pytest.mark.anyio
async def test_follow_ups_go_on_with_the_table_of_the_conversation(tmp_path_factory: pytest.TempPathFactory) -> None:
    network = Network(tmp_path_factory.mktemp("files"), {"sales.csv": SALES})
    said = [
        "What is the sum of amount by region?",
        "And the average?",
        "Draw it as a bar chart",
        "How many rows does it have?",
    ]
    answers = await network.talk(*said)
    assert "| South | 170 |" in answers[1]
    assert "340" not in answers[1]
    assert "chart.png" in answers[2] and "170" in answers[2]
    assert "4 rows" in answers[3]

"""Tools of a specialist's own, called by their schema: what does not fit it surely is asked for or refused."""

from typing import Any

import pytest

from offline_model.deciding import decide
from offline_model.request.conversation import QUESTION, Request
from offline_model.request.tools import ToolSpec

NUMBER, TEXT = {"type": "number"}, {"type": "string"}


def tool(name: str, about: str, **parameters: dict[str, Any]) -> ToolSpec:
    return ToolSpec(name, about, {"type": "object", "properties": parameters, "required": list(parameters)})


NET = tool(
    "net_of_tax", "The amount without tax of a gross amount.",
    gross={**NUMBER, "description": "The gross amount."}, rate={**NUMBER, "description": "The tax rate, such as 0.19."},
)  # fmt: skip
SHARE = tool("discounted", "A price after a discount.", price=NUMBER, discount={**NUMBER, "minimum": 0, "maximum": 1})
PERCENT = tool("raised", "A price raised by a rate.", price=NUMBER, rate={**NUMBER, "description": "In percent."})
PLAIN = tool("scaled", "An amount scaled by a factor.", amount=NUMBER, factor=NUMBER)
PAY = tool("pay", "Pay an amount to a person.", amount=NUMBER, to={**TEXT, "description": "Who gets it."})
CSV = tool(
    "as_csv", "Write rows into a CSV file.", rows={**TEXT, "description": "Lines with commas between the values."}
)
CALLED = [
    (NET, "What is the amount without tax of a gross of 1,190 at a rate of 19%?", {"gross": 1190, "rate": 0.19}),
    (NET, "What is the amount without tax of a gross of 1,190 at a rate of 0.19?", {"gross": 1190, "rate": 0.19}),
    (NET, "What is the amount without tax of a gross amount of 107 at 7 percent?", {"gross": 107, "rate": 0.07}),
    (SHARE, "What is the price of 80 with a discount of 12.5%?", {"price": 80, "discount": 0.125}),
    (PERCENT, "What is a price of 80 raised by a rate of 5%?", {"price": 80, "rate": 5}),
    (PLAIN, "Scale an amount of 4 by a factor of 2", {"amount": 4, "factor": 2}),
    (PAY, "Pay an amount of 35.50 to Ann Smith", {"amount": 35.5, "to": "Ann Smith"}),
    (PAY, "Pay an amount of 35.50 to Ludwig van Beethoven", {"amount": 35.5, "to": "Ludwig van Beethoven"}),
    (PAY, "Pay an amount of 35.50 to Ann", {"amount": 35.5, "to": "Ann"}),
    (CSV, "Write the rows into a CSV file: a,b and 1,2", {"rows": "a,b and 1,2"}),
    (CSV, 'Write the rows "a,b" into a CSV file', {"rows": "a,b"}),
]
NOT_CALLED = [
    (NET, "What is the amount without tax of a gross of 1,190 at a rate of 19?"),
    (PLAIN, "Scale an amount of 4 by a factor of 50%"),
    (SHARE, "What is the price of 80 with a discount of 12?"),
    (PAY, "Pay an amount of 35.50 to ann smith"),
    (PAY, "Pay an amount of 35.50 EUR to Ann Smith"),
    (PAY, "Pay an amount of 35.50 to Ann Smith every month"),
    (PAY, "Pay an amount of 35.50 to Ann Smith and 10 to Bob"),
    (CSV, "Write the rows a,b and 1,2 into a CSV file"),
    (CSV, "Write the rows x,y and 1,2 into a CSV file"),
    (CSV, "Put these rows in a CSV file"),
]


@pytest.mark.parametrize(("spec", "said", "arguments"), CALLED, ids=[said for _, said, _ in CALLED])
def test_a_tool_is_called_with_what_its_schema_takes(spec: ToolSpec, said: str, arguments: dict[str, Any]) -> None:
    decision = decide(Request(items=({"role": "user", "content": said},), tools=(spec,)))
    assert [dict(call.arguments) for call in decision.calls] == [arguments], decision.text


@pytest.mark.parametrize(("spec", "said"), NOT_CALLED, ids=[said for _, said in NOT_CALLED])
def test_what_no_argument_takes_surely_is_asked_for_or_refused(spec: ToolSpec, said: str) -> None:
    decision = decide(Request(items=({"role": "user", "content": said},), tools=(spec,)))
    assert not decision.calls
    assert decision.text.startswith(QUESTION) or "cannot" in decision.text


def test_a_percentage_that_is_told_when_asked_is_a_fraction_too() -> None:
    said = "What is the amount without tax of a gross of 1,190?"
    asked = decide(Request(items=({"role": "user", "content": said},), tools=(NET,))).text
    talk = [("user", said), ("assistant", asked), ("user", "19%")]
    items = tuple({"role": role, "content": text} for role, text in talk)
    assert [dict(call.arguments) for call in decide(Request(items=items, tools=(NET,))).calls] == [
        {"gross": 1190, "rate": 0.19}
    ]

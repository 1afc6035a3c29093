"""Every quirk of Responses, met by a specialist: the right answer, a repair, or a reason that a person reads."""

import pytest

from tests.quirks.asking import Asks, Case, cases
from tests.quirks.verdict import check

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.mark.parametrize("case", cases("responses"))
async def test_a_quirk_ends_as_the_table_says(asks: Asks, case: Case) -> None:
    await check(asks, case)

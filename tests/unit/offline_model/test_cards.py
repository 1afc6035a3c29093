"""The examples on the bundled cards: each is answered, by the specialist whose card it stands on."""

from pathlib import Path

import pytest
import yaml
from agents import FunctionTool

from specialists.reviewer.tools import score_report
from specialists.writer.tools import assemble_report, revise_report
from tests.unit.offline_model.scoring import HONESTLY, Scored, message, tools
from tests.unit.offline_model.stand_ins import network_tools, run, specialists, web_tools

pytestmark = pytest.mark.anyio

CARDS = Path(__file__).parents[3] / "agents" / "specialists"
MATERIAL = """

Material:

### Material 1: Findings

A lease is renewed by a heartbeat [docs/a.md:3]. Another replica claims the task when it ends [docs/a.md:9].

### Material 2: Review

Score: 60 of 100

Suggestions:
- Add a summary of two or three sentences at the top.
- Add a conclusion.
"""
SAID = {
    "How many rows does the attached file have, and what are its columns?": ["10 rows", "quantity"],
    "What is the average amount by region in sales.csv?": ["| west | 175 |", "| east | 60.25 |"],
    "How many tasks did each agent finish?": ["| analyst | 2 |", "| writer | 1 |"],
    "Draw a bar chart of the tasks by agent from the task log.": ["| analyst | 3 |", "chart.png"],
    "Plot revenue by month from the attached file.": ["| 2024-03-01 | 294.75 |", "chart.png"],
    "Find out how leases work, chart the tasks by agent, and write a short report of both.": ["# ", "lease", "analyst"],
    "Who in the network can read a CSV file?": ["analyst"],
    "Find in the docs how a lease works.": ["lease", "[docs/"],
    "What does the documentation say about tenants?": ["tenant", "[docs/"],
    "Explain what happens when a replica dies, with citations.": ["replica", "[docs/"],
    "Summarise https://example.com/.": ["A page"],
    "What time is it in Tokyo?": ["Asia/Tokyo"],
    "Convert 5 miles to kilometres.": ["8.04672"],
    "What is 15% of 2480?": ["372"],
    "Review this report and score it.": ["Score: ", "Suggestions:"],
    "What should be improved in this text?": ["Suggestions:"],
    "Write a short report of these findings.": ["# ", "## Summary", "[docs/a.md:3]"],
    "Draft a one-page memo from the material below.": ["memo", "[docs/a.md:3]"],
    "Revise the report by this review.": ["## Summary", "## Conclusion"],
}


def examples() -> list[tuple[str, str]]:
    cards = [yaml.safe_load(path.read_text()) for path in sorted(CARDS.glob("*/agent.yaml"))]
    return [(card["name"], text) for card in cards for skill in card["skills"] for text in skill["examples"]]


def test_every_example_has_its_answer_here() -> None:
    assert {text for _, text in examples()} == set(SAID)


@pytest.mark.parametrize(("agent", "text"), examples())
async def test_an_example_on_a_card_is_answered(agent: str, text: str) -> None:
    own: dict[str, list[FunctionTool]] = {
        "concierge": network_tools(specialists()),
        "reviewer": [score_report],
        "writer": [assemble_report, revise_report],
    }
    if agent in own:
        answer = (await run(text if agent == "concierge" else text + MATERIAL, own[agent])).answer
    else:
        request = Scored(agent, "sales.csv" if "file" in text or ".csv" in text else None, text, ())
        async with tools(request) as offered:
            answer = (await run(message(request), [*offered, *(web_tools() if agent == "researcher" else [])])).answer
    assert all(piece in answer for piece in SAID[text]), answer
    assert not HONESTLY.search(answer), answer

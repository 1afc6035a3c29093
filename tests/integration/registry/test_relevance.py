"""A need in a person's words finds the agent that was made for it."""

import pytest

from agentnet.identity import Principal
from agentnet.manifests.manifest import Manifest
from agentnet.process.runtime import Runtime
from cards import build_card, card_to_json, entry_from_card
from registry.entries import Entries, Need, Registration

pytestmark = pytest.mark.anyio

AGENTS: list[dict[str, object]] = [
    {
        "name": "analyst",
        "description": "Works with tables: loads CSV, Excel and Parquet files, computes statistics and draws charts.",
        "skills": [
            {
                "id": "draw-chart",
                "name": "Draw a chart",
                "description": "Plots bar, line and scatter charts from tabular data.",
                "tags": ["chart", "plot", "visualization"],
                "examples": ["Plot revenue per month from this CSV", "Show the distribution of ages as a histogram"],
            },
            {
                "id": "query-data",
                "name": "Query data",
                "description": "Answers questions about a data set with SQL: sums, averages, groups, outliers.",
                "tags": ["sql", "csv", "statistics"],
                "examples": ["What is the average order value by country?"],
            },
        ],
    },
    {
        "name": "researcher",
        "description": "Searches the web and reads sources to answer questions with citations.",
        "skills": [
            {
                "id": "web-research",
                "name": "Web research",
                "description": "Finds recent and trustworthy sources on a topic and reports what they say.",
                "tags": ["web", "search", "sources", "news"],
                "examples": ["What is new in battery technology this year?", "Compare three vendors of heat pumps"],
            },
        ],
    },
    {
        "name": "writer",
        "description": "Writes and edits texts: articles, emails, product descriptions, announcements.",
        "skills": [
            {
                "id": "draft-text",
                "name": "Draft a text",
                "description": "Drafts blog posts, letters and emails in the tone that is asked for.",
                "tags": ["writing", "email", "blog", "copywriting"],
                "examples": ["Write a friendly reply to an angry customer", "Draft a press release for our launch"],
            },
            {
                "id": "proofread",
                "name": "Proofread",
                "description": "Corrects grammar, spelling and style.",
                "tags": ["grammar", "spelling", "editing"],
            },
        ],
    },
    {
        "name": "translator",
        "description": "Translates texts between languages and keeps tone and formatting.",
        "skills": [
            {
                "id": "translate",
                "name": "Translate",
                "description": "Translates between English, German, French, Spanish, Japanese and 40 more languages.",
                "tags": ["translation", "language", "localization"],
                "examples": ["Translate this contract into German", "How do you say 'good evening' in Japanese?"],
            },
        ],
    },
    {
        "name": "coder",
        "description": "Writes, runs and debugs programs in Python, TypeScript and Go.",
        "skills": [
            {
                "id": "write-code",
                "name": "Write code",
                "description": "Implements functions and scripts with tests.",
                "tags": ["code", "python", "programming"],
                "examples": ["Write a function that parses ISO dates", "Make a script that renames files"],
            },
            {
                "id": "fix-bug",
                "name": "Fix a bug",
                "description": "Finds the cause of an error from a stack trace or a failing test and repairs it.",
                "tags": ["debugging", "bug", "exception"],
                "examples": ["Why does this raise a KeyError?"],
            },
        ],
    },
    {
        "name": "lawyer",
        "description": "Reviews contracts and explains legal clauses; no substitute for an attorney.",
        "skills": [
            {
                "id": "review-contract",
                "name": "Review a contract",
                "description": "Points out risky clauses, liability, termination and missing terms in agreements.",
                "tags": ["legal", "contract", "nda", "compliance"],
                "examples": ["Is there anything unusual in this NDA?", "Does this lease let me leave early?"],
            },
        ],
    },
    {
        "name": "travel-planner",
        "description": "Plans trips: flights, hotels, trains and day-by-day itineraries.",
        "skills": [
            {
                "id": "plan-trip",
                "name": "Plan a trip",
                "description": "Suggests routes, hotels and sights within a budget.",
                "tags": ["travel", "flight", "hotel", "vacation"],
                "examples": ["Three days in Lisbon with two kids", "Cheapest way from Oslo to Rome in May"],
            },
        ],
    },
    {
        "name": "summarizer",
        "description": "Condenses long documents, PDFs, meetings and threads into short summaries.",
        "skills": [
            {
                "id": "summarize-document",
                "name": "Summarize a document",
                "description": "Boils a long text down to key points and action items.",
                "tags": ["summary", "pdf", "meeting-notes"],
                "examples": ["Give me the gist of this 80 page report", "What was decided in this meeting transcript?"],
            },
        ],
    },
    {
        "name": "meteorologist",
        "description": "Weather forecasts and climate records for any place.",
        "skills": [
            {
                "id": "forecast",
                "name": "Forecast",
                "description": "Temperature, rain and wind for the next ten days.",
                "tags": ["weather", "temperature", "rain"],
                "examples": ["Will it rain in Paris tomorrow?", "Do I need a coat this weekend?"],
            },
        ],
    },
    {
        "name": "accountant",
        "description": "Bookkeeping, invoices, expenses and taxes for small companies.",
        "skills": [
            {
                "id": "process-invoice",
                "name": "Process an invoice",
                "description": "Extracts amounts, VAT and due dates from invoices and books them.",
                "tags": ["invoice", "vat", "bookkeeping", "tax"],
                "examples": ["Which of these bills are overdue?", "How much VAT do we owe this quarter?"],
            },
            {
                "id": "convert-currency",
                "name": "Convert currency",
                "description": "Converts amounts with the exchange rate of a day.",
                "tags": ["currency", "exchange-rate"],
                "examples": ["How many euros are 250 dollars?"],
            },
        ],
    },
]

NEEDS = [
    ("someone who can draw a chart from a CSV", "analyst"),
    ("I need a histogram of these numbers", "analyst"),
    ("compute the average per group in my spreadsheet data", "analyst"),
    ("plotting sales figures as a line graph", "analyst"),
    ("run an SQL query over a parquet file", "analyst"),
    ("find out what the newest sources on the web say about solar cells", "researcher"),
    ("please research competitors and cite your sources", "researcher"),
    ("what's in the news about electric cars?", "researcher"),
    ("write an email to a customer who complains", "writer"),
    ("can you draft a blog post announcing our product", "writer"),
    ("check my grammar and spelling", "writer"),
    ("help me with copywriting for an announcement", "writer"),
    ("translate this letter to French", "translator"),
    ("I need a Spanish translation of the manual", "translator"),
    ("an agent that speaks Japanese", "translator"),
    ("my Python program crashes with an exception", "coder"),
    ("implement a function with unit tests", "coder"),
    ("someone to debug a failing test", "coder"),
    ("programmer for a small TypeScript script", "coder"),
    ("is this contract risky?", "lawyer"),
    ("look over an NDA before I sign it", "lawyer"),
    ("legal advice about terminating an agreement", "lawyer"),
    ("find flights and a hotel for my vacation in Lisbon", "travel-planner"),
    ("planning a family trip to Rome", "travel-planner"),
    ("summary of a long PDF", "summarizer"),
    ("condense this meeting into action items", "summarizer"),
    ("will it be raining in Berlin tomorrow", "meteorologist"),
    ("temperatures and wind for the weekend", "meteorologist"),
    ("extract the due date from invoices", "accountant"),
    ("how much tax do we have to pay", "accountant"),
    ("converting dollars to euros", "accountant"),
    ("draw-chart", "analyst"),
    ("exchange rate", "accountant"),
]


async def _fill(runtime: Runtime) -> Entries:
    entries = await Entries.open(await runtime.database())
    for fields in AGENTS:
        manifest = Manifest.model_validate(fields)
        url = f"http://{manifest.name}.test"
        card = card_to_json(build_card(manifest, url, definition="1.0.0+0"))
        entry = entry_from_card(card, url, "replica-1", "*")
        registration = Registration.model_validate(entry.model_dump() | {"lease_seconds": 600})
        service = Principal("*", f"service:agent:{manifest.name}", frozenset({"service"}))
        await entries.register(service, registration)
    return entries


async def test_nine_of_ten_needs_find_the_right_agent_first(runtime: Runtime) -> None:
    entries = await _fill(runtime)
    wrong = []
    for text, right in NEEDS:
        found = await entries.search("acme", Need(text=text))
        if not found or found[0].name != right:
            wrong.append((text, right, [(entry.name, entry.score) for entry in found]))
    assert 1 - len(wrong) / len(NEEDS) >= 0.9, wrong
    assert all(found for _, _, found in wrong), wrong


async def test_scores_fall_from_100_to_0_and_are_the_same_each_time(runtime: Runtime) -> None:
    entries = await _fill(runtime)
    for text, _ in NEEDS:
        first, second = [await entries.search("acme", Need(text=text, limit=50)) for _ in range(2)]
        scores = [entry.score or 0.0 for entry in first]
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score <= 100 for score in scores)
        assert [entry.name for entry in first] == [entry.name for entry in second]


@pytest.mark.parametrize("text", ["zebra quantum yoghurt", "the of and", "???", "' | & ! ( \\ :*"])
async def test_a_need_that_nobody_meets_finds_nobody(runtime: Runtime, text: str) -> None:
    entries = await _fill(runtime)
    assert await entries.search("acme", Need(text=text)) == []


async def test_the_form_of_a_word_does_not_matter(runtime: Runtime) -> None:
    entries = await _fill(runtime)
    for text in ("summarize", "summaries", "Summarising", "summarization"):
        assert (await entries.search("acme", Need(text=text)))[0].name == "summarizer", text
    for text in ("drawChart", "draw_chart", "DRAW CHARTS", "chart/draw"):
        assert (await entries.search("acme", Need(text=text)))[0].name == "analyst", text


async def test_an_empty_need_lists_all_by_name(runtime: Runtime) -> None:
    entries = await _fill(runtime)
    names = [entry.name for entry in await entries.search("acme", Need(text="  ", limit=50))]
    assert names == sorted(str(agent["name"]) for agent in AGENTS)

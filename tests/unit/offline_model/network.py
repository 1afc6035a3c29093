"""The offline model in a small network: concierge, analyst and researcher with the network's own tools."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from agents import Agent, FunctionTool, RunConfig, Runner, function_tool
from agents.items import ToolCallItem

from offline_model import OfflineModel
from offline_model.language.words import overlap
from tests.unit.offline_model.scoring import Scored, message, tools

CARDS = Path(__file__).parents[3] / "agents" / "specialists"


@dataclass
class Network:
    """Files that are attached to the first message, and documents that stand in for the ingested ones."""

    folder: Path
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    documents: Mapping[str, str] | None = None
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list[tuple[str, dict[str, Any]]])
    """Every call of every agent, in order."""

    async def talk(self, *messages: str, to: str = "concierge") -> list[str]:
        """The answers to `messages` of one conversation."""
        for name, text in self.files.items():
            (self.folder / name).write_text(text)
        items: list[Any] = []
        answers: list[str] = []
        for said in messages:
            attached = next(iter(sorted(path.name for path in self.folder.iterdir() if path.is_file())), None)
            named = Scored(to, attached if not answers else None, said, (), self.folder, self.documents, attached)
            async with self._tools(named) as offered:
                items.append({"role": "user", "content": message(named)})
                answer, items = await self._run(to, items, offered)
            answers.append(answer)
        return answers

    async def ask(self, text: str, to: str = "concierge") -> str:
        """The answer to one message."""
        return (await self.talk(text, to=to))[0]

    @asynccontextmanager
    async def _tools(self, named: Scored) -> AsyncIterator[list[FunctionTool]]:
        async with AsyncExitStack() as stack:
            if named.to != "concierge":
                yield await stack.enter_async_context(tools(named))
                return
            own: dict[str, list[FunctionTool]] = {}
            for name in ("analyst", "researcher"):
                its = Scored(name, named.table, named.text, (), named.folder, named.documents, named.source)
                own[name] = await stack.enter_async_context(tools(its))
            yield self._network(own)

    def _network(self, own: Mapping[str, Sequence[FunctionTool]]) -> list[FunctionTool]:
        cards = {name: yaml.safe_load((CARDS / name / "agent.yaml").read_text()) for name in own}

        @function_tool
        def find_agents(need: str) -> str:
            """Find agents of this network that can do something.

            Args:
                need: What has to be done, in words.
            """
            rows = [
                {
                    "name": name,
                    "description": card["description"],
                    "skills": [{key: skill[key] for key in ("id", "name", "description")} for skill in card["skills"]],
                    "score": round(overlap(need, json.dumps(card)), 3),
                }
                for name, card in cards.items()
            ]
            return json.dumps(sorted((row for row in rows if row["score"]), key=lambda row: -float(row["score"])))

        @function_tool
        async def delegate(agent: str, message: str, files: list[str] | None = None) -> str:
            """Give a piece of work to an agent of this network and wait for its answer.

            Args:
                agent: Name of the agent.
                message: The work, with everything that it needs.
                files: URIs of files that go along.
            """
            answer, _ = await self._run(agent, [{"role": "user", "content": message}], own[agent])
            return json.dumps({"agent": agent, "task_id": "t", "state": "completed", "answer": answer, "files": []})

        return [find_agents, delegate]

    async def _run(self, name: str, items: list[Any], offered: Sequence[FunctionTool]) -> tuple[str, list[Any]]:
        agent: Agent[Any] = Agent(name, instructions=f"You are {name}.", tools=list(offered), model=OfflineModel())
        result = await Runner.run(agent, items, max_turns=40, run_config=RunConfig(tracing_disabled=True))
        self.calls += [
            (item.raw_item.name, json.loads(item.raw_item.arguments))  # type: ignore[union-attr]
            for item in result.new_items
            if isinstance(item, ToolCallItem)
        ]
        return str(result.final_output), list(result.to_input_list())

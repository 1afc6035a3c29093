"""`agentnet chat`: a conversation, line by line; each line is a task in the same context."""

import sys

from agentnet.cli.command.loop import run
from agentnet.cli.gateway.client import client_settings
from agentnet.cli.tasks.ask import converse, reached
from agentnet.cli.tasks.job import Job
from agentnet.cli.tasks.outcome import Outcome
from agentnet.cli.tasks.talk import Talk, line
from agentnet.errors import AgentNetError
from agentnet.settings import Settings

PROMPT = "\nYou: "


def run_chat(agent: str | None, context: str | None, url: str | None) -> None:
    """Talk until the user says no more."""
    run(_chat(client_settings(), agent, context or "", url, Talk()))


async def _chat(settings: Settings, name: str | None, context: str, url: str | None, talk: Talk) -> None:
    async with reached(settings, url, talk) as gateway:
        agent = await gateway.agent(name)
        talk.say(f"You talk with {agent.name}. An empty line or Ctrl-D ends it.")
        while text := await _next(talk):
            outcome, turn = Outcome(in_pieces=agent.in_pieces), Talk()
            message = Job(text, context_id=context).message(settings.max_file_bytes)
            try:
                await converse(agent, message, turn, outcome=outcome)
            except AgentNetError as error:
                # One line that went wrong is not the end of a conversation.
                talk.say(f"Error: {error}")
            context = outcome.context_id or context
        if context:
            talk.say(f"\nTo go on later: agentnet chat --context {context}")


async def _next(talk: Talk) -> str:
    # In a pipe each line is one of the user's, and nobody needs to be prompted.
    if sys.stdin.isatty():
        talk.progress.print(PROMPT, end="")
    typed = await line()
    if sys.stdin.isatty() and not typed.endswith("\n"):
        talk.progress.print()  # Ctrl-D ends no line by itself
    return typed.strip()

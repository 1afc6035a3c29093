"""The files of a new specialist."""

import json
from pathlib import Path

from agentnet.manifests.manifest import manifest_schema

SCHEMA_FILE = "agent.schema.json"

_MANIFEST = """\
# yaml-language-server: $schema=./{schema_file}
name: {name}
description: Counts words, characters and lines of a text.
version: 1.0.0
skills:
  - id: count-words
    name: Count words
    description: Counts the words, characters and lines of a text. Use it when somebody asks how long a text is.
    tags: [text, words, count, length]
    examples:
      - 'How many words has "the quick brown fox"?'
# mcp_servers: [knowledge, data, toolbox, web]
# peers: ["*"]
limits:
  max_turns: 10
"""

_INSTRUCTIONS = """\
You are {name}. You answer questions about the length of a text.

Use the tool count_words; never count by yourself. Answer in one sentence with the numbers that the tool returned.
"""

_TOOLS = '''\
"""The tools of {name}. Every function tool in this file is offered to the agent."""

from agents import function_tool


@function_tool
def count_words(text: str) -> str:
    """Count the words, characters and lines of a text.

    Args:
        text: The text to count.
    """
    found = {{"word": len(text.split()), "character": len(text), "line": len(text.splitlines())}}
    return ", ".join(f"{{number}} {{what}}{{'s' * (number != 1)}}" for what, number in found.items())


TOOLS = [count_words]
'''

_README = """\
# {name}

A specialist of an Agent Network. Run it: `agentnet up --agents {directory}`. Ask it:
`agentnet ask --agent {name} 'How many words has "the quick brown fox"?'`
"""


def agent_files(name: str, directory: Path) -> dict[str, str]:
    """Name and text of each file of the specialist `name` in `directory`."""
    return {
        "agent.yaml": _MANIFEST.format(name=name, schema_file=SCHEMA_FILE),
        "instructions.md": _INSTRUCTIONS.format(name=name),
        "tools.py": _TOOLS.format(name=name),
        "README.md": _README.format(name=name, directory=directory),
        SCHEMA_FILE: json.dumps(manifest_schema(), indent=2) + "\n",
    }

"""Small talk: greetings, thanks, and what the agent is for."""

import re
from collections.abc import Sequence

from offline_model.language.words import first_sentence, shorten, words
from offline_model.request.tools import Toolbox

OFFLINE = "I am running on the built-in offline model, which works by rules and tools and writes nothing of its own."
_GREETING = re.compile(
    r"(?i)^\W*(?:hi|hello|hey|hiya|howdy|greetings|good (?:morning|afternoon|evening|day)|hallo|moin|servus|guten (?:"
    r"tag|morgen|abend)|hola|bonjour|salut|ciao|olá|namaste|yo)\b[\s,]*(?:there|all|everyone|team|again|you|friend"
    r"|zusammen)?\W*(?:how are you(?: doing)?(?: today)?\W*)?$"
)
_THANKS = re.compile(
    r"(?i)^\W*(?:thanks|thank you|thx|cheers|danke|merci|gracias|great|perfect|nice|ok(?:ay)?|cool)\b[^?]{0,40}$"
)
_BYE = re.compile(r"^\W*(?:bye|goodbye|see you|tschüss|ciao|adieu)\b.{0,20}$", re.IGNORECASE)
_ABOUT = re.compile(
    r"(?i)^\W*(?:(?:hi|hello|hey)\W+)?(?:what (?:can|do|could) you (?:do|offer|know)(?: for me)?|who are you"
    r"|what are you"
    r"(?: for)?|how can you help(?: me)?|what (?:are|is) your (?:skills?|abilit\w+|purpose|capabilit\w+|name)|help(?: m"
    r"e)?|what (?:tools|skills|agents) (?:do you have|are there)|introduce yourself|was kannst du(?: tun)?|wer bist du"
    r"|qué puedes hacer|que peux-tu faire)\W*$"
)
REFUSAL = "I cannot do this:"
"""How an answer begins that declines the request."""
_WHO = re.compile(
    r"(?i)^\W*(?:who|which (?:agents?|specialists?|ones?)|is there (?:an? (?:agent|specialist)|any(?:one|body)"
    r"|some(?:one|body)))\b.{0,60}?\b(?:can|could|able|knows? how|should i ask|do i ask)\b"
)
MAX_ABILITIES = 20


def is_greeting(request: str) -> bool:
    """Whether `request` only greets, thanks or takes leave."""
    return len(request) < 120 and bool(_GREETING.match(request) or _THANKS.match(request) or _BYE.match(request))


def asks_abilities(request: str) -> bool:
    """Whether `request` asks what the agent can do."""
    parts = re.split(r"\s+and\s+|,\s+", request.strip())
    return len(request) < 160 and (bool(_ABOUT.match(request)) or all(_ABOUT.match(part) for part in parts))


def asks_for_agent(request: str) -> bool:
    """Whether `request` asks who can do something, and not for it to be done."""
    return len(request) < 300 and bool(_WHO.match(request))


def greeting(request: str, instructions: str, box: Toolbox) -> str:
    """The answer to a greeting."""
    if _BYE.match(request) and not _GREETING.match(request):
        return "Goodbye."
    if _THANKS.match(request) and not _GREETING.match(request):
        return "You are welcome."
    return "\n\n".join(filter(None, (f"Hello. {introduction(instructions)}".strip(), abilities(box))))


def introduction(instructions: str) -> str:
    """What the instructions say the agent is, in the first person."""
    lines = [line for line in instructions.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    sentence = first_sentence(" ".join(lines[:3])) if lines else ""
    match = re.match(r"you(?:'re| are)\s+(.+)", sentence, re.IGNORECASE)
    return f"I am {shorten(match[1], 300)}" if match else ""


def abilities(box: Toolbox, peers: Sequence[tuple[str, str]] = ()) -> str:
    """What can be done, as a list, from the tools and the peers that were found."""
    told = [(" ".join(words(tool.name)), first_sentence(tool.description).rstrip(".")) for tool in box.own]
    own = [f"- **{name}**{': ' if said else ''}{said[:1].lower()}{said[1:]}" for name, said in told[:MAX_ABILITIES]]
    others = [f"- **{name}**: {first_sentence(about)}" for name, about in peers[:MAX_ABILITIES]]
    parts: list[str] = []
    if own:
        parts.append("\n".join(["I can:", *own]))
    if others:
        parts.append("\n".join(["I can pass work to:", *others]))
    elif box.coordinates:
        parts.append("I can split a request into steps and pass each to the agent of this network that fits it best.")
    if not parts:
        parts.append("I have no tools here. Give me a text, and I can summarise it, find answers in it or arrange it.")
    return "\n\n".join(parts)


def refusal(requests: Sequence[str], box: Toolbox) -> str:
    """Says plainly what cannot be done here, and what can."""
    quoted = "; ".join(f"“{shorten(request, 160)}”" for request in requests)
    return f"{REFUSAL} {quoted}.\n\n{OFFLINE} No tool here fits that request.\n\n{abilities(box)}"

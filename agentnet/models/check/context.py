"""Whether a prompt arrives whole: some servers cut its start and say nothing, which their count of its tokens shows."""

from agentnet.models.check.asking import UnreachedError
from agentnet.models.check.chat import Prompt
from agentnet.models.check.finding import Advice, Figures, Finding
from agentnet.models.check.servers import Server
from agentnet.models.check.turns import Turns
from agentnet.models.endpoints.failure import Kind, ModelError

CONTEXT = "model context"
FIRST_PROMPT = 3000
"""Tokens, about, of the first prompt that an agent with a few tools sends."""
LONGER_PROMPT = 2 * FIRST_PROMPT
"""What it has grown to after a tool or two."""
LINES = 170
"""Of them is a prompt of `FIRST_PROMPT` tokens."""
GROWN = 1.8
"""By how much a server's count must grow for a prompt of twice the length: what comes with every prompt counts too."""
LEAST = 1000
"""Tokens under which a count cannot be one of such a prompt, cut or not."""


async def probed(turns: Turns, server: Server, advice: Advice, figures: Figures, stated: int | None) -> Finding:
    """What the server keeps of a prompt of about 3,000 tokens and of one twice as long. `stated`: its context, by its
    own word or the settings'."""
    counts: list[int] = []
    for size in (1, 2):
        about = f"{size * FIRST_PROMPT:,}"
        if size == 2 and stated is not None and stated <= LONGER_PROMPT:
            break
        try:
            heard = await turns.ask(_prompt(size))
        except UnreachedError as error:
            return Finding(
                CONTEXT, False, f"at a prompt of about {about} tokens the server {error.found}", "See its log."
            )
        except ModelError as error:
            return _refused(error, size, server, figures)
        if heard.prompt_tokens is None:
            return Finding(CONTEXT, True, "not known: the server does not tell how many tokens it read", server.context)
        counts.append(heard.prompt_tokens)
    return _judged(counts, server, advice, figures, stated)


def _judged(counts: list[int], server: Server, advice: Advice, figures: Figures, stated: int | None) -> Finding:
    most = max(counts)
    if most < LEAST:
        found = f"not known: the server counts {most:,} tokens for a prompt of about {len(counts) * FIRST_PROMPT:,}"
        return Finding(CONTEXT, True, found, "Its counts are wrong: limits of tokens are rough.")
    if len(counts) == 2 and counts[1] < GROWN * counts[0]:
        figures.context_tokens = most
        sent = 2 * counts[0] if counts[0] < most else LONGER_PROMPT
        found = f"cut: of a prompt of about {sent:,} tokens the server read {counts[1]:,}, without a word"
        return Finding(CONTEXT, False, found, server.context)
    if stated is not None:
        figures.context_tokens = stated
        small = stated <= LONGER_PROMPT
        found = f"{stated:,} tokens{', of which a first prompt takes about 3,000' if small else ''}"
        return Finding(CONTEXT, True, found, server.context if small else "")
    return Finding(CONTEXT, True, f"a prompt of {most:,} tokens was read whole")


def _refused(error: ModelError, size: int, server: Server, figures: Figures) -> Finding:
    about = f"{size * FIRST_PROMPT:,}"
    if error.kind is Kind.OVERFLOW:
        figures.context_tokens = figures.context_tokens or (size - 1) * FIRST_PROMPT or None
        found = f"a prompt of about {about} tokens is refused: {error.message}"
        # The network shortens what it sends; a first prompt cannot be shortened.
        return Finding(CONTEXT, size > 1, found, server.context)
    if error.kind is Kind.SILENT:
        found = f"a prompt of about {about} tokens is read for longer than a check may take"
        return Finding(
            CONTEXT, size > 1, found, "Every turn begins with that: take a smaller model, or a faster machine."
        )
    return Finding(CONTEXT, False, f"at a prompt of about {about} tokens: {error.message}", error.hint or "")


def _prompt(size: int) -> Prompt:
    """Lines of which each is new, and the first too: what a server has in its cache some do not count."""
    lines = (
        f"{size}-{number}: the gauge at station {number * 7 % 97} reads {number * 13 % 89} centimetres above its mean."
        for number in range(size * LINES)
    )
    return Prompt(system=f"Readings, series {size}.", user="\n".join([*lines, "Answer with the word yes."]))

"""One streamed call with a tool: how fast the model speaks, whether it calls, what its server refuses."""

from agentnet.models.check.asking import UnreachedError
from agentnet.models.check.chat import Heard, Prompt
from agentnet.models.check.finding import Advice, Figures, Finding, ToolCall
from agentnet.models.check.servers import Server
from agentnet.models.check.turns import Turns
from agentnet.models.endpoints.failure import Kind, ModelError

CALL = "model call"
MOST_TOKENS = 512
"""Of the answer: a model that reasons needs some before it calls."""
PROMPT = Prompt(
    system="You answer with the tools that you are given.",
    user="What is the weather in Paris now? Call the tool get_weather for it.",
    with_tool=True,
    max_tokens=MOST_TOKENS,
)
AT_LENGTH = ("length", "incomplete")


async def called(turns: Turns, server: Server, advice: Advice, figures: Figures) -> list[Finding]:
    """What the call shows, one finding where no other would do better; the figures are filled in."""
    try:
        heard = await turns.ask(PROMPT)
    except UnreachedError as error:
        return [Finding(CALL, False, f"the model's server {error.found}", "See the server's log.")]
    except ModelError as error:
        return [failed(error, advice)]
    return judged(heard, server, figures)


def failed(error: ModelError, advice: Advice) -> Finding:
    """What is said of a call that was not answered."""
    return Finding(CALL, False, error.message, _todo(error, advice))


def judged(heard: Heard, server: Server, figures: Figures) -> list[Finding]:
    """What the answer to the call shows; the figures are filled in."""
    figures.first_token_seconds = heard.first_seconds
    figures.tokens_per_second = heard.tokens_per_second
    figures.usage = heard.usage is not None
    figures.tool_call = heard.tool_call
    if broken := _broken(heard):
        return [Finding(CALL, False, broken, "Ask again; if it stays so, see the server's log.")]
    return [Finding(CALL, True, _pace(heard), _usage(heard)), _tool(heard, server)]


def _broken(heard: Heard) -> str | None:
    if heard.says_nothing:
        return "the model said nothing and called nothing"
    if not heard.is_over and not heard.is_cut:
        return "the answer broke off: its stream ended before it did"
    return None


def _pace(heard: Heard) -> str:
    first, rate = heard.first_seconds, heard.tokens_per_second
    words = [f"first token after {seconds(first)}"] if first is not None else []
    if rate is not None:
        words.append(f"{rate:.3g} tokens a second")
    if heard.is_whole:
        words.append("in one piece, not streamed")
    if heard.is_cut:
        words.append("still speaking when the check stopped")
    words.append("usage sent" if heard.usage else "usage not sent")
    return ", ".join(words)


def _usage(heard: Heard) -> str:
    left_out = [name for name in heard.left_out if name != "tools"]
    refused = f"It refuses {' and '.join(left_out)}, which the network leaves out." if left_out else ""
    missing = "" if heard.usage else "Tokens are estimated then, and limits of tokens are rough."
    return " ".join(filter(None, (refused, missing)))


def _tool(heard: Heard, server: Server) -> Finding:
    check = "model tools"
    match heard.tool_call:
        case ToolCall.CALLED:
            return Finding(check, True, "the tool was called")
        case ToolCall.REFUSED:
            return Finding(check, False, f"tools are refused: {heard.left_out['tools']}", server.tools)
        case ToolCall.TEXT:
            found = "the call came as text: the server does not read this model's calls"
            return Finding(check, True, found, f"The network reads it where it can. Better: {server.tools}")
        case ToolCall.BROKEN:
            name, arguments = next(iter(heard.calls.values()))
            found = f"the call cannot be used: {shortened_call(name, arguments)}"
            return Finding(check, True, found, "A larger model makes fewer such mistakes.")
        case ToolCall.NOT_CALLED:
            thought = heard.finish in AT_LENGTH
            why = "it thought for as long as it may" if thought else "it answered without, and agents work by tools"
            return Finding(check, thought, f"the tool was not called: {why}", server.tools)


def _todo(error: ModelError, advice: Advice) -> str:
    match error.kind:
        case Kind.KEY:
            return f"Check {advice.key}."
        case Kind.REQUEST if "404" in error.message:
            return f"Check {advice.model} and {advice.url}: with most servers the address ends in /v1."
        case Kind.REQUEST:
            return f"Check {advice.model} and {advice.url}."
        case Kind.GARBLED:
            return f"Check {advice.url}: is it the address of an OpenAI-compatible API?"
        case Kind.BUSY:
            return f"A limit of rate: ask again after {f'{error.wait:.0f} s' if error.wait else 'a minute'}."
        case Kind.SILENT:
            return "Is the machine large enough for the model? See the server's log."
        case _:
            return error.hint or "See the server's log."


def seconds(value: float) -> str:
    """Such as `84 ms`, `3.2 s`."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def shortened_call(name: str, arguments: str) -> str:
    """A call on one line."""
    text = f"{name}({arguments})"
    return text if len(text) <= 80 else f"{text[:79]}…"

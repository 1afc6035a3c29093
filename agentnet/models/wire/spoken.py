"""Tool calls that a model wrote as text, in the notation of its template, where its server did not read them."""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

from agentnet.models.wire.asked import Asked
from agentnet.models.wire.names import AnyTool, Tools, tool_meant
from agentnet.models.wire.reading import first_value, object_in, text_of

MARKS = (
    "<tool_call>", "<tool_calls>", "<toolcall>", "<TOOLCALL>", "<function_call>", "<function_calls>", "<function=",
    "<functions>", "<invoke ", "<|tool_call|>", "<|tool_call>", "<|tool_calls|>", "<|python_tag|>", "<|python_start|>",
    "<|tool_calls_section_begin|>", "<|tool_call_begin|>", "<｜tool▁calls▁begin｜>", "<｜tool▁call▁begin｜>",
    "<minimax:tool_call>", "<start_function_call>", "<|channel|>commentary to=",
    "<|start|>assistant<|channel|>commentary to=",
    "commentary to=functions.", "assistantcommentary to=functions.", "[TOOL_CALLS]", "[TOOL_CALL]", "functools[",
    "```tool_code", "```tool_call",
)  # fmt: skip
"""How a call may begin, unmistakably."""
REACT = ("Thought:", "Action:")
"""How an answer in ReAct's notation begins, which agents were prompted in before there were tools."""
LEADS = (*MARKS, *REACT, "```", "{", "[")
"""How an answer may begin that is nothing but a call."""
KEYS = frozenset(
    {
        "name", "function", "tool", "tool_name", "function_name", "recipient_name", "action", "type", "id",
        "arguments", "parameters", "args", "input", "tool_input", "action_input", "tool_calls",
        "function_call", "tool_uses",
    }
)  # fmt: skip
"""What a call in JSON may begin with."""
NAMES = ("name", "function", "tool", "tool_name", "function_name", "recipient_name", "action")
ARGUMENTS = ("arguments", "parameters", "args", "input", "tool_input", "action_input", "params")
LISTS = ("tool_calls", "tool_uses")
CALLING = (*LISTS, "function_call")
"""Keys of JSON that is a call, whatever tool it names."""
LONGEST_HEAD = 4_096
"""Characters within which a call has to say its name."""

Outlook = Literal["yes", "perhaps", "no"]
Call = tuple[str, str]
"""The tool, and its arguments as JSON."""

_FENCE = re.compile(r"\A```[\w-]*(?:\s+|\Z)")
_JSON_HEAD = re.compile(r'\[?\s*\{\s*"(\w+)"')
_JSON_PART = re.compile(r'\[?\s*(?:\{\s*(?:"(\w*))?)?')
_NAMED = re.compile(r'"(?:name|function|tool|tool_name|function_name|recipient_name|action)"\s*:\s*"([^"\\]*)"')
_ANY_HEAD = re.compile(r'\[?\s*\{\s*"(?:name|function|tool|tool_name|function_name)"\s*:\s*"[A-Za-z_][\w.-]{0,63}"\s*')
_ANY_ARGUMENTS = re.compile(rf',\s*"(?:{"|".join(ARGUMENTS)})"\s*:\s*\{{')
_ANY_PART = re.compile(r'(?:,\s*(?:"(\w*)(?:"\s*(?::\s*)?)?)?)?')
_PYTHON = re.compile(r"\[\s*([A-Za-z_][\w.-]*)\s*\(")
_PYTHON_PART = re.compile(r"\[\s*([A-Za-z_][\w.-]*)?\s*")
_AFTER = re.compile(r"<\|?/?tool[_▁]?(?:response|result|output)s?", re.IGNORECASE)
"""A result that the model made up behind its call."""
_FILLER = re.compile(
    r"(?:\s|[,;]|```\w*|\[/?(?:TOOL_CALLS?|ARGS)\]|\[CALL_ID\]\w*|functools(?=\[)|</?(?!function=|invoke\b|parameter\b|parameter="
    r"|arg_key>)[^<>\n]{1,60}>|\bto=|\b(?:assistant|analysis|commentary|function|json|code)\b(?!\s*\())+"
)
_TAGGED = re.compile(
    r"<(?:function=|invoke\s+name=)[\"']?([^\"'<>\s]+)[\"']?\s*>(.*?)(?:</(?:function|invoke)>|\Z)", re.DOTALL
)
_PARAMETER = re.compile(  # bounded, or a name that never ends is looked at once for each of its characters
    r"<parameter(?:=|\s{1,8}name=)[\"']?([^\"'<>]{1,200}?)[\"']?(?:\s[^<>]{0,200})?>"
    r"\n?(.*?)\n?(?:</parameter>|(?=<parameter)|\Z)",
    re.DOTALL,
)
_PAIR = re.compile(r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)(?:</arg_value>|\Z)", re.DOTALL)
_NAME = re.compile(r"(?:functions?\.)?([A-Za-z_][\w.-]*)(?::\d+)?")
_BRACKET = re.compile(r"\s*[}\]](?=\s*(?:</|<\||```|\Z))")
_SPACE = re.compile(r"\s*")
_ACTION = re.compile(r"^[^\S\n]*+Action:[ \t]*+([\w.-]++)[ \t]*+\n\s*+Action Input:\s*+", re.MULTILINE)
"""Begins its line: whatever the thoughts before it are, they are read once."""
_CALLED = re.compile(r"(?:\[\s*)?([A-Za-z_][\w.-]*)(?:\.call)?\s*\(")


def outlook(text: str, asked: Asked) -> Outlook:
    """Whether `text`, without space before it, is the beginning of a call."""
    if mark := next((mark for mark in MARKS if text.startswith(mark)), None):
        return _outlook_behind(mark, text.removeprefix(mark).lstrip())
    if any(mark.startswith(text) for mark in LEADS):
        return "perhaps"
    if text.startswith(REACT):
        return "yes" if _action(text) else "perhaps"
    body = text
    if text.startswith("```"):
        found = _FENCE.match(text)
        if found is None:
            return "perhaps" if re.fullmatch(r"```[\w-]{0,20}", text) else "no"
        body = text[found.end() :].lstrip()
        if not body:
            return "perhaps"
    return _outlook_of_json(body, asked) if body[0] in "{[" else "no"


def _outlook_behind(mark: str, body: str) -> Outlook:
    """Whether what stands behind a mark may be a call: a value, a tag or a name."""
    if mark[-1] in "= .[" or mark.startswith("```") or not mark.startswith(("<", "[")):
        return "yes"
    if not body:
        return "perhaps"
    return "yes" if body.startswith(("{", "[", "<", "```")) or body[0].isalpha() else "no"


def _outlook_of_json(body: str, asked: Asked) -> Outlook:
    head = body[:LONGEST_HEAD]
    if found := _PYTHON.match(head):
        return "yes" if tool_meant(found[1], asked.tools) else "no"
    if part := _PYTHON_PART.fullmatch(head):
        return "perhaps" if not part[1] or any(name.startswith(part[1]) for name in asked.tools) else "no"
    key = _JSON_HEAD.match(head)
    if key is None:
        part = _JSON_PART.fullmatch(head)
        return "perhaps" if part and any(each.startswith(part[1] or "") for each in KEYS) else "no"
    if key[1] not in KEYS:
        return "no"
    names = _NAMED.findall(head)
    if not names:
        return "perhaps" if len(body) < LONGEST_HEAD else "no"
    if any(tool_meant(name, asked.tools) for name in names[:5]):
        return "yes"
    return "no" if asked.has_form else "yes" if key[1] in CALLING else _outlook_of_any(head)


def _outlook_of_any(head: str) -> Outlook:
    """Whether JSON that names no tool is a call all the same: a name like that of one, and an object of arguments."""
    found = _ANY_HEAD.match(head)
    if found is None:
        return "no"
    rest = head[found.end() :]
    if _ANY_ARGUMENTS.match(rest):
        return "yes"
    part = _ANY_PART.fullmatch(rest)
    may_be = part is not None and any(each.startswith(part[1] or "") for each in ARGUMENTS)
    return "perhaps" if may_be and len(head) < LONGEST_HEAD else "no"


def _action(text: str, at: int = 0) -> "re.Match[str] | None":
    """`Action: name` and `Action Input:`, at once or behind thoughts."""
    return _ACTION.search(text, at) if text.startswith(REACT[0], at) else _ACTION.match(text, at)


def calls_in(text: str, tools: Tools) -> list[Call]:
    """The calls that `text` is, all of it; none where it holds anything else."""
    calls: list[Call] = []
    at = 0
    while True:
        at = _past_filler(text, at)
        if at >= len(text) or (calls and _AFTER.match(text, at)):
            return calls
        found = next((found for read in _READERS if (found := read(text, at, tools))), None)
        if found is None:
            return []
        calls.extend(found[0])
        at = found[1]


def calls_of_any(text: str, tools: Tools) -> list[Call]:
    """The same, where some are of tools that there are not."""
    return calls_in(text, AnyTool(tools))


def _past_filler(text: str, at: int) -> int:
    if _AFTER.match(text, at):
        return at
    found = _FILLER.match(text, at)
    if found is None:
        return at
    made_up = _AFTER.search(text, at, found.end())
    return made_up.start() if made_up else found.end()


def _in_json(text: str, at: int, tools: Tools) -> tuple[list[Call], int] | None:
    if text[at] not in "{[":
        return None
    try:
        value, end = first_value(text, at)
    except ValueError:
        rest = text[at:].rstrip().removesuffix("```").rstrip()
        value, end = object_in(rest), len(text)  # in Python's notation
    calls = list(_meant(value, tools, depth=3))
    return (calls, _past_brackets(text, end)) if calls and None not in calls else None  # type: ignore[return-value]


def _past_brackets(text: str, at: int) -> int:
    """Behind the one bracket too many that small models write."""
    found = _BRACKET.match(text, at)
    return found.end() if found else at


def _meant(value: Any, tools: Tools, depth: int) -> Iterator[Call | None]:
    """The calls that a JSON value means; a None among them for what is none."""
    if isinstance(value, list) and value and depth:
        for each in value:
            yield from _meant(each, tools, depth - 1)
    elif isinstance(value, dict):
        listed = next((value[key] for key in LISTS if isinstance(value.get(key), list)), None)
        if listed is not None:
            yield from _meant(listed, tools, depth - 1)
        else:
            yield _call(cast("dict[str, Any]", value), tools)
    else:
        yield None


def _call(value: Mapping[str, Any], tools: Tools) -> Call | None:
    for inner in ("function", "function_call"):
        if isinstance(value.get(inner), dict):
            value = value[inner]
    name = next((value[key] for key in NAMES if isinstance(value.get(key), str)), "")
    tool = tool_meant(name, tools) if name else None
    key = next((key for key in ARGUMENTS if key in value), None)
    if tool is None or key is None or (isinstance(tools, AnyTool) and not value.keys() <= KEYS):
        return None
    arguments = _arguments(value[key])
    if arguments is None or (arguments.get("type") == "object" and isinstance(arguments.get("properties"), dict)):
        return None  # the second is the tool's own schema, told again
    return tool, text_of(arguments)


def _arguments(value: Any) -> dict[str, Any] | None:
    if value is None:
        return {}
    if isinstance(value, str):
        return object_in(value)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _in_tags(text: str, at: int, tools: Tools) -> tuple[list[Call], int] | None:
    """`<function=name>` and `<invoke name="name">`, with JSON or with parameters in tags."""
    found = _TAGGED.match(text, at)
    tool = tool_meant(found[1], tools) if found else None
    if found is None or tool is None:
        return None
    pairs = _PARAMETER.findall(found[2])
    arguments = _typed(pairs, tools[tool]) if pairs else object_in(found[2])
    return None if arguments is None else ([(tool, text_of(arguments))], found.end())


def _named(text: str, at: int, tools: Tools) -> tuple[list[Call], int] | None:
    """A name, and behind it its arguments: as JSON, or as pairs of tags."""
    found = _NAME.match(text, at)
    tool = tool_meant(found[1], tools) if found else None
    if found is None or tool is None:
        return None
    start = _past_filler(text, found.end())
    if text[start : start + 1] == "{":
        try:
            value, end = first_value(text, start)
        except ValueError:
            return None
        return ([(tool, text_of(value))], end) if isinstance(value, dict) else None
    pairs: list[tuple[str, str]] = []
    end = start
    while pair := _PAIR.match(text, end):
        pairs.append((pair[1], pair[2]))
        end = _past_space(text, pair.end())
    return ([(tool, text_of(_typed(pairs, tools[tool])))], end) if pairs else None


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _in_python(text: str, at: int, tools: Tools) -> tuple[list[Call], int] | None:
    """`[name(a=1), other(b="x")]` and `name.call(a=1)`, to the end of the line or of the list."""
    found = _CALLED.match(text, at)
    if found is None or tool_meant(found[1], tools) is None or len(text) > 65_536:
        return None
    source = re.split(r"<\||```|</", text[at:])[0].strip().replace(".call(", "(")
    try:
        tree = ast.parse(source, mode="eval").body
        nodes = tree.elts if isinstance(tree, ast.List | ast.Tuple) else [tree]
        calls = [_called(node, tools) for node in nodes]
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    if any(call is None for call in calls):
        return None
    return [call for call in calls if call], at + len(re.split(r"<\||```|</", text[at:])[0])


def _called(node: ast.expr, tools: Tools) -> Call | None:
    if not isinstance(node, ast.Call) or node.args:
        return None
    tool = tool_meant(ast.unparse(node.func), tools)
    if tool is None or any(keyword.arg is None for keyword in node.keywords):
        return None
    return tool, text_of({str(keyword.arg): ast.literal_eval(keyword.value) for keyword in node.keywords})


def _typed(pairs: list[tuple[str, str]], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Values that came as bare text, as the tool's schema has them."""
    properties = schema.get("properties")
    properties = cast("dict[str, Any]", properties) if isinstance(properties, dict) else {}
    return {name.strip(): _value(text, properties.get(name.strip())) for name, text in pairs}


def _value(text: str, schema: Any) -> Any:
    if isinstance(schema, Mapping) and schema.get("type") == "string":
        return text
    try:
        value, end = first_value(text.strip())
    except ValueError:
        return text
    return value if end == len(text.strip()) else text


def _in_react(text: str, at: int, tools: Tools) -> tuple[list[Call], int] | None:
    """`Action: name` and `Action Input: {…}`, and what the model made up of the result."""
    found = _action(text, at)
    tool = tool_meant(found[1], tools) if found else None
    if found is None or tool is None or text[found.end() : found.end() + 1] != "{":
        return None
    try:
        value, end = first_value(text, found.end())
    except ValueError:
        return None
    if text[end:].lstrip().startswith("Observation:"):
        end = len(text)
    return ([(tool, text_of(value))], end) if isinstance(value, dict) else None


_READERS = (_in_react, _in_json, _in_tags, _named, _in_python)

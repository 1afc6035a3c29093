"""What an endpoint's refusal asks to be left out: a table from its words to names of "
"`agentnet.models.wire.omissions`."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from agentnet.models.endpoints.failure import Kind, ModelError
from agentnet.models.endpoints.sentences import payload_of

LEARNT_FROM = frozenset({400, 422, 424, 501})
TEMPLATES = frozenset({500})
"""Where servers tell that their model's template cannot take the messages."""
ONCE = frozenset({"output_limit"})
"""Names that hold for one request alone: the next may be shorter."""
OF_THE_ANSWER = re.compile(r"completion|max_(?:new_|output_)?tokens|output tokens|generat", re.IGNORECASE)
"""Where a context is too small for the prompt and the answer that was asked for together."""
MOST_WORDS = 8_192
MOST_FOUND = 8
"""Candidates of one line of the table."""
ECHOES = frozenset({"input", "ctx", "body", "request", "url"})
"""Members in which a refusal repeats what it was sent."""
DEEP = 8

SCHEMA_WORDS = (
    r"\$schema|\$id|\$comment|title|default|examples?|format|pattern|minLength|maxLength|minimum|maximum|exclusiveMinimum"
    r"|exclusiveMaximum|multipleOf|minItems|maxItems|uniqueItems|minProperties|maxProperties|patternProperties|propertyNames"
    r"|dependentRequired|dependentSchemas|if|then|else|not|contains|prefixItems|deprecated|readOnly|writeOnly|nullable"
    r"|contentEncoding|contentMediaType|unevaluatedProperties|enum|discriminator|additionalProperties"
)
FIELDS = (
    "parallel_tool_calls|stream_options|response_format|reasoning_effort|tool_choice|temperature|top_p|top_k|frequency_penalty"
    "|presence_penalty|logit_bias|top_logprobs|prompt_cache_key|prompt_cache_retention|prompt_cache_options|safety_identifier"
    "|service_tier|verbosity|previous_response_id|context_management|max_tool_calls|web_search_options|chat_template_kwargs"
    "|enable_thinking|modalities|prediction"
)
COMMON_FIELDS = (
    "store|metadata|user|n|seed|text|include|reasoning|truncation|stop|logprobs|prompt|background|conversation"
)
"""Fields whose names are also words: they count between quotes, behind a word for a field, or as a place."""
MEMBERS = (
    "name|reasoning_content|reasoning|refusal|annotations|audio|function_call|thinking_blocks|provider_specific_fields"
    "|extra_content|id|status|phase|summary|encrypted_content"
)
_Q = "['\"`]"

REFUSALS: tuple[tuple[str, tuple[str, ...]], ...] = (
    # How long the answer may be
    (r"max_tokens\b.{0,120}\bmax_completion_tokens", ("max_tokens", "output_limit")),
    (
        r"max_(?:completion_|output_)?tokens\b.{0,100}(?:too large|exceed|at most|less than|greater "
        r"than|maximum|range)",
        ("output_limit",),
    ),
    (r"\bin (?:the|your) completion\b|tokens? .{0,60}\bmax_(?:new_|completion_)?tokens\b", ("output_limit",)),
    (r"max_completion_tokens", ("max_completion_tokens", "any_output_limit")),
    (r"max_tokens", ("max_tokens", "any_output_limit")),
    (r"max_output_tokens", ("any_output_limit",)),
    # The stream: a whole answer is made one
    (rf"{_Q}stream{_Q}|\bstream(?:ing)?\b.{{0,40}}\bnot (?:be )?(?:supported|available|allowed)", ("stream",)),
    # Schemas
    (r"is required to be supplied|\bstrict\b", ("strict",)),
    (r"additional_?properties", ("additionalProperties",)),
    (
        r"not repeating, cannot start list|\btype arrays?\b|\btype\W{0,3}(?:must|should|cannot|may "
        r"not).{0,40}(?:list|array|string)"
        r"|unhashable type: 'list'|\[['\"](?:string|null)['\"], ?['\"]\w+['\"]\]",
        ("type_lists",),
    ),
    (r"\$ref|\$defs|\breferences? (?:is|are)\b|recursive schema", ("$ref",)),
    (r"\b(?:any_?of|one_?of|all_?of)\b|must (?:have|be of) type:? ?['\"`]?object|type: \"?None", ("anyOf", "unions")),
    (
        r"non-empty for object type|properties.{0,40}(?:should be|must be|is) (?:non-?empty|empty)",
        ("empty_parameters", "filled_parameters"),
    ),
    (
        rf"(?:unknown name|unknown field|unrecognized (?:key|field)|keyword"
        rf"|schema)[^.]{{0,40}}{_Q}({SCHEMA_WORDS}){_Q}",
        ("schema:{0}",),
    ),
    (
        rf"{_Q}({SCHEMA_WORDS}){_Q}[^.]{{0,60}}(?:not (?:supported|permitted|allowed)|unsupported|invalid)",
        ("schema:{0}",),
    ),
    (r"\bconst\b", ("const",)),
    (r"\bformat\b.{0,60}\b(?:supported|unknown|invalid)", ("schema:format",)),
    # Roles and messages
    (r"\bdeveloper\b", ("developer",)),
    (r"roles? must alternate|alternate (?:between )?user|must alternate", ("alternate", "system")),
    (
        r"system (?:role|message|prompt|instruction)s?\b|role.{0,30}\bsystem\b|only (?:support "
        r")?user(?:,| and) (?:assistant|model)",
        ("system",),
    ),
    (r"tool.?call.{0,60}(?:length of 9|a-z, A-Z, 0-9)", ("short_ids",)),
    (
        r"content.{0,80}(?:\bnull\b|\bnone\b|must not be empty|required|missing)|null.{0,60}content",
        ("null_content", "empty_content"),
    ),
    (r"content.{0,60}(?:non-?empty|empty)|empty (?:content|message|text)", ("empty_content",)),
    (
        r"content.{0,80}(?:must be a string|expected a string|valid string|not a string)|invalid type: sequence",
        ("content_parts",),
    ),
    (
        r"encrypted content|(?:item|type|of type)[^.]{0,40}\breasoning\b|reasoning[^.]{0,30}\bitems?\b",
        ("reasoning_items",),
    ),
    (r"tool_calls[\[\].\w]{0,12}[.\"'\]\[ ]+(index|extra_content|provider_specific_fields|custom)\b", ("call:{0}",)),
    (rf"(?:messages?|input)[.\[\]\d]{{1,8}}[.\[\]'\"]{{0,3}}({MEMBERS})\b", ("message:{0}",)),
    (r"\bname\b[^.]{0,60}\b(?:tool|role|message)|(?:tool|role|message)s?\b.{0,40}\bname\b", ("name",)),
    (rf"{_Q}(reasoning_content|thinking_blocks|function_call|annotations|refusal){_Q}", ("message:{0}",)),
    # Members of the body
    (rf"\b({FIELDS})\b", ("{0}",)),
    (
        rf"(?:{_Q}|body\.|(?:parameter|param|argument|field|property|input|key)s?(?: supplied)?:? "
        rf"|^)({COMMON_FIELDS})(?:{_Q}|: | is | are |,|$)",
        ("{0}",),
    ),
    (r"json_schema|json_object|structured outputs?|guided|grammar", ("response_format", "text")),
    # Tools
    (
        r"\b(?:tool|function)s?\b.{0,160}?(?:maximum length|at most|maximum (?:number )?of|up to|more "
        r"than|limit(?: is| of)?|max(?:imum)?:?) (\d+)",
        ("tools_over:{0}",),
    ),
    (r"(?:at most|maximum of|up to|more than|limit of|max) (\d+) (?:tool|function)", ("tools_over:{0}",)),
    (rf"(?:function|tool)(?: named| name)? {_Q}([\w.:/ -]{{1,160}}){_Q}", ("tool_named:{0}",)),
    (r"\btools?(?:\[0?\]\.function_declarations)?[.\[]+(\d+)\b", ("tool_at:{0}",)),
    (r"function_declarations\[(\d+)\]", ("tool_at:{0}",)),
)
"""From the likeliest to the last resort: the words, and what to try, in this order."""
ALSO_OF_TEMPLATES = frozenset(
    {"alternate", "system", "developer", "short_ids", "null_content", "empty_content", "content_parts"}
)

_COMPILED = tuple((re.compile(words, re.IGNORECASE | re.MULTILINE), names) for words, names in REFUSALS)


def candidates(status: int, body: bytes, failure: ModelError) -> Iterator[str]:
    """What to leave out after this refusal, the likeliest first; nothing after one of another kind."""
    if failure.kind is Kind.OVERFLOW and OF_THE_ANSWER.search(str(failure)):
        yield from ONCE
    if (status not in LEARNT_FROM and status not in TEMPLATES) or failure.kind not in (Kind.REQUEST, Kind.SERVER):
        return
    words = "\n".join(_words(payload_of(body), DEEP))[:MOST_WORDS]
    for pattern, names in _COMPILED:
        for number, found in enumerate(pattern.finditer(words)):
            if number >= MOST_FOUND:
                break
            for name in names:
                filled = name.format(*found.groups())
                if status not in TEMPLATES or filled in ALSO_OF_TEMPLATES:
                    yield filled


def _words(value: Any, depth: int) -> Iterator[str]:
    """All that a refusal says, a line for each text; a place (`loc`) as one. What it only repeats is left out."""
    if not depth:
        return
    if isinstance(value, str):
        inner = payload_of(value.encode("utf-8", "replace")) if value.lstrip()[:1] in ("{", "[") else value
        if isinstance(inner, str):
            yield value
        else:
            yield from _words(inner, depth - 1)
    elif isinstance(value, list):
        for each in value[:50]:
            yield from _words(each, depth - 1)
    elif isinstance(value, Mapping):
        for name, each in cast("Mapping[str, Any]", value).items():
            if name == "loc" and isinstance(each, list):
                yield ".".join(str(step) for step in each[:12])
            elif name not in ECHOES:
                yield from _words(each, depth - 1)

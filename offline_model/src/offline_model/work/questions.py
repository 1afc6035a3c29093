"""Questions to the person: asked through `ask_user` where there is that tool, else in the answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from offline_model.arguments.kinds import Kind, kind_of, role_of
from offline_model.arguments.known import Names
from offline_model.language.words import first_sentence, shorten, words
from offline_model.request.conversation import QUESTION
from offline_model.request.ledger import Ledger
from offline_model.request.plan import Step
from offline_model.request.tools import Parameter, ToolSpec

_OFFERED = 12


@dataclass(frozen=True, eq=False)
class Questions:
    """Asks, and knows what was answered."""

    ledger: Ledger
    tool: ToolSpec | None = None
    answers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def asks_by_tool(self) -> bool:
        """Whether there is a tool to ask with."""
        return self.tool is not None

    def ask(self, question: str) -> str | None:
        """The answer to `question`; None while there is none."""
        if self.tool is None:
            return self.answers.get(question)
        answer = self.ledger.call(self.tool, {"question": question})
        return answer.strip() if answer and answer.strip() else (None if answer is None else "")

    def wording(self, parameter: Parameter, step: Step, names: Names) -> str:
        """The question that asks for `parameter`; its first line is all of it."""
        about = f"for “{shorten(step.text, 120)}”"
        thing = _thing(parameter)
        offered = _offered(parameter, names)
        return f"{QUESTION}{thing} {about}.{offered}"


def _thing(parameter: Parameter) -> str:
    kind, role = kind_of(parameter), role_of(parameter)
    side = {"from": " to convert from", "to": " to convert to"}.get(role, "")
    plain = {
        Kind.TEXT: "the text to work on", Kind.ZONE: f"the city or time zone{side}", Kind.UNIT: f"the unit{side}",
        Kind.URL: "the link (URL)", Kind.SOURCE: "the file or data source to use",
        Kind.EXPRESSION: "the calculation, such as `3 * (4 + 5)`", Kind.CLOCK: "the time of day",
        Kind.SQL: "the SQL query",
    }.get(kind)  # fmt: skip
    if plain:
        return plain
    described = first_sentence(parameter.description).rstrip(".")
    name = " ".join(words(parameter.name))
    return (
        f"the {name} ({described[:1].lower()}{described[1:]})"
        if described and described.lower() != name
        else f"the {name}"
    )


def _offered(parameter: Parameter, names: Names) -> str:
    known = {Kind.SOURCE: names.sources, Kind.COLUMN: names.columns}.get(kind_of(parameter), ())
    choices = [str(choice) for choice in parameter.choices] or list(known)
    return f" There are: {', '.join(choices[:_OFFERED])}." if choices else ""

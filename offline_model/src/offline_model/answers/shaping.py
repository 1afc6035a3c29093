"""Shaping: an answer in the JSON that an output schema asks for."""

import json

from offline_model.arguments.filling import Task, fill
from offline_model.arguments.kinds import Kind, kind_of
from offline_model.request.conversation import Material, Request, read
from offline_model.request.ledger import Decision
from offline_model.request.plan import Step
from offline_model.request.tools import ToolSpec


def shaped(decision: Decision, request: Request) -> Decision:
    """`decision` with its text as JSON where the request has an output schema; otherwise as it is."""
    if decision.calls or request.output_schema is None:
        return decision
    tool = ToolSpec("answer", "", request.output_schema)
    step = Step(0, decision.text)
    values = dict(fill(tool, Task(step, (Material("", decision.text),))).arguments)
    for parameter in tool.parameters:
        if parameter.type == "string" and not parameter.choices and kind_of(parameter) is not Kind.TITLE:
            values[parameter.name] = values.get(parameter.name) or decision.text
    if not values and not tool.parameters:
        values = {"response": decision.text}
    return Decision(text=json.dumps(values or {"answer": read(request.items).request}, ensure_ascii=False))

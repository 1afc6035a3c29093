"""`agentnet models`: the models that are named, installed or set. Each command imports what it does when it runs."""

from typing import Annotated

import typer

from agentnet.cli.command.options import AsJson, Call

HELP = "List the models that agents can run on, test one, compare several."
app = typer.Typer(rich_markup_mode=None, help=HELP)


@app.callback(invoke_without_command=True, help=HELP)
def models(context: typer.Context, json: AsJson = False) -> None:
    """As `agentnet models list`."""
    if context.invoked_subcommand is None:
        list_models(json)


@app.command("list")
def list_models(json: AsJson = False) -> None:
    """List the models that agents can run on. Contacts nothing, and shows no key."""
    from agentnet.cli.network import model_list

    model_list.show_models(json)


@app.command("test")
def test_one(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The model; unset: the default.")] = None,
    call: Call = True,
    json: AsJson = False,
) -> None:
    """Check one model: its address, its list, a streamed call with a tool, its context. Says what to do."""
    from agentnet.cli.network import model_check

    model_check.show_test(name, call=call, as_json=json)


@app.command("compare")
def compare(
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", help="The models; unset: all declared.")] = None,
    json: AsJson = False,
) -> None:
    """Ask several models the same, one after the other, and show how fast each is and what it can."""
    from agentnet.cli.network import model_check

    model_check.show_comparison(names or [], as_json=json)

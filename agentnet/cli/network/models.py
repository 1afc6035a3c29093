"""`agentnet models`: the models that are named, installed or set. Each command imports what it does when it runs."""

import typer

from agentnet.cli.command.options import AsJson

HELP = "List the models that agents can run on, which one is the default, and where each is."
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

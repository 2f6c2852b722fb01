"""Options that several commands have, and how the module of a command is found."""

from importlib import import_module
from typing import Annotated, Any

import typer

ApiPort = Annotated[
    int | None,
    typer.Option(min=1, max=65_535, help="Choose the stand with this API port, if several run."),
]
Prefix = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Work on the deployment of this prefix in AWS (ovc)."),
]
Region = Annotated[
    str | None, typer.Option(metavar="REGION", help="Its region (the AWS configuration's).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]


def command(name: str) -> Any:  # a module of this package, whose functions take the options
    """Return the module of a command; some are slow to load, and `--help` needs none."""
    return import_module(f"cli.{name}")

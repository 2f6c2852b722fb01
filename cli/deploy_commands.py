"""What can be typed after `ovc deploy`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import AsJson, command

deploy = typer.Typer(help="A deployment in AWS, before it is made.", no_args_is_help=True)


@deploy.command()
def plan(
    context: Annotated[
        list[str] | None,
        typer.Option(
            "-c",
            "--context",
            metavar="KEY=VALUE",
            help="As for cdk: ovc:profile=medium; can be repeated, and wins over cdk.json.",
        ),
    ] = None,
    directory: Annotated[
        Path, typer.Option(metavar="DIR", help="Where cdk.json and app.py are.")
    ] = Path(),
    minutes: Annotated[
        int, typer.Option(min=0, max=10**9, help="Minutes of talk in a month.")
    ] = 100_000,
    call_seconds: Annotated[
        int, typer.Option(min=1, max=86_400, help="Mean length of a call.")
    ] = 180,
    concurrent: Annotated[
        int | None,
        typer.Option(min=0, max=10**6, help="Calls at once, at the peak: do they find room?"),
    ] = None,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="AWS's prices, TOML (of us-east-1).")
    ] = None,
    resources: Annotated[
        bool,
        typer.Option("--resources/--no-resources", help="Make the templates and count in them."),
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Show what `cdk deploy --all` would create and what it would cost in a month.

    Nothing is deployed, and nobody is asked but the package index, for the Lambdas' dependencies.
    """
    plan = command("deploy_plan")
    plan.run(
        directory=directory,
        given=tuple(context or ()),
        traffic=plan.Traffic(minutes=minutes, call_seconds=call_seconds, concurrent=concurrent),
        prices_file=prices,
        with_resources=resources,
        as_json=as_json,
    )

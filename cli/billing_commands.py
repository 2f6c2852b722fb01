"""What can be typed after `ovc bill` and `ovc cost`."""

from pathlib import Path
from typing import Annotated

import typer

from cli.bill_columns import Column, Form
from cli.cdr_commands import Bucket, ConnectorId, KeyPrefix
from cli.options import ApiPort, AsJson, Prefix, Region, command

cost = typer.Typer(help="What calls would cost elsewhere.", no_args_is_help=True)

Month = Annotated[
    str, typer.Option("--month", metavar="YYYY-MM", help="Month of UTC in which calls began.")
]


def bill(
    month: Month,
    rates: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Rate card, TOML (Amazon's column of the whitepaper)."),
    ] = None,
    by: Annotated[
        list[Column] | None,
        typer.Option(help="What lines are told apart by; can be repeated (all)."),
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="How it is written.")] = Form.TABLE,
    connector: ConnectorId = None,
    bucket: Bucket = None,
    key_prefix: KeyPrefix = None,
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
) -> None:
    """Add up what a month of calls and numbers costs, from the detail records in the bucket."""
    command("bill").run(
        month=month,
        rates=rates,
        by=tuple(by or ()),
        form=form,
        connector=connector,
        bucket=bucket,
        key_prefix=key_prefix,
        prefix=prefix,
        region=region,
        api_port=api_port,
    )


@cost.command()
def compare(
    cards: Annotated[
        list[Path] | None,
        typer.Argument(metavar="CARD...", help="Rate cards, TOML (the whitepaper's offerings)."),
    ] = None,
    minutes: Annotated[
        int | None, typer.Option(min=0, max=10**9, help="Minutes of a month (350).")
    ] = None,
    inbound: Annotated[
        int | None, typer.Option(min=0, max=10**9, help="Of them inbound (a third).")
    ] = None,
    numbers: Annotated[
        int | None, typer.Option(min=0, max=10**6, help="Numbers that are rented (1).")
    ] = None,
    concurrent: Annotated[
        int | None,
        typer.Option(min=0, max=10**6, help="Calls that are up at once, at the peak (1)."),
    ] = None,
    country: Annotated[
        str | None, typer.Option(metavar="ISO", help="Where the numbers are that are called (US).")
    ] = None,
    month: Annotated[
        str | None,
        typer.Option(metavar="YYYY-MM", help="Price the calls of this month, from their records."),
    ] = None,
    call_seconds: Annotated[
        int | None,
        typer.Option(min=1, max=86_400, help="Mean length of a call, with --minutes (180)."),
    ] = None,
    nodes: Annotated[
        int | None,
        typer.Option(min=1, max=1_000, help="Edge tasks (what the peak needs, and one more)."),
    ] = None,
    vcpu: Annotated[str | None, typer.Option(metavar="NUMBER", help="vCPU of a task (1).")] = None,
    memory: Annotated[str | None, typer.Option(metavar="GB", help="Memory of a task (2).")] = None,
    prices: Annotated[
        Path | None, typer.Option(metavar="FILE", help="AWS's prices, TOML (of us-east-1).")
    ] = None,
    bucket: Bucket = None,
    key_prefix: KeyPrefix = None,
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
    as_json: AsJson = False,
) -> None:
    """Set offers beside Amazon's prices, and with them an edge of your own at AWS.

    Without anything: Table 1 of the whitepaper.
    """
    cost = command("cost")
    cost.compare(
        files=tuple(cards or ()),
        monthly=cost.Monthly(
            minutes=minutes,
            inbound=inbound,
            numbers=numbers,
            concurrent_calls=concurrent,
            call_seconds=call_seconds,
            country=country,
        ),
        month=month,
        place=cost.Place(bucket, key_prefix, prefix, region, api_port),
        tasks=cost.Tasks(nodes=nodes, vcpu=vcpu, memory_gb=memory, prices=prices),
        as_json=as_json,
    )

"""What can be typed behind `ovc cdr`."""

from typing import Annotated, Any

import typer

from cli.errors import CommandError, ExitCode
from cli.options import ApiPort, AsJson, Prefix, Region, command
from cli.records.moments import MOMENT_FORMS, SPAN_FORMS

LIMIT = 50
MOST_LISTED = 10_000
"""They are held in memory; `export` holds none."""

cdr = typer.Typer(
    help="Call detail records: of the running stand, or with --prefix or --region of a deployment "
    "in AWS. Objects in the bucket that are no records are told on standard error, counted and "
    "left out; the exit code stays 0.",
    no_args_is_help=True,
)

Bucket = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Read this bucket (the one that GlobalSettings name)."),
]
KeyPrefix = Annotated[
    str | None,
    typer.Option(
        metavar="PATH",
        help="What the keys of records begin with, `records.prefix` in the settings "
        "(Amazon-Chime-Voice-Connector-CDRs/json).",
    ),
]
ConnectorId = Annotated[
    str | None, typer.Option("--connector", metavar="ID", help="Of this Voice Connector.")
]
Since = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="MOMENT", help=f"Calls that began then or later: {MOMENT_FORMS}."
    ),
]
Before = Annotated[
    str | None,
    typer.Option(
        "--to", metavar="MOMENT", help="Calls that began before; a date is its beginning."
    ),
]
During = Annotated[
    str | None, typer.Option(metavar="SPAN", help=f"Calls that began in it, by UTC: {SPAN_FORMS}.")
]
Number = Annotated[
    str | None,
    typer.Option(metavar="+1...", help="Called or calling number; +49* for all that begin so."),
]
Caller = Annotated[str | None, typer.Option(metavar="+1...", help="Calling number.")]
Called = Annotated[str | None, typer.Option(metavar="+1...", help="Called number.")]
Status = Annotated[
    str | None, typer.Option(metavar="STATUS", help="Completed, Rejected or Rate_Limited.")
]
Direction = Annotated[
    str | None, typer.Option(metavar="in|out", help="in: to the PBX; out: from it.")
]
MinDuration = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Calls that were up so long at least: 90, 1.5m, 2h."),
]


@cdr.command()
def tail(
    count: Annotated[
        int | None, typer.Option("-n", "--count", min=1, help="End after this many records.")
    ] = None,
    once: Annotated[bool, typer.Option(help="Show what is there and end.")] = False,
    connector: ConnectorId = None,
    since: Since = None,
    number: Number = None,
    status: Status = None,
    direction: Direction = None,
    bucket: Bucket = None,
    key_prefix: KeyPrefix = None,
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
    as_json: AsJson = False,
) -> None:
    """Show records as they land in the bucket, those that are there first.

    Of a deployment in AWS those come first whose calls began within the last hour, or since --from;
    then the keys of the last four and a half hours are looked at every five seconds.
    """
    command("cdr").tail(
        _place(bucket, key_prefix, prefix, region, api_port),
        _wanted(
            connector=connector, since=since, number=number, status=status, direction=direction
        ),
        count=count,
        once=once,
        as_json=as_json,
    )


@cdr.command("list")
def list_records(
    limit: Annotated[
        int, typer.Option(min=1, max=MOST_LISTED, help="Show so many, the newest.")
    ] = LIMIT,
    connector: ConnectorId = None,
    since: Since = None,
    before: Before = None,
    during: During = None,
    number: Number = None,
    caller: Caller = None,
    called: Called = None,
    status: Status = None,
    direction: Direction = None,
    min_duration: MinDuration = None,
    bucket: Bucket = None,
    key_prefix: KeyPrefix = None,
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
    as_json: AsJson = False,
) -> None:
    """List records, the latest at the end; without --from and --during those of the last 24 hours.

    Times are UTC. --json prints the objects as they are, one a line.
    """
    if since is None and during is None:
        since = "24h"
    command("cdr").list_records(
        _place(bucket, key_prefix, prefix, region, api_port),
        _wanted(
            connector=connector,
            since=since,
            before=before,
            during=during,
            number=number,
            caller=caller,
            called=called,
            status=status,
            direction=direction,
            min_duration=min_duration,
        ),
        limit=limit,
        as_json=as_json,
    )


@cdr.command()
def get(
    transaction_id: Annotated[str, typer.Argument(metavar="TRANSACTION_ID", help="Which call.")],
    connector: ConnectorId = None,
    since: Since = None,
    before: Before = None,
    during: During = None,
    bucket: Bucket = None,
    key_prefix: KeyPrefix = None,
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
    as_json: AsJson = False,
) -> None:
    """Show the record of one call; exit code 1 when there is none.

    The table of calls knows where it lies for 90 days. Older ones, and those of --bucket, are
    searched for by their keys: --connector, --from, --to and --during say where. --json prints the
    object as it is.
    """
    if not transaction_id or "/" in transaction_id or len(transaction_id) > 128:
        raise CommandError(f"{transaction_id!r} is no TransactionId", ExitCode.USAGE)
    command("cdr_get").get(
        _place(bucket, key_prefix, prefix, region, api_port),
        _wanted(connector=connector, since=since, before=before, during=during),
        transaction_id,
        as_json=as_json,
    )


@cdr.command()
def export(
    out: Annotated[
        str,
        typer.Option("-o", "--out", metavar="FILE", help="Where to write; - is standard output."),
    ] = "-",
    file_format: Annotated[
        str | None,
        typer.Option(
            "--format", metavar="json|csv|parquet", help="By the ending of FILE, or json."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="End after this many records.")] = None,
    connector: ConnectorId = None,
    since: Since = None,
    before: Before = None,
    during: During = None,
    number: Number = None,
    caller: Caller = None,
    called: Called = None,
    status: Status = None,
    direction: Direction = None,
    min_duration: MinDuration = None,
    bucket: Bucket = None,
    key_prefix: KeyPrefix = None,
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
) -> None:
    """Write records as one table of both formats: JSON lines, CSV, or Parquet with pyarrow.

    They come by connector, then by time; without filters all of the bucket. A file appears when it
    is whole; when anything fails, the exit code is 1 and what was there before stays.
    """
    module = command("cdr_export")
    formats = {it.value: it for it in module.FileFormat}
    if file_format is not None and file_format not in formats:
        raise CommandError(
            f"--format is {file_format!r}; one of {', '.join(formats)} is wanted", ExitCode.USAGE
        )
    module.export(
        _place(bucket, key_prefix, prefix, region, api_port),
        _wanted(
            connector=connector,
            since=since,
            before=before,
            during=during,
            number=number,
            caller=caller,
            called=called,
            status=status,
            direction=direction,
            min_duration=min_duration,
        ),
        out=out,
        file_format=None if file_format is None else formats[file_format],
        limit=limit,
    )


@cdr.command("check-bucket")
def check_bucket(
    bucket: Annotated[str, typer.Argument(metavar="BUCKET", help="Name of the bucket.")],
    edge_role: Annotated[
        str | None, typer.Option(metavar="ARN", help="Role of the edge (the deployment's).")
    ] = None,
    reaper_role: Annotated[
        str | None, typer.Option(metavar="ARN", help="Role of the reaper (the deployment's).")
    ] = None,
    key_prefix: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH",
            help="What the keys of records begin with (as in the deployment's settings; with "
            "--edge-role the usual one); can be repeated.",
        ),
    ] = None,
    policy: Annotated[
        bool,
        typer.Option("--policy", help="Print the policy alone, for `aws s3api put-bucket-policy`."),
    ] = False,
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
) -> None:
    """Say whether records can go into a bucket of yours, and print the policy that lets them.

    The policy is the present one with what the roles of edge and reaper need, and no more. Exit
    code 1 when something is wrong; what these credentials may not look at is told as unsure. On the
    running stand an object is written, written again to be refused, and removed.
    """
    command("cdr_check_bucket").run(
        bucket,
        edge_role=edge_role,
        reaper_role=reaper_role,
        key_prefixes=tuple(key_prefix or ()),
        policy_only=policy,
        prefix=prefix,
        region=region,
        api_port=api_port,
    )


def _place(
    bucket: str | None,
    key_prefix: str | None,
    prefix: str | None,
    region: str | None,
    api_port: int | None,
) -> Any:  # a Place of cli.records.source, which is loaded with the command
    return command("records.source").Place(bucket, key_prefix, prefix, region, api_port)


def _wanted(**filters: str | None) -> Any:  # a Wanted of cli.records.wanted, as above
    return command("records.choice").chosen(**filters)

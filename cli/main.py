"""The `ovc` command line: what can be typed. What is done lies in one module for each command.

Those modules are loaded when their command runs, because some need AWS's SDK and `ovc --help`
should not wait for it.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import billing_commands, drain_commands
from cli.cdr_commands import cdr
from cli.certs_commands import certs
from cli.deploy_commands import deploy
from cli.errors import CommandError, ExitCode
from cli.options import ApiPort, AsJson, Prefix, Region, command
from emulator.ports import HOST, Ports

_EXIT_CODES = (
    "Exit codes: 0 done; 1 nothing runs, or a part failed; 2 an option cannot be used; 3 a port is "
    "in use; of `call` also 4 refused, 5 unanswered, 6 answered without audio."
)
_PORTS = Ports()

app = typer.Typer(
    name="ovc",
    help="Open Voice Connector: SIP trunking that you own.",
    epilog=_EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
call = typer.Typer(
    help="Place a call from the simulated phone network, or record one that is up.",
    invoke_without_command=True,
)
app.add_typer(call, name="call")
app.add_typer(cdr, name="cdr")
app.add_typer(certs, name="certs")
keys = typer.Typer(
    help="Access keys of the management API: of the running stand, or with --prefix or --region "
    "of a deployment in AWS.",
    no_args_is_help=True,
)
app.add_typer(keys, name="keys")
numbers = typer.Typer(help="The supply of phone numbers.", no_args_is_help=True)
app.add_typer(numbers, name="numbers")
app.command("bill")(billing_commands.bill)
app.command("drain")(drain_commands.drain)
app.add_typer(billing_commands.cost, name="cost")
app.add_typer(deploy, name="deploy")

Number = Annotated[str, typer.Argument(metavar="+1...", help="Number in E.164.")]
CallId = Annotated[
    str | None,
    typer.Argument(metavar="CALL", help="TransactionId or SIP Call-ID.", show_default=False),
]
KeyId = Annotated[str, typer.Argument(metavar="ACCESS_KEY_ID", help="Which key; see the list.")]


def main() -> None:
    """Run the command line; every foreseeable problem is one line on standard error."""
    try:
        app()
    except CommandError as error:
        sys.stderr.write(f"ovc: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)


def _port(meaning: str) -> Any:  # typer's own options have this type
    return typer.Option(min=1, max=65_535, metavar="PORT", help=meaning)


@app.command()
def up(
    api_port: Annotated[int, _port("TCP port of the management API.")] = _PORTS.api,
    sip_port: Annotated[int, _port("UDP and TCP port of the SIP edge.")] = _PORTS.sip,
    tls_port: Annotated[int, _port("TLS port of the SIP edge.")] = _PORTS.tls,
    aws_port: Annotated[int, _port("TCP port of the embedded AWS.")] = _PORTS.aws,
    pstn_port: Annotated[int, _port("Port of the simulated phone network.")] = _PORTS.pstn,
    pbx_port: Annotated[int, _port("UDP port of the demo PBX, or of yours.")] = _PORTS.pbx,
    listen: Annotated[
        str, typer.Option(metavar="IP", help="Address of the edge, for phones elsewhere.")
    ] = HOST,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="CIDR", help="Network that may call, too; can be repeated."),
    ] = None,
    pbx: Annotated[
        bool, typer.Option("--pbx/--no-pbx", help="Run the demo PBX, or leave its port to yours.")
    ] = True,
    settings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Operator settings, JSON.")
    ] = None,
    plain: Annotated[
        bool, typer.Option(help="Plain lines, also when the output is a terminal.")
    ] = False,
) -> None:
    """Run the whole product here: API, SIP edge, phone network, demo PBX, AWS. Ctrl-C ends it."""
    command("up").run(
        ports=Ports(
            api=api_port, aws=aws_port, sip=sip_port, tls=tls_port, pstn=pstn_port, pbx=pbx_port
        ),
        listen=listen,
        allow=tuple(allow or ()),
        with_pbx=pbx,
        settings_file=settings,
        plain=plain,
    )


@app.command()
def env(api_port: ApiPort = None, as_json: AsJson = False) -> None:
    """Print what the running stand offers as shell exports: eval "$(ovc env)"."""
    command("env").run(api_port=api_port, as_json=as_json)


@call.callback()
def place_call(
    context: typer.Context,
    to_number: Annotated[
        str | None, typer.Option("--to", metavar="+1...", help="Number to call.")
    ] = None,
    from_number: Annotated[
        str, typer.Option("--from", metavar="+1...", help="Caller id.")
    ] = "+12125552001",
    duration: Annotated[
        float, typer.Option(min=0.0, max=3600.0, help="Seconds until the caller hangs up.")
    ] = 3.0,
    api_port: ApiPort = None,
    as_json: AsJson = False,
) -> None:
    """Place a call from the simulated phone network, or record one that is up.

    Exit code 0: answered, heard and ended normally; 4: refused; 5: unanswered; 6: no audio.
    """
    if context.invoked_subcommand is not None:
        return
    if to_number is None:
        raise CommandError("--to is missing: which number is to be called?", ExitCode.USAGE)
    command("call").run(
        from_number=from_number,
        to_number=to_number,
        duration_s=duration,
        api_port=api_port,
        as_json=as_json,
    )


@call.command("record")
def record_call(
    call_id: CallId = None,
    last: Annotated[
        bool, typer.Option("--last", help="Take the call that was answered last.")
    ] = False,
    seconds: Annotated[
        int | None,
        typer.Option(min=1, max=86_400, help="End after so long (the call's end, or the limit)."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Where to write it (<CALL>.pcap)."),
    ] = None,
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
) -> None:
    """Record signalling and clear audio of a call that is up, for Wireshark; Ctrl-C ends it.

    The operator's settings have to allow it: {"recording": {"allowed": true}}.
    """
    command("call_recording").run(
        call_id,
        last=last,
        seconds=seconds,
        out=out,
        prefix=prefix,
        region=region,
        api_port=api_port,
    )


@keys.command("create")
def create_key(
    description: Annotated[str, typer.Option(help="Whose key it is, or what for.")] = "",
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
    as_json: AsJson = False,
) -> None:
    """Make a key; its secret is printed this once."""
    command("keys").create(
        description=description,
        api_port=api_port,
        prefix=prefix,
        region=region,
        as_json=as_json,
    )


@keys.command("list")
def list_keys(
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
    as_json: AsJson = False,
) -> None:
    """Show all keys: status, when they were made and, to the hour, last used; no secrets."""
    command("keys").list_all(api_port=api_port, prefix=prefix, region=region, as_json=as_json)


@keys.command("rotate")
def rotate_key(
    access_key_id: KeyId,
    overlap: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            max=8_760.0,
            metavar="HOURS",
            help="How long the old key keeps working; without it, until it is revoked.",
        ),
    ] = None,
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
    as_json: AsJson = False,
) -> None:
    """Make a successor of a key; the old one keeps working meanwhile."""
    command("keys").rotate(
        access_key_id,
        overlap_hours=overlap,
        api_port=api_port,
        prefix=prefix,
        region=region,
        as_json=as_json,
    )


@keys.command("revoke")
def revoke_key(
    access_key_id: KeyId,
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
) -> None:
    """End a key, within 60 seconds and for good."""
    command("keys").revoke(access_key_id, api_port=api_port, prefix=prefix, region=region)


@numbers.command("import")
def import_numbers(
    file: Annotated[Path, typer.Argument(help="CSV: number,type,country,city,state.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Judge the file and change nothing.")
    ] = False,
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
) -> None:
    """Put your carriers' numbers into the pool, where they can be ordered; all or none."""
    command("numbers").run_import(
        file=file, dry_run=dry_run, prefix=prefix, region=region, api_port=api_port
    )


@numbers.command()
def port_in(
    number: Number,
    name: Annotated[str | None, typer.Option(help="Name of the number.")] = None,
    product_type: Annotated[
        str, typer.Option(help="VoiceConnector or SipMediaApplicationDialIn.")
    ] = "VoiceConnector",
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
) -> None:
    """Put a number that another operator has handed over straight into the inventory."""
    command("numbers").run_port_in(
        number=number,
        name=name,
        product_type=product_type,
        prefix=prefix,
        region=region,
        api_port=api_port,
    )


@numbers.command()
def release(
    number: Number, prefix: Prefix = None, region: Region = None, api_port: ApiPort = None
) -> None:
    """Give a number back: take it out of pool, deletion queue or inventory, if it is free."""
    command("numbers").run_release(number=number, prefix=prefix, region=region, api_port=api_port)


@app.command()
def explain(
    call_id: CallId = None,
    last: Annotated[
        bool, typer.Option("--last", help="Take the call that was refused or ended last.")
    ] = False,
    hours: Annotated[
        float, typer.Option(min=0.01, max=2_160.0, help="In AWS: how far back to search.")
    ] = 24.0,
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
    as_json: AsJson = False,
) -> None:
    """Tell the story of a call: what was tried, which check refused it and what to do."""
    command("explain").run(
        call_id,
        last=last,
        hours=hours,
        api_port=api_port,
        prefix=prefix,
        region=region,
        as_json=as_json,
    )


@app.command()
def doctor(api_port: ApiPort = None, prefix: Prefix = None, region: Region = None) -> None:
    """Say what is wrong with the set-up here, or with --prefix or --region of a deployment in AWS.

    Exit code 1 when something is.
    """
    command("doctor").run(api_port=api_port, prefix=prefix, region=region)


@app.command()
def smoke(
    number: Annotated[
        str | None,
        typer.Option("--number", metavar="+1...", help="Place a real call to it as well."),
    ] = None,
    from_number: Annotated[
        str, typer.Option("--from", metavar="+1...", help="Caller id of that call.")
    ] = "+12125550100",
    duration: Annotated[
        float, typer.Option(min=1.0, max=600.0, help="Seconds until that call is hung up.")
    ] = 5.0,
    source: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CIDR", help="Network that it may ask from, too (NAT with many addresses)."
        ),
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option(
            "--ca",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Authorities to trust in TLS, PEM.",
        ),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="AWS profile with an access key of the API (a new one)."),
    ] = None,
    api_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The API (what the stack says).")
    ] = None,
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
    as_json: AsJson = False,
) -> None:
    """Try a deployment, or the running stand: API, nodes, DNS, SIP, a refused call, its record.

    What it makes for that, a connector and an access key, it removes again. Exit code 1: a step
    has failed.
    """
    command("smoke").run(
        number=number,
        from_number=from_number,
        duration_s=duration,
        sources=tuple(source or ()),
        ca_file=None if ca is None else str(ca),
        profile=profile,
        api_url=api_url,
        prefix=prefix,
        region=region,
        api_port=api_port,
        as_json=as_json,
    )


if __name__ == "__main__":
    main()

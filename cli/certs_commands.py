"""`ovc certs`: what can be typed about certificates."""

from pathlib import Path
from typing import Annotated

import typer

from cli.options import Prefix, Region, command

certs = typer.Typer(
    help="Certificates of SIP over TLS. Without a command: where the local CA's certificate is, "
    "which TLS phones and PBXs have to trust.",
    invoke_without_command=True,
)

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...",
        help="PEM: certificate, chain and key, in one file or several.",
        show_default=False,
    ),
]
Domain = Annotated[
    str,
    typer.Option(
        metavar="DOMAIN",
        help="Domain of the settings: the certificate has to be for *.DOMAIN.",
        show_default=False,
    ),
]


@certs.callback()
def local_ca(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the CA's certificate there.")
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(metavar="HOST", help="With --out: write a certificate for a PBX, too."),
    ] = None,
    ca: Annotated[bool, typer.Option("--ca", help="Print the CA's certificate.")] = False,
) -> None:
    """Say where the local CA's certificate is, unless there is a command."""
    if context.invoked_subcommand is None:
        command("certs").run(out=out, name=name, print_ca=ca)


@certs.command()
def check(files: Files, domain: Domain) -> None:
    """Say whether nodes could show a certificate, and clients would take it."""
    command("certificate").check(files, domain=domain)


@certs.command()
def put(
    files: Files,
    domain: Domain,
    prefix: Prefix = None,
    region: Region = None,
    secret: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Secret to put it into (PREFIX/tls).", show_default=False
        ),
    ] = None,
) -> None:
    """Check a certificate, and put it where the nodes of a deployment in AWS read it."""
    command("certificate").put(files, domain=domain, secret=secret, prefix=prefix, region=region)

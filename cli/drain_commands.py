"""`ovc drain` as it is typed."""

from typing import Annotated

import typer

from cli.options import ApiPort, Prefix, Region, command


def drain(
    node: Annotated[str, typer.Argument(metavar="NODE", help="NodeId, or its beginning.")],
    undo: Annotated[
        bool, typer.Option("--undo", help="Take the order back: the node serves again.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Stay until the last call has ended; Ctrl-C only leaves.")
    ] = False,
    prefix: Prefix = None,
    region: Region = None,
    api_port: ApiPort = None,
) -> None:
    """Take an edge node out of service: no new calls, those that are up go on to their end."""
    command("drain").run(
        node, undo=undo, wait=wait, prefix=prefix, region=region, api_port=api_port
    )

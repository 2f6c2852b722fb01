"""Options that several commands have."""

from typing import Annotated

import typer

ApiPort = Annotated[
    int | None,
    typer.Option(min=1, max=65_535, help="Choose the stand with this API port, if several run."),
]
Prefix = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Work on the deployment of this prefix in AWS [ovc]."),
]
Region = Annotated[
    str | None, typer.Option(metavar="REGION", help="Its region [the AWS configuration's].")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")]

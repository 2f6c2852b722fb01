"""A program that writes further assemblies into a directory, all in one start of Node.js.

`other`   everything that can be chosen differs from the defaults
`large`   the largest profile, on arm64
`off`     no node, alarms to a topic of one's own
`nag`     the defaults, checked against cdk-nag's AwsSolutions
`zoned`   the same with a zone, TLS, and alarms by mail, checked likewise
`control` a bucket without any care, checked likewise: it must fail
"""

import json
import sys
from pathlib import Path

from aws_cdk import App, Stack, Validations
from aws_cdk import aws_s3 as s3
from cdk_nag import AwsSolutionsChecks

from infra.application import assembled
from tests.infra.synthesis import OTHER, ROOT

OFF = {"ovc:nodes": 0, "ovc:alarm_topic": "arn:aws:sns:us-east-1:111122223333:on-call"}
LARGE = {"ovc:profile": "large", "ovc:architecture": "arm64"}


def main() -> None:
    """Write all of them; only what is wrong with the app itself is an error here."""
    directory = Path(sys.argv[1])
    assembled(OTHER, str(directory / "other")).synth()
    assembled(LARGE, str(directory / "large")).synth()
    assembled(OFF, str(directory / "off")).synth()
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    write_checked(assembled(context, str(directory / "nag")))
    chosen = {
        key: OTHER[key] for key in ("ovc:hosted_zone_id", "ovc:alarm_email", "ovc:tls_secret")
    }
    write_checked(assembled(context | chosen, str(directory / "zoned")))
    write_checked(careless(str(directory / "control")))


def careless(outdir: str) -> App:
    """Return an app that breaks rules."""
    app = App(outdir=outdir)
    s3.Bucket(Stack(app, "careless"), "Bucket")
    return app


def write_checked(app: App) -> None:
    """Synthesise with the rules; what they find is in the assembly's validation report."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    try:
        app.synth()
    except RuntimeError as error:
        if "ValidationFailed" not in str(error):
            raise


if __name__ == "__main__":
    main()

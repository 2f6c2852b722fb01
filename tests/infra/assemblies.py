"""A program that writes further assemblies into a directory, all in one start of Node.js.

`other`   everything that can be chosen differs from the defaults
`large`   the largest profile, on arm64
`off`     no node, alarms to a topic of one's own, more calls for a node than its media can do, a
          key of the deployment's own that encrypts nothing yet
`nag`     the defaults, checked against cdk-nag's AwsSolutions
`zoned`   the same with a zone, TLS, scaling, and alarms by mail, checked likewise
`front`   the same with the API under a domain of its own in that zone, a firewall, a key of the
          deployment's own and access logs, checked likewise
`fixed`   nodes with fixed addresses, checked likewise
`listed`  the same on arm64 with a chosen instance, and some addresses that there are already
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

OFF = {
    "ovc:nodes": 0,
    "ovc:max_nodes": 5,
    "ovc:settings": {"domain": "vc.example.org", "admission": {"concurrent_calls": 1_500}},
    "ovc:alarm_topic": "arn:aws:sns:us-east-1:111122223333:on-call",
    "ovc:kms_key": "permitted",
}
FRONT = {
    "ovc:tls_secret": "ovc/tls",
    "ovc:settings": {"domain": "vc.example.org"},
    "ovc:hosted_zone_id": OTHER["ovc:hosted_zone_id"],
    "ovc:alarm_email": OTHER["ovc:alarm_email"],
    "ovc:api_domain": "api.vc.example.org",
    "ovc:api_certificate": OTHER["ovc:api_certificate"],
    "ovc:api_waf": 10,
    "ovc:kms_key": "customer",
    "ovc:access_logs": True,
}
LARGE = {"ovc:profile": "large", "ovc:architecture": "arm64"}

FIXED = {
    "ovc:addressing": "fixed",
    "ovc:elastic_ip_count": 2,
    "ovc:hosted_zone_id": OTHER["ovc:hosted_zone_id"],
}
LISTED = {
    "ovc:prefix": "lab3",
    "ovc:addressing": "fixed",
    "ovc:profile": "medium",
    "ovc:architecture": "arm64",
    "ovc:instance_type": "c7gn.xlarge",
    "ovc:max_nodes": 4,
    "ovc:elastic_ip_count": 6,
    "ovc:elastic_ips": ["eipalloc-0123456789abcdef0", "eipalloc-01234567"],
}


def main() -> None:
    """Write all of them; only what is wrong with the app itself is an error here."""
    directory = Path(sys.argv[1])
    assembled(OTHER, str(directory / "other")).synth()
    assembled(LARGE, str(directory / "large")).synth()
    assembled(OFF, str(directory / "off")).synth()
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    write_checked(assembled(context, str(directory / "nag")))
    names = ("hosted_zone_id", "max_nodes", "alarm_email", "tls_secret")
    chosen = {f"ovc:{it}": OTHER[f"ovc:{it}"] for it in names}
    write_checked(assembled(context | chosen, str(directory / "zoned")))
    write_checked(assembled(context | FRONT, str(directory / "front")))
    write_checked(assembled(context | FIXED, str(directory / "fixed")))
    assembled(LISTED, str(directory / "listed")).synth()
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

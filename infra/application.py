"""All stacks of one deployment."""

from collections.abc import Mapping

from aws_cdk import Annotations, App

from infra.analytics_stack import AnalyticsStack
from infra.api_stack import ApiStack
from infra.data_stack import DataStack
from infra.dns_stack import DnsStack
from infra.edge_stack import EdgeStack
from infra.front_stack import FrontStack
from infra.observability_stack import ObservabilityStack
from infra.settings import PLACEHOLDER_DOMAIN, DeploymentSettings

_PLACEHOLDER = (
    f"connectors would be called <id>.{PLACEHOLDER_DOMAIN}: choose a domain of your own in "
    "cdk.json, ovc:settings, before there are connectors"
)
_TOO_MANY = (
    "admission.concurrent_calls is {admitted}, and the media of so large a task was measured to "
    "hold {held} calls: beyond, packets may be lost before a call is refused (docs/scale.md); take "
    "larger tasks, or measure your own"
)


def assembled(context: Mapping[str, object], outdir: str) -> App:
    """Return the app with its stacks; what the CDK CLI hands over comes before `context`."""
    # Metadata of the CLI's own would differ between `cdk synth` and `python app.py`.
    app = App(context=context, outdir=outdir, analytics_reporting=False)
    settings = DeploymentSettings.from_context(app.node.get_all_context())
    data = DataStack(app, settings=settings)
    api = ApiStack(app, settings=settings)
    edge = EdgeStack(app, settings=settings)
    analytics = AnalyticsStack(app, settings=settings)
    dns = DnsStack(app, settings=settings)
    front = [FrontStack(app, settings=settings)] if settings.api_domain else []
    for reader in (api, edge, analytics, dns, *front):
        reader.add_stack_dependency(data)
    # The function that it stands before.
    for stack in front:
        stack.add_stack_dependency(api)
    # A service of another form is known before it is there: else its nodes would be told to drain.
    edge.add_stack_dependency(dns)
    # It watches what they make, by names that they leave.
    observability = ObservabilityStack(app, settings=settings)
    for watched in (api, edge, dns, *front):
        observability.add_stack_dependency(watched)
    admitted, held = settings.operator.admission.concurrent_calls, settings.held.at_most
    if admitted > held:
        Annotations.of(edge).add_warning_v2(
            "ovc:concurrent-calls", _TOO_MANY.format(admitted=admitted, held=held)
        )
    if settings.operator.domain == PLACEHOLDER_DOMAIN:
        Annotations.of(api).add_warning_v2("ovc:placeholder-domain", _PLACEHOLDER)
    return app

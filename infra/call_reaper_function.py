"""The call_reaper Lambda: its schedule and its rights (EDGE C9).

One run at a time: a call that comes while one works waits for a minute at most, for then the next
one is due. Where the account is too small to reserve anything (`ovc:api_concurrency` 0), two runs
may overlap, which costs a few requests: each of their writes has the condition that nobody else was
there first. There is no dead-letter queue, for a call holds nothing; what a run leaves is in the
table, and its failure is a metric of Lambda's.
"""

from aws_cdk import Stack
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra.document import settings_document
from infra.findings import accept
from infra.foreign_buckets import permit_foreign
from infra.names import edge_cluster_name, edge_task_arn, index_arn, record_arns, table_arn
from infra.python_function import PythonFunction
from infra.schedule import every_minute
from infra.settings import DeploymentSettings
from model.tables import CALLS, CONNECTORS, LIVE_CALLS, NODES, cdr_bucket_name

HANDLER = "lambdas.call_reaper.handler.handler"
TIMEOUT_S = 120
"""A run works for 45 s (lambdas/call_reaper/composition.py); the rest is for what it has begun when
the database does not answer."""
MEMORY_MIB = 512
CALLS_WAIT_S = 60


class CallReaperFunction(Construct):
    """One function that a schedule calls every minute."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings
    ) -> None:
        super().__init__(scope, construct_id)
        made = PythonFunction(
            self,
            settings=settings,
            description="Voice Connector calls of edge nodes that died",
            handler=HANDLER,
            memory_mib=MEMORY_MIB,
            timeout_s=TIMEOUT_S,
            concurrency=1 if settings.api_concurrency else None,
            # The schedule repeats what failed.
            retry_attempts=0,
            max_event_age_s=CALLS_WAIT_S,
            environment={
                "OVC_TABLE_PREFIX": settings.prefix,
                "OVC_SETTINGS": settings_document(Stack.of(self), settings, ()),
            },
        )
        self._permit(made, settings)
        self.role = made.role
        every_minute(
            self, "Closes the calls of edge nodes that died", targets.LambdaFunction(made.function)
        )

    def _permit(self, made: PythonFunction, settings: DeploymentSettings) -> None:
        stack = Stack.of(self)
        nodes, calls = (table_arn(stack, settings, it) for it in (NODES, CALLS))
        # Leases, and what the last run saw of them.
        made.permit_database(("Query", "GetItem", "PutItem", "DeleteItem"), nodes)
        # Scan: once an hour, for rows whose node has no row.
        made.permit_database(("Query", "Scan"), index_arn(stack, settings, CALLS, LIVE_CALLS))
        made.permit_database(("UpdateItem", "DeleteItem"), calls)
        made.permit_database(("GetItem",), table_arn(stack, settings, CONNECTORS))
        made.permit(("ecs:DescribeTasks",), edge_task_arn(stack, settings))
        prefixes = settings.operator.records.prefixes
        records = [record_arns(stack, settings, prefix) for prefix in prefixes]
        made.permit(("s3:PutObject", "s3:GetObject"), *records)
        permit_foreign(made.role, settings, prefixes)
        # cdk-nag writes a reference as <AWS::Region>.
        bucket = cdr_bucket_name(settings.prefix, "<AWS::AccountId>", "<AWS::Region>")
        tasks = f"<AWS::Region>:<AWS::AccountId>:task/{edge_cluster_name(settings)}/*"
        accept(
            made.role,
            {
                **{
                    f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::{bucket}/{it}/*]": "A "
                    "record's name has connector and time in it (EDGE C1)."
                    for it in prefixes
                },
                f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecs:{tasks}]": "A task's id is "
                "made when it starts.",
            },
        )

"""What one edge task is: image, environment, rights, limits."""

from aws_cdk import ArnFormat, Aws, Duration, RemovalPolicy, Size, Stack
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.customer_key import customer_key, permit_key
from infra.document import settings_document
from infra.edge_form import EdgeForm
from infra.edge_image import edge_image
from infra.edge_secrets import nonce_secret, permit_secrets
from infra.findings import accept
from infra.foreign_buckets import permit_foreign
from infra.log_retention import retention
from infra.names import (
    connector_log_arn,
    edge_cluster_name,
    edge_task_arn,
    index_arn,
    record_arns,
    table_arn,
)
from infra.network import SIP_PORT, SIPS_PORT
from infra.settings import DeploymentSettings
from model.connector_logs import ConnectorLog
from model.cqr import QUALITY_PREFIX
from model.recordings import RECORDING_PREFIX
from model.tables import (
    CALLS,
    CONNECTORS,
    FEED,
    LIMITS,
    LIVE_CALLS,
    NODES,
    NUMBERS,
    cdr_bucket_name,
    edge_log_group_name,
)

STOP_TIMEOUT_S = 120
"""The longest that Fargate grants between SIGTERM and SIGKILL."""
DRAIN_S = 110
"""Of that, for calls that go on; the rest is for the last BYEs and records (EDGE C9)."""
JOURNAL_DIRECTORY = "/var/lib/ovc/journal"
"""A volume of the image (edge/Dockerfile), so that the user without rights may write there."""
HEALTH_TIMEOUT_S = 20
"""The probe gives up by itself before; the rest is for its start on a busy task."""
OPEN_FILES = 65_536
"""A socket for every port of the widest media range, with room for the rest."""
LOG_BUFFER_MIB = 4
PROTECTION_ACTIONS = ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
LOG_ACTIONS = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"]


class EdgeTask(Construct):
    """The task definition.

    Its health check asks the edge on a socket of the task's own (edge/runtime/liveness.py), for the
    network's meet strangers with silence. A deployment counts new tasks only when they answer, and
    stops old ones only then; draining tasks answer to the end.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: DeploymentSettings, form: EdgeForm
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._nonces = nonce_secret(self, settings)
        self._form = form
        self.execution_role = self._execution_role()
        self.definition = form.definition(
            self, "Definition", task_role=self._task_role(), execution_role=self.execution_role
        )
        self.log_group = self._log_group()
        self._add_container(self.log_group)
        accept(
            self.definition,
            {"AwsSolutions-ECS2": "The variables are settings, and names of secrets."},
        )

    def _add_container(self, log: logs.LogGroup) -> None:
        parameters = ecs.LinuxParameters(self, "Linux", init_process_enabled=True)
        bounds = self._form.bounds
        container = self.definition.add_container(
            "edge",
            image=edge_image(self, "Image", settings=self._settings, puller=self.execution_role),
            environment=self._environment(),
            cpu=bounds.cpu,
            memory_limit_mib=bounds.memory_mib,
            port_mappings=bounds.ports or None,
            readonly_root_filesystem=True,
            linux_parameters=parameters,
            health_check=ecs.HealthCheck(
                command=["CMD", "python", "-m", "edge.runtime.liveness_probe"],
                interval=Duration.seconds(30),
                timeout=Duration.seconds(HEALTH_TIMEOUT_S),
                # What stands still for two minutes and more does not come back; what only has too
                # much to do has calls that would end with it.
                retries=5,
                # Finding its address may take a minute.
                start_period=Duration.seconds(120),
            ),
            stop_timeout=Duration.seconds(STOP_TIMEOUT_S),
            logging=ecs.LogDrivers.aws_logs(
                stream_prefix="edge",
                log_group=log,
                # Calls go on when CloudWatch is slow.
                mode=ecs.AwsLogDriverMode.NON_BLOCKING,
                max_buffer_size=Size.mebibytes(LOG_BUFFER_MIB),
            ),
        )
        # All that it writes to: what DynamoDB does not take at the moment (EDGE C9).
        self.definition.add_volume(name="journal", host=self._form.journal)
        container.add_mount_points(
            ecs.MountPoint(
                container_path=JOURNAL_DIRECTORY, source_volume="journal", read_only=False
            )
        )
        container.add_ulimits(
            ecs.Ulimit(name=ecs.UlimitName.NOFILE, soft_limit=OPEN_FILES, hard_limit=OPEN_FILES)
        )

    def _environment(self) -> dict[str, str]:
        settings = self._settings
        tls = {
            "OVC_TLS_SECRET_ID": settings.tls_secret,
            "OVC_TLS_LISTEN": f"0.0.0.0:{SIPS_PORT}",
        }
        return {
            "OVC_NONCE_SECRET_ID": self._nonces.secret_arn,
            **(tls if settings.tls_secret else {}),
            "OVC_SETTINGS": settings_document(Stack.of(self), settings),
            "OVC_TABLE_PREFIX": settings.prefix,
            # Its public address the task finds out by itself (edge/runtime/node.py).
            **self._form.environment,
            "OVC_SIP_LISTEN": f"0.0.0.0:{SIP_PORT}",
            "OVC_MEDIA_WORKERS": str(settings.media_workers),
            "OVC_DRAIN_SECONDS": str(DRAIN_S),
            "OVC_MAX_DRAIN_SECONDS": str(settings.max_drain_s),
            "OVC_JOURNAL_DIRECTORY": JOURNAL_DIRECTORY,
            "OVC_HEALTH_SOCKET": f"{settings.prefix}-edge",
        }

    def _log_group(self) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            "Log",
            log_group_name=edge_log_group_name(self._settings.prefix),
            retention=retention(self._settings),
            encryption_key=customer_key(self, self._settings),
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _task_role(self) -> iam.Role:
        stack, settings = Stack.of(self), self._settings
        role = _role(self, "TaskRole", _for_tasks_of(stack))
        connectors = table_arn(stack, settings, CONNECTORS)
        numbers = table_arn(stack, settings, NUMBERS)
        rows = [table_arn(stack, settings, table) for table in (CALLS, NODES)]
        due = index_arn(stack, settings, CALLS, LIVE_CALLS)
        followed = [table_arn(stack, settings, table) for table in (NODES, FEED)]
        prefixes = settings.operator.records.prefixes
        records = [record_arns(stack, settings, prefix) for prefix in prefixes]
        for actions, resources in (
            (["dynamodb:BatchGetItem"], [connectors, numbers]),
            (["dynamodb:Query"], [connectors, numbers, *followed, due]),
            (["dynamodb:BatchWriteItem", "dynamodb:PutItem"], rows),
            (["dynamodb:DeleteItem"], [table_arn(stack, settings, CALLS)]),
            (["dynamodb:UpdateItem"], [table_arn(stack, settings, it) for it in (LIMITS, NODES)]),
            # Reading: where an object is there already, a row takes its end from it (EDGE C9).
            (["s3:PutObject", "s3:GetObject"], records),
            # A node's own order to drain.
            (["dynamodb:GetItem"], [table_arn(stack, settings, NODES)]),
            # The container agent asks ECS with the task's own rights (A11).
            (PROTECTION_ACTIONS, [edge_task_arn(stack, settings)]),
        ):
            role.add_to_policy(iam.PolicyStatement(actions=actions, resources=resources))
        accept(
            role,
            {
                **{
                    self._finding(prefix): "A record's name has connector and time in it (EDGE "
                    "C1); of all names of records this is the part that is known."
                    for prefix in prefixes
                },
                self._tasks_finding(): "A task's id is made when it starts.",
            },
        )
        for service in ("dynamodb", "s3", "secretsmanager"):
            permit_key(role, settings, service)
        permit_secrets(role, settings, self._nonces)
        self._form.permit_address(role)
        self._permit_logs(role)
        permit_foreign(role, settings, prefixes, self._other_prefixes())
        if settings.operator.records.quality:
            self._permit_quality(role)
        if settings.operator.recording.allowed:
            self._permit_recording(role)
        return role

    def _tasks_finding(self) -> str:
        # cdk-nag writes a reference as <AWS::Region>.
        tasks = f"<AWS::Region>:<AWS::AccountId>:task/{edge_cluster_name(self._settings)}/*"
        return f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ecs:{tasks}]"

    def _other_prefixes(self) -> list[str]:
        """Return the prefixes of what nodes store besides records, and never read."""
        operator = self._settings.operator
        return [
            *([QUALITY_PREFIX] if operator.records.quality else []),
            *([RECORDING_PREFIX] if operator.recording.allowed else []),
        ]

    def _permit_logs(self, role: iam.Role) -> None:
        """Let nodes write the logs of connectors, and make them (EDGE X4)."""
        for log in ConnectorLog:
            group = connector_log_arn(Stack.of(self), log)
            role.add_to_policy(iam.PolicyStatement(actions=LOG_ACTIONS, resources=[group]))
            # cdk-nag writes a reference as <AWS::Region>.
            groups = "arn:<AWS::Partition>:logs:<AWS::Region>:<AWS::AccountId>:log-group"
            finding = f"AwsSolutions-IAM5[Resource::{groups}:{log.value}/*]"
            accept(role, {finding: "A log group ends with the id of its connector."})

    def _permit_quality(self, role: iam.Role) -> None:
        """Let nodes store the quality of calls (EDGE X10)."""
        objects = record_arns(Stack.of(self), self._settings, QUALITY_PREFIX)
        role.add_to_policy(iam.PolicyStatement(actions=["s3:PutObject"], resources=[objects]))
        accept(role, {self._finding(QUALITY_PREFIX): "As of a record's name."})

    def _permit_recording(self, role: iam.Role) -> None:
        """Let nodes store recordings (docs/recording.md); how they stand is in the nodes' rows."""
        recordings = record_arns(Stack.of(self), self._settings, RECORDING_PREFIX)
        role.add_to_policy(iam.PolicyStatement(actions=["s3:PutObject"], resources=[recordings]))
        accept(role, {self._finding(RECORDING_PREFIX): "As of a record's name."})

    def _finding(self, prefix: str) -> str:
        # cdk-nag writes a reference as <AWS::Region>.
        name = cdr_bucket_name(self._settings.prefix, "<AWS::AccountId>", "<AWS::Region>")
        return f"AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:s3:::{name}/{prefix}/*]"

    def _execution_role(self) -> iam.Role:
        """Return the role that fetches the image and writes the log."""
        role = _role(self, "ExecutionRole")
        accept(
            role,
            {"AwsSolutions-IAM5[Resource::*]": "ecr:GetAuthorizationToken knows no resources."},
        )
        return role


def _for_tasks_of(stack: Stack) -> dict[str, object]:
    """Return the condition that ECS acts for a task of this account and region."""
    tasks = stack.format_arn(service="ecs", resource="*", arn_format=ArnFormat.NO_RESOURCE_NAME)
    return {
        "StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID},
        "ArnLike": {"aws:SourceArn": tasks},
    }


def _role(
    scope: Construct, construct_id: str, conditions: dict[str, object] | None = None
) -> iam.Role:
    tasks = iam.ServicePrincipal("ecs-tasks.amazonaws.com", conditions=conditions)
    return iam.Role(scope, construct_id, assumed_by=tasks)

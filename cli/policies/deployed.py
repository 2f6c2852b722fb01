"""Which roles a deployment in AWS has, and the settings that its edge runs with."""

from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from cli.deployment import client
from cli.errors import CommandError
from cli.policies.evaluation import PolicyProblem, Role
from cli.records.source import NO_CREDENTIALS
from model.settings import Settings, SettingsError
from model.tables import DEFAULT_PREFIX

REAPER_OUTPUT = "CallReaperRoleArn"
"""Output of the stack with the Lambdas."""
_SETTINGS = "OVC_SETTINGS"


class Deployed(NamedTuple):
    """What the policy of a bucket depends on."""

    settings: Settings
    edge: Role
    reaper: Role


def deployed(prefix: str | None, region: str | None) -> Deployed:
    """Return what is deployed; raises CommandError that says how to do without."""
    name = prefix or DEFAULT_PREFIX
    where: dict[str, Any] = {"prefix": name, "region": region, "api_port": None}
    try:
        task = client("ecs", **where).describe_task_definition(taskDefinition=f"{name}-edge")
        stacks = client("cloudformation", **where).describe_stacks(StackName=f"{name}-api")
        return Deployed(
            _settings_of(task["taskDefinition"]),
            Role.from_arn(task["taskDefinition"]["taskRoleArn"]),
            Role.from_arn(_output_of(stacks["Stacks"][0])),
        )
    except NoCredentialsError as error:
        raise CommandError(NO_CREDENTIALS) from error
    except (BotoCoreError, ClientError, KeyError, PolicyProblem, SettingsError) as error:
        raise CommandError(
            f"the roles of the deployment {name} cannot be read: {error}; "
            "ecs:DescribeTaskDefinition and cloudformation:DescribeStacks are needed, or "
            "--edge-role and --reaper-role with the ARNs"
        ) from error


# boto3's answers have no static types here: their services are not among the typed ones.
def _settings_of(definition: Any) -> Settings:
    for variable in definition["containerDefinitions"][0]["environment"]:
        if variable["name"] == _SETTINGS:
            return Settings.from_json(variable["value"])
    raise KeyError(_SETTINGS)


def _output_of(stack: Any) -> str:
    outputs = {it["OutputKey"]: str(it["OutputValue"]) for it in stack.get("Outputs", ())}
    return outputs[REAPER_OUTPUT]

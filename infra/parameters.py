"""What stacks leave for each other where no name follows from the prefix (infra/names.py)."""

from aws_cdk import aws_ssm as ssm
from constructs import Construct


def read_parameter(scope: Construct, construct_id: str, name: str) -> str:
    """Return the value of an SSM parameter, as CloudFormation will read it at each deployment."""
    return ssm.StringParameter.from_string_parameter_attributes(
        scope, construct_id, parameter_name=name, force_dynamic_reference=False
    ).string_value

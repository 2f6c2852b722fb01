"""The tables' streams as functions read them.

A stream's ARN ends in the moment at which it was made and follows from no name. The data stack
leaves it in an SSM parameter, whose name is known (infra/names.py), and CloudFormation reads it at
every deployment of the stack that wants it. An export would tie the stacks together; an ARN in the
context would be one more thing to look up and to type.
"""

from constructs import Construct

from infra.findings import accept
from infra.names import stream_parameter_name
from infra.parameters import read_parameter
from infra.python_function import PythonFunction
from infra.settings import DeploymentSettings
from model.tables import Table

STREAM_ACTIONS = ("DescribeStream", "GetRecords", "GetShardIterator")


def stream_arn(scope: Construct, settings: DeploymentSettings, table: Table) -> str:
    """Return the ARN of a table's stream, as CloudFormation will read it."""
    # The parameter is the stack's, and so is its id in the template.
    name = stream_parameter_name(settings, table)
    return read_parameter(scope, f"{table.logical_name.capitalize()}Stream", name)


def permit_reading(function: PythonFunction, *streams: str) -> None:
    """Let a function read streams."""
    function.permit_database(STREAM_ACTIONS, *streams)
    function.permit_database(("ListStreams",), "*")
    accept(function.role, {"AwsSolutions-IAM5[Resource::*]": "ListStreams knows no resources."})

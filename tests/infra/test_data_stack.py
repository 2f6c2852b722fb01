"""The tables and the CDR bucket as they would be made."""

import pytest

from model.tables import EXPIRES_AT, TABLES
from tests.infra.synthesis import Assembly, Template, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]


@pytest.fixture(scope="module")
def data(assembly: Assembly) -> Template:
    return assembly.template("ovc-data")


@pytest.fixture(scope="module")
def other(other_assembly: Assembly) -> Template:
    return other_assembly.template("lab2-data")


def test_the_tables_are_those_of_the_model(data: Template) -> None:
    # ARCHITECTURE A4
    made = {it["Properties"]["TableName"]: it for it in data.of("AWS::DynamoDB::Table").values()}
    assert set(made) == {table.physical_name("ovc") for table in TABLES}
    for table in TABLES:
        properties = made[table.physical_name("ovc")]["Properties"]
        wanted = table.creation("ovc")
        assert {name: properties.get(name) for name in wanted} == wanted
        assert properties.get("TimeToLiveSpecification") == (
            {"AttributeName": EXPIRES_AT, "Enabled": True} if table.expires else None
        )


def test_the_streams_are_left_where_their_readers_look(data: Template, other: Template) -> None:
    streams = {
        it["Properties"]["TableName"]: it["Properties"].get("StreamSpecification")
        for it in data.of("AWS::DynamoDB::Table").values()
    }
    assert streams == {
        table.physical_name("ovc"): table.stream and {"StreamViewType": table.stream.value}
        for table in TABLES
    }
    parameters = {
        (str(it["Properties"]["Name"]), text_of(it["Properties"]["Value"]))
        for it in data.of("AWS::SSM::Parameter").values()
    }
    assert parameters == {
        (f"/ovc/{table}-stream", f"${{{name}.StreamArn}}")
        for name, it in data.of("AWS::DynamoDB::Table").items()
        for table in ("connectors", "numbers")
        if it["Properties"]["TableName"] == f"ovc-{table}"
    }
    others = {it["Properties"]["Name"] for it in other.of("AWS::SSM::Parameter").values()}
    assert {it for it in others if it.endswith("-stream")} == {
        "/lab2/connectors-stream",
        "/lab2/numbers-stream",
    }


def test_no_table_is_lost_or_open(data: Template) -> None:
    for table in data.of("AWS::DynamoDB::Table").values():
        properties = table["Properties"]
        assert properties["SSESpecification"] == {"SSEEnabled": True}
        assert properties["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True
        }
        assert properties["DeletionProtectionEnabled"] is True
        assert (table["DeletionPolicy"], table["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_the_bucket_is_named_by_the_model(data: Template, other: Template) -> None:
    name = text_of(data.properties("AWS::S3::Bucket")["BucketName"])
    assert name == "ovc-cdr-${AWS::AccountId}-${AWS::Region}"
    assert text_of(other.named("AWS::S3::Bucket", "Cdr")["BucketName"]).startswith("lab2-cdr-")


def test_the_bucket_is_private_encrypted_and_kept(data: Template) -> None:
    bucket = data.only("AWS::S3::Bucket")
    properties = bucket["Properties"]
    assert properties["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert properties["OwnershipControls"] == {
        "Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]
    }
    assert properties["BucketEncryption"] == {
        "ServerSideEncryptionConfiguration": [
            {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        ]
    }
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_the_bucket_is_spoken_to_over_tls_only(data: Template) -> None:
    policy = data.only("AWS::S3::BucketPolicy")
    statements = policy["Properties"]["PolicyDocument"]["Statement"]
    refused = [it["Condition"] for it in statements]
    assert {"Bool": {"aws:SecureTransport": "false"}} in refused
    assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in refused
    (name,) = data.of("AWS::S3::Bucket")
    for statement in statements:
        assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
        assert statement["Principal"] == {"AWS": "*"}
        resources = [text_of(it) for it in statement["Resource"]]
        assert resources == [f"${{{name}.Arn}}", f"${{{name}.Arn}}/*"]
    assert policy["DeletionPolicy"] == "Retain"


def test_records_are_kept_for_ever_unless_it_is_chosen(data: Template, other: Template) -> None:
    def rules(template: Template) -> dict[str, dict[str, object]]:
        lifecycle = template.named("AWS::S3::Bucket", "Cdr")["LifecycleConfiguration"]
        return {rule.pop("Id"): rule for rule in lifecycle["Rules"]}

    deleted = {
        "Status": "Enabled",
        "NoncurrentVersionExpiration": {"NoncurrentDays": 90},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    recordings = {
        "Status": "Enabled",
        "Prefix": "Amazon-Chime-Voice-Connector-Recordings/pcap/",
        "ExpirationInDays": 7,
        "NoncurrentVersionExpiration": {"NoncurrentDays": 1},
    }
    assert rules(data) == {
        "end-what-was-deleted": deleted,
        "end-recordings": recordings,
        "empty-markers": {"Status": "Enabled", "ExpiredObjectDeleteMarker": True},
    }
    assert rules(other) == {
        "end-what-was-deleted": deleted,
        "end-recordings": recordings,
        "retention": {"Status": "Enabled", "ExpirationInDays": 400},
    }


def test_the_stack_itself_cannot_be_deleted_by_mistake(assembly: Assembly) -> None:
    assert assembly.stack_properties("ovc-data")["terminationProtection"] is True


@pytest.fixture(scope="module")
def logging(front_assembly: Assembly) -> Template:
    return front_assembly.template("ovc-data")


def test_there_is_no_log_bucket_where_nobody_logs(data: Template) -> None:
    assert len(data.of("AWS::S3::Bucket")) == 1
    assert "LoggingConfiguration" not in data.properties("AWS::S3::Bucket")


def test_access_logs_are_private_end_and_are_kept_until_then(logging: Template) -> None:
    bucket = next(it for name, it in logging.of("AWS::S3::Bucket").items() if "Logs" in name)
    properties = bucket["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == 90
    assert properties["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    # A second one must not stumble over the name of the first.
    assert not {"BucketName", "VersioningConfiguration"} & set(properties)
    assert (bucket["DeletionPolicy"], bucket["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_only_those_who_log_may_write_there(logging: Template) -> None:
    policy = logging.named("AWS::S3::BucketPolicy", "Logs")["PolicyDocument"]
    refused = [it for it in policy["Statement"] if it["Effect"] == "Deny"]
    assert {"Bool": {"aws:SecureTransport": "false"}} in [it["Condition"] for it in refused]
    balancers, records = [it for it in policy["Statement"] if it["Effect"] == "Allow"]
    (name,) = [it for it in logging.of("AWS::S3::Bucket") if "Logs" in it]
    place = f"${{{name}.Arn}}"
    assert balancers["Principal"]["Service"] == "logdelivery.elasticloadbalancing.amazonaws.com"
    assert balancers["Action"] == records["Action"] == "s3:PutObject"
    # Its own account's, by the name that the service gives its logs.
    assert text_of(balancers["Resource"]) == f"{place}/api/AWSLogs/${{AWS::AccountId}}/*"
    assert records["Principal"] == {"Service": "logging.s3.amazonaws.com"}
    assert text_of(records["Resource"]) == f"{place}/cdr/*"
    assert records["Condition"]["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    (source,) = records["Condition"]["ArnEquals"].values()
    bucket = text_of(logging.named("AWS::S3::Bucket", "Cdr")["BucketName"])
    assert text_of(source) == f"arn:${{AWS::Partition}}:s3:::{bucket}"


def test_records_are_logged_into_it(logging: Template) -> None:
    bucket = next(it for name, it in logging.of("AWS::S3::Bucket").items() if "Cdr" in name)
    configured = bucket["Properties"]["LoggingConfiguration"]
    assert text_of(configured["DestinationBucketName"]).startswith("${Logs")
    assert configured["LogFilePrefix"] == "cdr/"
    (policy,) = [it for it in logging.of("AWS::S3::BucketPolicy") if "Logs" in it]
    assert bucket["DependsOn"] == [policy]

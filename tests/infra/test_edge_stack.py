"""Network, task and service of the edge."""

import json
from functools import partial
from typing import Any

import pytest

from edge.runtime.liveness_probe import TIMEOUT_S
from edge.settings import VARIABLES, RuntimeSettings
from model.cqr import QUALITY_PREFIX
from model.drain import MAX_DRAIN_S
from model.record_form import KEY_PREFIX
from model.settings import Settings
from model.tables import edge_log_group_name
from tests.infra.synthesis import OTHER_SETTINGS, ROOT, Assembly, Template, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]

ANYWHERE = "0.0.0.0/0"


@pytest.fixture(scope="module")
def edge(assembly: Assembly) -> Template:
    return assembly.template("ovc-edge")


@pytest.fixture(scope="module")
def other(other_assembly: Assembly) -> Template:
    return other_assembly.template("lab2-edge")


@pytest.fixture(scope="module")
def large(large_assembly: Assembly) -> Template:
    return large_assembly.template("ovc-edge")


def container(template: Template) -> Any:
    (only,) = template.properties("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    return only


def variables(template: Template) -> dict[str, str]:
    return {it["Name"]: text_of(it["Value"]) for it in container(template)["Environment"]}


def rules(template: Template, direction: str) -> set[tuple[str, str, int, int]]:
    group = template.properties("AWS::EC2::SecurityGroup")
    return {
        (it["CidrIp"], it["IpProtocol"], it["FromPort"], it["ToPort"])
        for it in group[f"SecurityGroup{direction}"]
    }


def test_peers_reach_sip_and_media_and_nothing_else(edge: Template, other: Template) -> None:
    # EDGE W1, Q1; 5061 is closed as long as there is no certificate to show
    media = Settings().media
    assert rules(edge, "Ingress") == {
        (ANYWHERE, "udp", 5060, 5060),
        (ANYWHERE, "tcp", 5060, 5060),
        (ANYWHERE, "udp", media.first_port, media.last_port),
    }
    assert rules(other, "Ingress") == {
        (ANYWHERE, "udp", 5060, 5060),
        (ANYWHERE, "tcp", 5060, 5060),
        (ANYWHERE, "tcp", 5061, 5061),
        (ANYWHERE, "udp", 20_000, 20_999),
    }


def test_the_edge_reaches_peers_and_aws_at_any_port(edge: Template) -> None:
    assert rules(edge, "Egress") == {
        (ANYWHERE, "udp", 0, 65_535),
        (ANYWHERE, "tcp", 0, 65_535),
    }


def test_the_network_has_no_nat_and_gives_addresses_to_tasks_only(
    edge: Template, other: Template
) -> None:
    # ARCHITECTURE A11
    assert not edge.of("AWS::EC2::NatGateway")
    for template in (edge, other):
        subnets = template.of("AWS::EC2::Subnet").values()
        assert not any(it["Properties"]["MapPublicIpOnLaunch"] for it in subnets)
        assert len(template.of("AWS::EC2::Route")) == len(subnets)
    assert other.properties("AWS::EC2::VPC")["CidrBlock"] == "172.20.0.0/22"


def test_a_zone_more_leaves_the_subnets_that_are_there(edge: Template, large: Template) -> None:
    # ARCHITECTURE A11; the names of zones come from the region, not from a look-up
    def subnets(template: Template) -> list[tuple[str, str, object]]:
        return [
            (name, it["Properties"]["CidrBlock"], it["Properties"]["AvailabilityZone"])
            for name, it in template.of("AWS::EC2::Subnet").items()
        ]

    two, three = subnets(edge), subnets(large)
    assert three[:2] == two
    assert [block for _, block, _ in three] == ["10.60.0.0/22", "10.60.4.0/22", "10.60.8.0/22"]
    zones = [zone for _, _, zone in three]
    assert zones == [{"Fn::Select": [it, {"Fn::GetAZs": ""}]} for it in range(3)]


def test_records_and_tables_are_not_reached_over_the_internet(
    edge: Template, large: Template
) -> None:
    for template in (edge, large):
        endpoints = [it["Properties"] for it in template.of("AWS::EC2::VPCEndpoint").values()]
        assert {it["VpcEndpointType"] for it in endpoints} == {"Gateway"}
        assert {text_of(it["ServiceName"]) for it in endpoints} == {
            "com.amazonaws.${AWS::Region}.s3",
            "com.amazonaws.${AWS::Region}.dynamodb",
        }
        for endpoint in endpoints:
            led = {it["Ref"] for it in endpoint["RouteTableIds"]}
            assert led == set(template.of("AWS::EC2::RouteTable"))


def test_tasks_have_public_addresses(edge: Template) -> None:
    # ARCHITECTURE A11
    network = edge.properties("AWS::ECS::Service")["NetworkConfiguration"]["AwsvpcConfiguration"]
    (group,) = edge.of("AWS::EC2::SecurityGroup")
    assert network["AssignPublicIp"] == "ENABLED"
    assert [text_of(it) for it in network["SecurityGroups"]] == [f"${{{group}.GroupId}}"]
    assert {it["Ref"] for it in network["Subnets"]} == set(edge.of("AWS::EC2::Subnet"))


def test_the_first_task_finds_a_way_and_its_rights(edge: Template) -> None:
    waited_for = edge.only("AWS::ECS::Service")["DependsOn"]
    assert set(edge.of("AWS::EC2::Route")) <= set(waited_for)
    assert set(edge.of("AWS::IAM::Policy")) <= set(waited_for)


def test_a_bad_deployment_is_rolled_back_and_a_good_one_drains(edge: Template) -> None:
    service = edge.properties("AWS::ECS::Service")
    assert service["DeploymentConfiguration"] == {
        "DeploymentCircuitBreaker": {"Enable": True, "Rollback": True},
        "MinimumHealthyPercent": 100,
        "MaximumPercent": 200,
    }
    assert service["AvailabilityZoneRebalancing"] == "DISABLED"


def test_the_size_is_chosen(edge: Template, other: Template, large: Template) -> None:
    def size(template: Template) -> tuple[str, str, str]:
        task = template.properties("AWS::ECS::TaskDefinition")
        return task["Cpu"], task["Memory"], variables(template)["OVC_MEDIA_WORKERS"]

    assert size(edge) == ("1024", "2048", "1")
    # The profile is another one, but what is given wins.
    assert size(other) == ("2048", "4096", "2")
    assert size(large) == ("2048", "4096", "2")
    assert large.properties("AWS::ECS::Service")["DesiredCount"] == 9


def test_the_processors_are_chosen(edge: Template, other: Template, large: Template) -> None:
    def platform(template: Template) -> Any:
        return template.properties("AWS::ECS::TaskDefinition")["RuntimePlatform"]

    assert platform(edge) == {"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"}
    assert platform(other) == platform(large)
    assert platform(large) == {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"}


def test_a_ready_image_needs_no_docker_and_may_be_fetched(
    other: Template, other_assembly: Assembly
) -> None:
    image = "444455556666.dkr.ecr.eu-west-1.amazonaws.com/voice/edge:1.2.3"
    assert container(other)["Image"] == image
    assets = json.loads((other_assembly.directory / "lab2-edge.assets.json").read_text())
    assert not assets.get("dockerImages")
    repository = "arn:${AWS::Partition}:ecr:eu-west-1:444455556666:repository/voice/edge"
    granted = other.grants("TaskExecutionRole")
    assert {it for it in granted if it[0].startswith("ecr:")} == {
        ("ecr:BatchCheckLayerAvailability", repository),
        ("ecr:BatchGetImage", repository),
        ("ecr:GetDownloadUrlForLayer", repository),
        ("ecr:GetAuthorizationToken", "*"),
    }


def read_into(read: list[str], secret_id: str, region: str) -> str:
    read.append(secret_id)
    return "s" * 64


def test_the_edge_understands_its_environment(edge: Template, other: Template) -> None:
    for template, prefix in ((edge, "ovc"), (other, "lab2")):
        given = variables(template)
        assert given.keys() <= VARIABLES.keys()
        environment = given | {"ECS_CONTAINER_METADATA_URI_V4": "x"}
        read: list[str] = []
        runtime = RuntimeSettings.from_environment(environment, partial(read_into, read))
        (nonces,) = template.of("AWS::SecretsManager::Secret")
        assert read == [f"${{{nonces}}}", *(["trunks/two"] if template is other else [])]
        assert runtime.tls_secret == ("lab2/tls" if template is other else None)
        assert runtime.tls_listen == ("0.0.0.0", 5061)
        assert runtime.table_prefix == prefix
        assert runtime.sip_listen == ("0.0.0.0", 5060)
        # The task asks ECS for its addresses.
        assert (runtime.public_address, runtime.media_address) == (None, None)
        assert runtime.settings.account_id == "${AWS::AccountId}"
        assert runtime.settings.region == "${AWS::Region}"


def test_the_whole_settings_document_arrives(other: Template) -> None:
    told = json.loads(variables(other)["OVC_SETTINGS"])
    # As many calls as the media of two vCPU can do (docs/scale.md).
    assert told.pop("admission") == {"concurrent_calls": 3_600}
    assert told == OTHER_SETTINGS | {"account_id": "${AWS::AccountId}", "region": "${AWS::Region}"}


def test_the_health_check_asks_the_edge_and_waits_for_it(edge: Template) -> None:
    check = container(edge)["HealthCheck"]
    assert check["Command"][:3] == ["CMD", "python", "-m"]
    (module,) = check["Command"][3:]
    assert (ROOT / f"{module.replace('.', '/')}.py").is_file()
    assert variables(edge)["OVC_HEALTH_SOCKET"] == "ovc-edge"
    assert check["Timeout"] > TIMEOUT_S
    # An edge that is busy for a moment has calls; one that looks for its address is no failure.
    assert check["Interval"] * check["Retries"] >= 120
    assert check["StartPeriod"] >= 90


def test_calls_may_end_before_the_task_is_killed(edge: Template) -> None:
    # EDGE C9: Fargate grants at most 120 s; 110 of them are for calls
    assert container(edge)["StopTimeout"] == 120
    assert float(variables(edge)["OVC_DRAIN_SECONDS"]) == 110
    # A11: less than CloudFormation's three hours.
    assert float(variables(edge)["OVC_MAX_DRAIN_SECONDS"]) == MAX_DRAIN_S


def test_the_container_cannot_write_or_run_out_of_sockets(edge: Template) -> None:
    it = container(edge)
    assert it["ReadonlyRootFilesystem"] is True
    assert it["LinuxParameters"]["InitProcessEnabled"] is True
    assert not it["LinuxParameters"].get("Capabilities")
    assert it["Ulimits"] == [{"Name": "nofile", "SoftLimit": 65_536, "HardLimit": 65_536}]
    media = Settings().media
    assert media.last_port - media.first_port + 1 < 65_536
    assert "Privileged" not in it


def test_the_journal_is_all_that_the_container_may_write_to(edge: Template) -> None:
    # EDGE C9
    (mount,) = container(edge)["MountPoints"]
    (volume,) = edge.properties("AWS::ECS::TaskDefinition")["Volumes"]
    assert mount["SourceVolume"] == volume["Name"] == "journal" and not mount["ReadOnly"]
    directory = variables(edge)["OVC_JOURNAL_DIRECTORY"]
    assert mount["ContainerPath"] == directory
    dockerfile = (ROOT / "edge" / "Dockerfile").read_text()
    assert f'VOLUME ["{directory}"]' in dockerfile
    assert f"--chown=10001:10001 /build/journal {directory}\n" in dockerfile


def test_the_log_never_holds_up_calls_and_ends_some_day(edge: Template) -> None:
    log = container(edge)["LogConfiguration"]
    (group,) = edge.of("AWS::Logs::LogGroup")
    assert (log["LogDriver"], log["Options"]["mode"]) == ("awslogs", "non-blocking")
    assert text_of(log["Options"]["awslogs-group"]) == f"${{{group}}}"
    assert edge.properties("AWS::Logs::LogGroup")["RetentionInDays"] == 90


def test_the_log_has_the_name_that_ovc_explain_searches(edge: Template, other: Template) -> None:
    for template, prefix in ((edge, "ovc"), (other, "lab2")):
        name = template.properties("AWS::Logs::LogGroup")["LogGroupName"]
        assert name == edge_log_group_name(prefix)


def test_the_task_role_has_exactly_what_the_edge_asks_for(edge: Template) -> None:
    table = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/ovc-"
    bucket = "arn:${AWS::Partition}:s3:::ovc-cdr-${AWS::AccountId}-${AWS::Region}"
    groups = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group"
    (nonces,) = edge.of("AWS::SecretsManager::Secret")
    tasks = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:task/ovc-edge/*"
    assert edge.grants("TaskTaskRole") == {
        ("dynamodb:BatchGetItem", f"{table}connectors"),
        ("dynamodb:BatchGetItem", f"{table}numbers"),
        ("dynamodb:Query", f"{table}connectors"),
        ("dynamodb:Query", f"{table}numbers"),
        ("dynamodb:Query", f"{table}calls/index/live"),
        ("dynamodb:DeleteItem", f"{table}calls"),
        ("dynamodb:PutItem", f"{table}calls"),
        ("dynamodb:PutItem", f"{table}nodes"),
        ("dynamodb:UpdateItem", f"{table}nodes"),
        ("dynamodb:Query", f"{table}nodes"),
        ("dynamodb:GetItem", f"{table}nodes"),
        ("dynamodb:Query", f"{table}feed"),
        ("dynamodb:UpdateItem", f"{table}limits"),
        ("dynamodb:BatchWriteItem", f"{table}calls"),
        ("dynamodb:BatchWriteItem", f"{table}nodes"),
        ("s3:PutObject", f"{bucket}/{KEY_PREFIX}/*"),
        ("s3:GetObject", f"{bucket}/{KEY_PREFIX}/*"),
        *(
            (f"logs:{action}", f"{groups}:/aws/ChimeVoiceConnector{log}/*")
            for action in ("CreateLogGroup", "CreateLogStream", "PutLogEvents")
            for log in ("Logs", "SipMessages")
        ),
        ("secretsmanager:GetSecretValue", f"${{{nonces}}}"),
        # It has no resource to be restricted to.
        ("ec2:DescribeNetworkInterfaces", "*"),
        # A11: tasks of this cluster alone.
        *((f"ecs:{it}TaskProtection", tasks) for it in ("Get", "Update")),
    }


def without_secrets(template: Template) -> set[tuple[str, str]]:
    """Return what tasks may do besides reading their secrets (tests/infra/test_secrets.py)."""
    granted = template.grants("TaskTaskRole")
    return {it for it in granted if it[0][:7] != "secrets" and "111122223333:key/" not in it[1]}


def test_what_is_off_by_default_has_no_rights_until_it_is_on(
    edge: Template, other: Template
) -> None:
    # docs/recording.md, EDGE X10
    bucket = "arn:${AWS::Partition}:s3:::lab2-cdr-${AWS::AccountId}-${AWS::Region}"
    wanted = {
        ("s3:PutObject", f"{bucket}/Amazon-Chime-Voice-Connector-Recordings/pcap/*"),
        ("s3:PutObject", f"{bucket}/{QUALITY_PREFIX}/*"),
    }
    assert wanted <= other.grants("TaskTaskRole")
    # EDGE C1: the prefixes that were chosen, in the place of the usual one.
    records = {
        (f"s3:{action}", f"{bucket}/{it}/*")
        for it in ("telephony/cdrs", "old/cdrs")
        for action in ("PutObject", "GetObject")
    }
    own = records | wanted
    # A bucket of another account: the same, and nothing else.
    foreign = {
        (action, resource.replace(bucket, "arn:${AWS::Partition}:s3:::central-cdrs.example"))
        for action, resource in own
    }
    key = {
        (f"kms:{action}", "arn:aws:kms:us-east-1:444455556666:key/0000-1111")
        for action in ("GenerateDataKey", "Decrypt")
    }
    granted = without_secrets(other)
    assert {it for it in granted if it[0].startswith("s3:")} == own | foreign
    assert {it for it in granted if it[0].startswith("kms:")} == key
    # One prefix more than by default, for writing and reading.
    added = len(wanted | foreign | key) + 2
    assert len(granted) == len(without_secrets(edge)) + added


def test_the_execution_role_fetches_the_image_and_writes_the_log(edge: Template) -> None:
    (log,) = edge.of("AWS::Logs::LogGroup")
    granted = edge.grants("TaskExecutionRole")
    assert {action for action, resource in granted if resource == "*"} == {
        "ecr:GetAuthorizationToken"
    }
    assert {it for it in granted if not it[0].startswith("ecr:")} == {
        ("logs:CreateLogStream", f"${{{log}.Arn}}"),
        ("logs:PutLogEvents", f"${{{log}.Arn}}"),
    }


def test_no_role_has_a_policy_that_others_wrote(edge: Template) -> None:
    for role in edge.of("AWS::IAM::Role").values():
        assert "ManagedPolicyArns" not in role["Properties"]


def test_tables_come_before_the_edge(assembly: Assembly) -> None:
    assert "ovc-data" in assembly.dependencies("ovc-edge")

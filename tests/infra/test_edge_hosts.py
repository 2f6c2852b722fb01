"""Nodes with fixed addresses: EC2 instances, one task and one Elastic IP on each (A11)."""

from typing import Any

import pytest

from edge.settings import VARIABLES, RuntimeSettings
from tests.infra.synthesis import ROOT, Assembly, Template, text_of

pytestmark = [pytest.mark.node, pytest.mark.xdist_group("cdk")]

SERVICE = "AWS::ECS::Service"
ADDRESS = "AWS::EC2::EIP"
GIVEN = ["eipalloc-0123456789abcdef0", "eipalloc-01234567"]


@pytest.fixture(scope="module")
def fixed(fixed_assembly: Assembly) -> Template:
    return fixed_assembly.template("ovc-edge")


@pytest.fixture(scope="module")
def listed(listed_assembly: Assembly) -> Template:
    return listed_assembly.template("lab3-edge")


@pytest.fixture(scope="module")
def plain(assembly: Assembly) -> Template:
    return assembly.template("ovc-edge")


def container(template: Template) -> Any:
    (only,) = template.properties("AWS::ECS::TaskDefinition")["ContainerDefinitions"]
    return only


def variables(template: Template) -> dict[str, str]:
    return {it["Name"]: text_of(it["Value"]) for it in container(template)["Environment"]}


def launch(template: Template) -> Any:
    return template.properties("AWS::EC2::LaunchTemplate")["LaunchTemplateData"]


def allocations(template: Template) -> list[str]:
    return variables(template)["OVC_ELASTIC_IPS"].split(",")


def test_an_address_that_carriers_know_is_never_given_back(
    fixed: Template, listed: Template
) -> None:
    # A11; another id would be another address, and carriers would drop what comes from it
    ids = ["AddressesAddress12EAACCE8", "AddressesAddress27D08E6FC"]
    assert list(fixed.of(ADDRESS)) == ids
    # More addresses leave those that there are.
    assert list(listed.of(ADDRESS))[:2] == ids and len(listed.of(ADDRESS)) == 6
    for address in (*fixed.of(ADDRESS).values(), *listed.of(ADDRESS).values()):
        assert (address["DeletionPolicy"], address["UpdateReplacePolicy"]) == ("Retain", "Retain")
        assert "InstanceId" not in address["Properties"]


def test_nodes_know_all_addresses_and_the_operator_is_told(
    fixed: Template, listed: Template
) -> None:
    made = [f"${{{it}.AllocationId}}" for it in listed.of(ADDRESS)]
    assert allocations(listed) == [*GIVEN, *made]
    outputs = listed.document["Outputs"]
    assert text_of(outputs["ElasticIpIds"]["Value"]).split(",") == [*GIVEN, *made]
    assert text_of(outputs["ElasticIps"]["Value"]).split(",") == [
        f"${{{it}}}" for it in listed.of(ADDRESS)
    ]
    assert allocations(fixed) == [f"${{{it}.AllocationId}}" for it in fixed.of(ADDRESS)]


def test_every_instance_finds_an_address(fixed: Template, listed: Template) -> None:
    # A11: a deployment has two nodes for each, and no more instances than addresses
    scaled = listed.properties("AWS::ApplicationAutoScaling::ScalableTarget")
    nodes = fixed.properties(SERVICE)["DesiredCount"]
    for template, most_nodes in ((fixed, nodes), (listed, scaled["MaxCapacity"])):
        group = template.properties("AWS::AutoScaling::AutoScalingGroup")
        deployment = template.properties(SERVICE)["DeploymentConfiguration"]
        assert deployment["MaximumPercent"] == 200
        assert 2 * most_nodes <= int(group["MaxSize"]) == len(allocations(template))
    (service,) = listed.of(SERVICE)
    assert text_of(scaled["ResourceId"]).endswith(f"/${{{service}.Name}}")


def test_nodes_may_take_these_addresses_and_no_others(listed: Template) -> None:
    ec2 = "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}"
    made = [f"${{{it}.AllocationId}}" for it in listed.of(ADDRESS)]
    granted = {it for it in listed.grants("TaskTaskRole") if it[0].startswith("ec2:")}
    assert granted == {
        ("ec2:DescribeAddresses", "*"),
        ("ec2:AssociateAddress", f"{ec2}:instance/*"),
        ("ec2:AssociateAddress", f"{ec2}:network-interface/*"),
        *(("ec2:AssociateAddress", f"{ec2}:elastic-ip/{it}") for it in (*GIVEN, *made)),
    }
    conditions = {
        text_of(statement["Resource"]).rpartition(":")[2]: statement["Condition"]
        for policy in listed.of("AWS::IAM::Policy").values()
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "Condition" in statement
    }
    assert conditions["instance/*"] == {"StringEquals": {"aws:ResourceTag/ovc:edge": "lab3"}}
    vpc = conditions["network-interface/*"]["ArnEquals"]["ec2:Vpc"]
    (own,) = listed.of("AWS::EC2::VPC")
    assert text_of(vpc) == f"{ec2}:vpc/${{{own}}}"
    (tag,) = listed.properties("AWS::AutoScaling::AutoScalingGroup")["Tags"]
    assert tag == {"Key": "ovc:edge", "Value": "lab3", "PropagateAtLaunch": True}


def test_the_edge_understands_its_environment(fixed: Template) -> None:
    given = variables(fixed)
    assert given.keys() <= VARIABLES.keys()
    ids = [f"eipalloc-0000000{number}" for number in range(len(allocations(fixed)))]
    environment = given | {"OVC_ELASTIC_IPS": ",".join(ids), "ECS_CONTAINER_METADATA_URI_V4": "x"}
    runtime = RuntimeSettings.from_environment(environment, lambda *_: "s" * 64)
    assert runtime.elastic_ips == tuple(ids)
    assert (runtime.public_address, runtime.sip_listen) == (None, ("0.0.0.0", 5060))


def test_all_else_of_the_task_is_as_on_fargate(fixed: Template, plain: Template) -> None:
    ours, theirs = container(fixed), container(plain)
    own = {"Cpu", "Memory", "PortMappings", "Environment"}
    assert {it: ours[it] for it in ours if it not in own} == {
        it: theirs[it] for it in theirs if it not in own
    }
    # The variable is one more.
    assert variables(fixed).items() - variables(plain).items() == {
        ("OVC_ELASTIC_IPS", variables(fixed)["OVC_ELASTIC_IPS"])
    }
    assert ours["Cpu"] == 1_024 and ours["Memory"] == 2_048


def test_a_task_has_the_network_of_its_host_and_no_other_task_beside_it(fixed: Template) -> None:
    task = fixed.properties("AWS::ECS::TaskDefinition")
    assert (task["NetworkMode"], task["RequiresCompatibilities"]) == ("host", ["EC2"])
    assert "Cpu" not in task and "Memory" not in task
    ports = {(it["HostPort"], it["Protocol"]) for it in container(fixed)["PortMappings"]}
    assert ports == {(5060, "udp"), (5060, "tcp")}
    service = fixed.properties(SERVICE)
    assert service["PlacementConstraints"] == [{"Type": "distinctInstance"}]
    assert "NetworkConfiguration" not in service and "LaunchType" not in service


def test_the_journal_outlives_the_task_and_is_the_users(fixed: Template) -> None:
    # EDGE C9
    (volume,) = fixed.properties("AWS::ECS::TaskDefinition")["Volumes"]
    path = volume["Host"]["SourcePath"]
    (mount,) = container(fixed)["MountPoints"]
    assert mount["SourceVolume"] == volume["Name"] and not mount["ReadOnly"]
    commands = text_of(launch(fixed)["UserData"]["Fn::Base64"]).splitlines()
    assert f"install -d -o 10001 -g 10001 -m 0700 {path}" in commands
    assert "USER 10001:10001" in (ROOT / "edge" / "Dockerfile").read_text()


def test_hosts_join_the_cluster_and_run_nothing_privileged(fixed: Template) -> None:
    commands = text_of(launch(fixed)["UserData"]["Fn::Base64"])
    (cluster,) = fixed.of("AWS::ECS::Cluster")
    assert f"echo ECS_CLUSTER=${{{cluster}}} >> /etc/ecs/ecs.config" in commands
    assert "echo ECS_DISABLE_PRIVILEGED=true >> /etc/ecs/ecs.config" in commands


def test_hosts_are_amazons_newest_and_closed(fixed: Template, listed: Template) -> None:
    images = "resolve:ssm:/aws/service/ecs/optimized-ami/amazon-linux-2023"
    assert launch(fixed)["ImageId"] == f"{images}/recommended/image_id"
    assert launch(listed)["ImageId"] == f"{images}/arm64/recommended/image_id"
    assert launch(fixed)["InstanceType"] == "c6i.large"
    assert launch(listed)["InstanceType"] == "c7gn.xlarge"
    for template in (fixed, listed):
        data = launch(template)
        assert data["MetadataOptions"] == {"HttpTokens": "required", "HttpPutResponseHopLimit": 1}
        (disk,) = data["BlockDeviceMappings"]
        assert disk["Ebs"]["Encrypted"] is True
        assert "KeyName" not in data
        (interface,) = data["NetworkInterfaces"]
        (group,) = template.of("AWS::EC2::SecurityGroup")
        assert [text_of(it) for it in interface["Groups"]] == [f"${{{group}.GroupId}}"]
        # It reaches ECS by it, before it has an Elastic IP.
        assert interface["AssociatePublicIpAddress"] is True


def test_a_host_with_calls_on_it_stays(fixed: Template) -> None:
    # A11: commanded drain; what a task is protected from, its host is, too
    provider = fixed.properties("AWS::ECS::CapacityProvider")["AutoScalingGroupProvider"]
    assert provider["ManagedTerminationProtection"] == "ENABLED"
    assert provider["ManagedDraining"] == "ENABLED"
    assert provider["ManagedScaling"] == {"Status": "ENABLED", "TargetCapacity": 100}
    group = fixed.properties("AWS::AutoScaling::AutoScalingGroup")
    assert group["NewInstancesProtectedFromScaleIn"] is True
    assert group["MinSize"] == "0" and "DesiredCapacity" not in group
    assert len(group["VPCZoneIdentifier"]) == 2


def test_the_service_waits_for_hosts_that_its_cluster_knows(fixed: Template) -> None:
    service = fixed.only(SERVICE)
    (provider,) = fixed.of("AWS::ECS::CapacityProvider")
    (strategy,) = service["Properties"]["CapacityProviderStrategy"]
    assert strategy["CapacityProvider"] == {"Ref": provider}
    waited_for = set(service["DependsOn"])
    assert set(fixed.of("AWS::ECS::ClusterCapacityProviderAssociations")) <= waited_for
    assert set(fixed.of("AWS::EC2::Route")) | set(fixed.of("AWS::IAM::Policy")) <= waited_for


def test_the_agent_of_ecs_may_do_what_it_must(fixed: Template) -> None:
    (cluster,) = fixed.of("AWS::ECS::Cluster")
    instances = "arn:${AWS::Partition}:ecs:${AWS::Region}:${AWS::AccountId}:container-instance"
    assert fixed.grants("EdgeHostsRole") == {
        *(
            (f"ecs:{action}", f"${{{cluster}.Arn}}")
            for action in (
                "RegisterContainerInstance",
                "DeregisterContainerInstance",
                "SubmitTaskStateChange",
                "SubmitContainerStateChange",
                "SubmitAttachmentStateChanges",
            )
        ),
        ("ecs:Poll", f"{instances}/ovc-edge/*"),
        ("ecs:StartTelemetrySession", f"{instances}/ovc-edge/*"),
        ("ecs:DiscoverPollEndpoint", "*"),
    }
    assert "ManagedPolicyArns" not in fixed.named("AWS::IAM::Role", "EdgeHostsRole")


def test_a_change_of_the_form_keeps_everything_but_the_service(
    fixed: Template, plain: Template
) -> None:
    # A11: the new service starts while the old one serves, so both need names of their own
    def ids(template: Template) -> set[str]:
        kinds = ("AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::ECS::Cluster", "AWS::Logs::LogGroup")
        return {name for kind in kinds for name in template.of(kind)}

    assert ids(plain) == ids(fixed)
    assert not set(plain.of(SERVICE)) & set(fixed.of(SERVICE))
    names = [it.properties(SERVICE)["ServiceName"] for it in (plain, fixed)]
    assert names == ["edge", "edge-fixed"]


def test_whoever_asks_about_the_service_asks_about_that_one(fixed_assembly: Assembly) -> None:
    dns = fixed_assembly.template("ovc-dns")
    function = dns.properties("AWS::Lambda::Function")
    assert function["Environment"]["Variables"]["OVC_SERVICE"] == "edge-fixed"
    service = "service/ovc-edge/edge-fixed"
    described = {r for a, r in dns.grants("EdgeDnsRole") if a == "ecs:DescribeServices"}
    assert [it.endswith(service) for it in described] == [True]
    watched = fixed_assembly.template("ovc-observability").document
    assert "edge-fixed" in str(watched)


def test_dns_knows_a_new_service_before_it_is_there(fixed_assembly: Assembly) -> None:
    # A11: nodes of a service that it does not ask about would be told to drain as outdated
    assert "ovc-dns" in fixed_assembly.dependencies("ovc-edge")

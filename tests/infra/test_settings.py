"""What an operator may choose, and what is refused before anything is synthesised."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace

import pytest

from infra.profiles import PROFILES
from infra.setting_checks import MEMORY_OF_CPU, MOST_NODES, DeploymentProblemError
from infra.settings import DeploymentSettings
from lambdas.edge_dns.records import MOST_RECORDS
from model.settings import AdmissionSettings, Settings
from tests.infra.synthesis import OTHER, ROOT


def read(**members: object) -> DeploymentSettings:
    return DeploymentSettings.from_context({f"ovc:{name}": it for name, it in members.items()})


def document(**members: object) -> Mapping[str, object]:
    return {"domain": "vc.example.org", **members}


def test_the_shipped_file_can_be_read() -> None:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    settings = DeploymentSettings.from_context(context)
    assert settings == DeploymentSettings()
    # All but what follows the size of a task.
    assert replace(settings.operator, admission=AdmissionSettings()) == Settings(
        domain="voiceconnector.example.com"
    )


def test_every_member_can_be_chosen() -> None:
    chosen = DeploymentSettings.from_context(OTHER)
    default = DeploymentSettings()
    for key, value in OTHER.items():
        name = key.removeprefix("ovc:")
        wanted = tuple(value) if isinstance(value, list) else value
        assert getattr(chosen, name) == wanted
        assert getattr(default, name) != wanted
    assert chosen.operator.carriers[0].host == "192.0.2.1"


def test_the_command_line_hands_over_text() -> None:
    given = read(nodes="2", cpu="2048", memory_mib="4096", settings='{"domain": "a.example"}')
    assert given == DeploymentSettings(
        nodes=2, cpu=2048, memory_mib=4096, settings={"domain": "a.example"}
    )


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_sets_what_is_not_given(name: str) -> None:
    profile = asdict(PROFILES[name])
    chosen = read(profile=name)
    assert {member: getattr(chosen, member) for member in profile} == profile
    assert read(profile=name, nodes=7, zones=2) == replace(chosen, nodes=7, zones=2)


def test_without_a_profile_it_is_the_small_one() -> None:
    assert read() == DeploymentSettings() == read(profile="small")


def test_a_profile_spreads_its_nodes_over_all_its_zones() -> None:
    for profile in PROFILES.values():
        assert profile.nodes == 1 or profile.nodes % profile.zones == 0


@pytest.mark.parametrize(
    "image",
    [
        "111122223333.dkr.ecr.eu-west-1.amazonaws.com/voice/edge:1.2.3",
        "ghcr.io/example/edge@sha256:" + "0f" * 32,
        "localhost:5000/edge:1.0@sha256:" + "0f" * 32,
    ],
)
def test_an_image_has_a_tag_or_a_digest(image: str) -> None:
    assert read(edge_image=image).edge_image == image


@pytest.mark.parametrize(
    "secret", ["ovc/tls", "arn:aws:secretsmanager:us-east-1:111122223333:secret:ovc/tls-Ab12Cd"]
)
def test_a_secret_is_named_or_has_its_whole_arn(secret: str) -> None:
    carrier = {"name": "a", "host": "192.0.2.1", "username": "u", "password": f"secret:{secret}"}
    chosen = read(tls_secret=secret, settings=document(carriers=[carrier]))
    assert chosen.tls_secret == chosen.operator.carriers[0].secret_id == secret


@pytest.mark.parametrize(
    ("cpu", "media_workers", "sized_for", "aimed_at", "at_most"),
    [
        # docs/scale.md: the columns of half the CPU and of 85 %, in two digits.
        (1_024, 1, "rtp", 1_000, 1_800),
        (1_024, 1, "srtp", 680, 1_100),
        (2_048, 2, "rtp", 2_100, 3_600),
        (2_048, 2, "srtp", 1_300, 2_300),
        (256, 1, "srtp", 170, 290),
        # One media process has one core.
        (2_048, 1, "srtp", 680, 1_100),
    ],
)
def test_a_node_takes_what_the_media_of_its_size_can_do(
    cpu: int, media_workers: int, sized_for: str, aimed_at: int, at_most: int
) -> None:
    memory_mib = MEMORY_OF_CPU[cpu][0]
    chosen = read(cpu=cpu, memory_mib=memory_mib, media_workers=media_workers, sized_for=sized_for)
    assert chosen.operator.admission.concurrent_calls == at_most
    assert chosen.calls_aimed_at == aimed_at


def test_the_operator_says_how_many_calls_a_node_takes() -> None:
    few = read(settings=document(admission={"concurrent_calls": 400, "overload_lag_ms": 70}))
    assert few.operator.admission.concurrent_calls == 400
    # Scaling leaves the same part of them as room.
    assert few.calls_aimed_at == 400 * 680 // 1_100
    other = read(settings=document(admission={"overload_lag_ms": 70}))
    assert other.operator.admission.concurrent_calls == 1_100
    assert other.operator.admission.overload_lag_ms == 70
    assert read(settings=document(admission={"concurrent_calls": 1})).calls_aimed_at == 1


def test_hosts_are_chosen_by_the_size_of_a_task_or_by_the_operator() -> None:
    assert (read().host_type, read().addresses) == (None, 0)
    fixed = read(addressing="fixed", elastic_ip_count=1, elastic_ips="eipalloc-0123456789abcdef0")
    assert (fixed.host_type, fixed.addresses) == ("c6i.large", 2)
    other = read(addressing="fixed", elastic_ip_count=2, instance_type="c7i.xlarge")
    assert other.host_type == "c7i.xlarge"


def test_scaling_is_between_a_least_and_a_most_number() -> None:
    assert not read(nodes=3).is_scaled
    assert read(nodes=3, max_nodes=3).is_scaled
    assert read(nodes=3, max_nodes=90, calls_per_node=1_099).calls_aimed_at == 1_099
    # Stopped, whatever else is chosen.
    assert not read(nodes=0, max_nodes=9).is_scaled
    with pytest.raises(DeploymentProblemError, match=r"it is 2, and nodes is 3; .* from 3 to 90"):
        read(nodes=3, max_nodes=2)
    with pytest.raises(DeploymentProblemError, match="and a node takes 400 calls"):
        read(settings=document(admission={"concurrent_calls": 400}), calls_per_node=400)


def test_scaling_asks_for_no_more_nodes_than_a_name_leads_to() -> None:
    assert MOST_NODES == MOST_RECORDS


def test_names_of_buckets_are_a_list_or_have_commas_between_them() -> None:
    wanted = ("one-cdrs", "two.cdrs")
    assert read(cdr_buckets=["one-cdrs", "two.cdrs"]).cdr_buckets == wanted
    assert read(cdr_buckets="one-cdrs, two.cdrs").cdr_buckets == wanted


def test_alarms_are_told_to_a_topic_or_to_a_mailbox() -> None:
    topic = "arn:aws:sns:eu-central-1:111122223333:on-call"
    assert read(alarm_topic=topic).alarm_topic == topic
    with pytest.raises(DeploymentProblemError, match="ovc:alarm_email: there is alarm_topic"):
        read(alarm_topic=topic, alarm_email="on-call@example.org")


@pytest.mark.parametrize("given", [True, "true"])
def test_yes_and_no_are_json_or_text(given: object) -> None:
    assert read(access_logs=given).access_logs is True
    assert read(access_logs="false").access_logs is False


def test_an_own_domain_has_a_certificate() -> None:
    certificate = "arn:aws:acm:eu-central-1:111122223333:certificate/0000-1111"
    chosen = read(api_domain="api.example.org", api_certificate=certificate)
    assert (chosen.api_certificate, chosen.api_waf) == (certificate, 0)
    with pytest.raises(DeploymentProblemError, match="ovc:api_certificate: it is ''; wanted is"):
        read(api_domain="api.example.org")
    with pytest.raises(DeploymentProblemError, match="ovc:api_domain: it is 'API"):
        read(api_domain="API.example.org", api_certificate=certificate)
    for least in (10, 2_000_000_000):
        assert replace(chosen, api_waf=least).api_waf == least
    for wrong in (9, -1, 2_000_000_001):
        with pytest.raises(DeploymentProblemError, match=f"ovc:api_waf: it is {wrong}; wanted"):
            replace(chosen, api_waf=wrong)


def test_numbers_may_come_out_of_node_as_floats() -> None:
    assert read(nodes=2.0).nodes == 2


def test_other_context_is_left_alone() -> None:
    assert DeploymentSettings.from_context({"aws:cdk:x": 1}) == DeploymentSettings()


@pytest.mark.parametrize(("cpu", "sizes"), MEMORY_OF_CPU.items())
def test_fargate_sizes_are_known(cpu: int, sizes: tuple[int, ...]) -> None:
    for memory_mib in (sizes[0], sizes[-1]):
        assert read(cpu=cpu, memory_mib=memory_mib).memory_mib == memory_mib
    for memory_mib in (sizes[0] - 1, sizes[0] // 2, sizes[-1] + 1_024):
        with pytest.raises(DeploymentProblemError, match=f"memory_mib: it is {memory_mib}"):
            read(cpu=cpu, memory_mib=memory_mib)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("noodles", 1, "ovc:noodles is unknown; known are ovc:prefix, ovc:settings, ovc:profile"),
        ("prefix", "Ovc", "ovc:prefix: it is 'Ovc'; wanted is 2 to 16 lower-case letters"),
        ("prefix", "ovc-", "ovc:prefix: it is 'ovc-'"),
        ("prefix", "o" * 17, "ovc:prefix: it is"),
        ("prefix", 7, "ovc:prefix: it is 7; wanted is text"),
        ("cdr_buckets", ["a"], "ovc:cdr_buckets: it is 'a'; wanted is names of buckets"),
        ("cdr_buckets", ["a/b*"], "ovc:cdr_buckets: it is 'a/b"),
        ("cdr_buckets", "UPPER", "ovc:cdr_buckets: it is 'UPPER'"),
        ("cdr_buckets", 7, "ovc:cdr_buckets: it is 7; wanted is a list of texts"),
        ("cdr_buckets", [7], "ovc:cdr_buckets: it is 7; wanted is text"),
        ("cdr_kms_keys", ["alias/aws/s3"], "ovc:cdr_kms_keys: it is 'alias/aws/s3'"),
        ("secret_kms_keys", "alias/mine", "ovc:secret_kms_keys: it is 'alias/mine'; wanted is"),
        ("tls_secret", "a b", "ovc:tls_secret: it is 'a b'; wanted is the name of a secret, such"),
        (
            "tls_secret",
            "arn:aws:secretsmanager:us-east-1:111122223333:secret:ovc/tls",
            "or its whole ARN",
        ),
        ("nodes", -1, "ovc:nodes: it is -1; wanted is a whole number from 0 to 90"),
        ("nodes", 91, "ovc:nodes: it is 91"),
        (
            "max_nodes",
            -1,
            "ovc:max_nodes: it is -1, and nodes is 1; wanted is 0, which scales nothing",
        ),
        ("max_nodes", 91, "ovc:max_nodes: it is 91, .* or a whole number from 1 to 90"),
        ("calls_per_node", -1, "ovc:calls_per_node: it is -1, and a node takes 1100 calls"),
        (
            "calls_per_node",
            1_100,
            "ovc:calls_per_node: it is 1100, .*wanted is a whole number below",
        ),
        ("sized_for", "opus", "ovc:sized_for: it is 'opus'; wanted is one of srtp, rtp"),
        ("profile", "huge", "ovc:profile: it is 'huge'; wanted is one of small, medium, large"),
        ("zones", 1, "ovc:zones: it is 1; wanted is a whole number from 2 to 3"),
        ("zones", 4, "ovc:zones: it is 4"),
        ("architecture", "x86", "ovc:architecture: it is 'x86'; wanted is one of x86_64, arm64"),
        ("hosted_zone_id", "/hostedzone/Z1", "ovc:hosted_zone_id: it is '/hostedzone/Z1'; wanted"),
        ("edge_image", "ghcr.io/a/edge", "ovc:edge_image: it is 'ghcr.io/a/edge'; wanted is the"),
        ("edge_image", "localhost:5000/edge", "ovc:edge_image: it is 'localhost:5000/edge'"),
        ("edge_image", "edge:1 --privileged", "ovc:edge_image: it is 'edge:1 --privileged'"),
        ("edge_image", "r.example/edge@sha256:12", "ovc:edge_image: it is 'r.example/edge@sha"),
        ("nodes", 1.5, "ovc:nodes: it is 1.5; wanted is a whole number"),
        ("nodes", float("nan"), "ovc:nodes: it is nan; wanted is a whole number"),
        ("nodes", True, "ovc:nodes: it is True; wanted is a whole number"),
        ("nodes", "two", "ovc:nodes: it is 'two'; wanted is a whole number"),
        ("cpu", 1_000, "ovc:cpu: it is 1000; wanted is one of 256, 512, 1024"),
        ("media_workers", 0, "ovc:media_workers: it is 0"),
        ("max_drain_s", 59, "ovc:max_drain_s: it is 59; wanted is a whole number from 60 to 1728"),
        ("max_drain_s", 172_801, "ovc:max_drain_s: it is 172801"),
        ("api_concurrency", -1, "ovc:api_concurrency: it is -1"),
        ("api_waf", 3_000, "ovc:api_waf: there is no api_domain; wanted is an own domain"),
        ("api_certificate", "arn:aws:acm", "ovc:api_certificate: there is no api_domain"),
        ("api_waf", "yes", "ovc:api_waf: it is 'yes'; wanted is a whole number"),
        ("kms_key", "own", "ovc:kms_key: it is 'own'; wanted is one of aws, permitted, cus"),
        ("access_logs", "yes", "ovc:access_logs: it is 'yes'; wanted is true or false"),
        ("access_logs", 1, "ovc:access_logs: it is 1; wanted is true or false"),
        ("cdr_retention_days", -1, "ovc:cdr_retention_days: it is -1"),
        ("log_retention_days", 91, "ovc:log_retention_days: it is 91; wanted is one of 1, 3, 5, 7"),
        ("alarm_topic", "alarms", "ovc:alarm_topic: it is 'alarms'; wanted is the ARN of a topic"),
        ("alarm_email", "on-call", "ovc:alarm_email: it is 'on-call'; wanted is one e-mail"),
        ("alarm_email", "a@b.example, c@d.example", "ovc:alarm_email: it is 'a@b.example, c@"),
        ("runbooks", "", "ovc:runbooks: it is ''; wanted is the address of a page"),
        ("runbooks", "our wiki", "ovc:runbooks: it is 'our wiki'"),
        ("vpc_cidr", "8.8.0.0/16", "ovc:vpc_cidr: it is '8.8.0.0/16'; wanted is a private"),
        ("vpc_cidr", "10.0.0.0/8", "ovc:vpc_cidr: it is '10.0.0.0/8'"),
        ("vpc_cidr", "10.0.0.1/20", "ovc:vpc_cidr: it is '10.0.0.1/20'"),
        ("settings", "{", "ovc:settings is not JSON"),
        ("settings", "[]", r"ovc:settings: it is \[\]; wanted is an object"),
        ("settings", {}, "ovc:settings: it has no domain"),
        ("settings", document(domain="Example"), "ovc:settings.domain: it is 'Example'"),
        ("settings", document(domain="a..example"), "ovc:settings.domain: it is 'a..example'"),
        ("settings", document(carrier=[]), "ovc:settings: settings has no member 'carrier'"),
        ("settings", document(account_id="1"), "ovc:settings: it has account_id; wanted is none"),
        ("settings", document(region="eu-central-1"), "ovc:settings: it has region"),
        # EDGE S11
        (
            "settings",
            document(
                carriers=[
                    {"name": "a", "host": "192.0.2.1", "username": "u", "password": "file:/x"}
                ]
            ),
            "the password of 'a' is in no secret; wanted is secret:ovc/carriers/a, or the name",
        ),
        (
            "settings",
            document(
                carriers=[{"name": "a", "host": "192.0.2.1", "username": "u", "password": "env:A"}]
            ),
            "the password of 'a' is in no secret; wanted is secret:ovc/carriers/a, or the name",
        ),
        ("settings", document(lab_mode=True), "ovc:settings: lab_mode is true; wanted is false"),
        # EDGE Q1
        ("settings", document(media={"first_port": 4_999}), "the ports 4999 to 59999"),
        ("settings", document(media={"last_port": 65_001}), "the ports 10000 to 65001"),
        ("settings", document(media={"last_port": 10_000}), "the ports 10000 to 10000"),
    ],
)
def test_what_cannot_work_is_refused(name: str, value: object, message: str) -> None:
    with pytest.raises(DeploymentProblemError, match=message):
        read(**{name: value})

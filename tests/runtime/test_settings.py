"""What the environment may say, and the message for everything that it may not."""

import json
from pathlib import Path

import pytest

from edge.settings import EnvironmentProblemError, RuntimeSettings
from model.settings import Settings

SECRET = "0123456789abcdef0123456789abcdef"
LAB = {"OVC_SETTINGS": json.dumps({"lab_mode": True})}


SECRETS = {"ovc/nonce": "n" * 32, "ovc/short": "hunter2", "ovc/carriers/acme": "from the API"}


def secret(secret_id: str, region: str) -> str:
    assert region == "eu-west-1"
    if secret_id not in SECRETS:
        raise LookupError(f"the secret {secret_id} is not there")
    return SECRETS[secret_id]


def no_secret(secret_id: str, region: str) -> str:
    raise AssertionError("nobody asked for a secret")


def read(**variables: str) -> RuntimeSettings:
    environment = {"OVC_NONCE_SECRET": SECRET} | variables
    return RuntimeSettings.from_environment(environment, no_secret)


def read_with_secrets(settings: str = "{}", **variables: str) -> RuntimeSettings:
    document = json.dumps({"region": "eu-west-1"} | json.loads(settings))
    return RuntimeSettings.from_environment({"OVC_SETTINGS": document} | variables, secret)


def test_the_secret_is_all_that_a_deployment_must_set() -> None:
    settings = read()
    assert settings == RuntimeSettings(settings=Settings(), nonce_secret=SECRET.encode())
    assert settings.watched_secrets == ()
    assert (settings.sip_listen, settings.media_workers) == (("0.0.0.0", 5060), 1)
    assert (settings.tls_listen, settings.tls_certificate) == (("0.0.0.0", 5061), None)
    assert (settings.poll_interval_s, settings.drain_s) == (2.0, 110.0)
    assert (settings.unlisted_s, settings.unnoted_s, settings.max_drain_s) == (60, 900, 9_000)
    assert settings.agent_uri is None


def test_lab_mode_looks_often_stops_at_once_and_makes_its_secret() -> None:
    one, two = (RuntimeSettings.from_environment(LAB, no_secret) for _ in range(2))
    assert (one.poll_interval_s, one.drain_s) == (0.5, 0.0)
    assert (one.unlisted_s, one.unnoted_s, one.max_drain_s) == (1, 5, 9_000)
    assert len(one.nonce_secret) == 32 and one.nonce_secret != two.nonce_secret


def test_every_variable_is_read() -> None:
    settings = read(
        OVC_SETTINGS='{"domain": "voice.example.com"}',
        OVC_TABLE_PREFIX="prod",
        OVC_SIP_LISTEN="10.0.0.1:5070",
        OVC_TLS_LISTEN="10.0.0.1:5071",
        OVC_TLS_CERTIFICATE="/tls/edge.pem",
        OVC_TLS_KEY="/tls/edge.key",
        OVC_TLS_DIRECTORY="/tls/hosts",
        OVC_TLS_CA="/tls/ca.pem",
        OVC_PUBLIC_ADDRESS="192.0.2.1",
        OVC_ELASTIC_IPS="eipalloc-0123456789abcdef0, eipalloc-01234567",
        OVC_MEDIA_ADDRESS="192.0.2.2",
        OVC_MEDIA_WORKERS="4",
        OVC_POLL_SECONDS="0.25",
        OVC_DRAIN_SECONDS="60",
        OVC_MAX_DRAIN_SECONDS="172800",
        OVC_UNLISTED_SECONDS="90",
        OVC_UNNOTED_SECONDS="1800",
        ECS_AGENT_URI="http://169.254.170.2/api/one",
        OVC_JOURNAL_DIRECTORY="/disk/journal",
        OVC_JOURNAL_MEGABYTES="64",
        OVC_HEALTH_SOCKET="ovc-edge",
        OVC_DNS_SERVERS="192.0.2.53, 127.0.0.1:5353",
    )
    assert settings == RuntimeSettings(
        settings=Settings(domain="voice.example.com"),
        nonce_secret=SECRET.encode(),
        table_prefix="prod",
        health_socket="ovc-edge",
        sip_listen=("10.0.0.1", 5070),
        tls_listen=("10.0.0.1", 5071),
        tls_certificate=Path("/tls/edge.pem"),
        tls_key=Path("/tls/edge.key"),
        tls_directory=Path("/tls/hosts"),
        tls_ca=Path("/tls/ca.pem"),
        public_address="192.0.2.1",
        elastic_ips=("eipalloc-0123456789abcdef0", "eipalloc-01234567"),
        media_address="192.0.2.2",
        media_workers=4,
        poll_interval_s=0.25,
        drain_s=60.0,
        max_drain_s=172_800.0,
        unlisted_s=90.0,
        unnoted_s=1_800.0,
        agent_uri="http://169.254.170.2/api/one",
        journal_directory=Path("/disk/journal"),
        journal_bytes=64 << 20,
        dns_servers=(("192.0.2.53", 53), ("127.0.0.1", 5353)),
    )


def test_the_secret_is_not_shown() -> None:
    # EDGE S15
    assert SECRET not in repr(read())


PROBLEMS = [
    ("OVC_SETTINGS", "{", "the settings are not JSON"),
    ("OVC_SETTINGS", '{"lab": true}', "settings has no member 'lab'"),
    ("OVC_NONCE_SECRET", "", "neither OVC_NONCE_SECRET_ID nor OVC_NONCE_SECRET is set"),
    ("OVC_NONCE_SECRET", SECRET[:-1], "has 31 characters; at least 32"),
    ("OVC_SIP_LISTEN", "5060", "'5060'; an IPv4 address and a port are wanted"),
    ("OVC_SIP_LISTEN", "localhost:5060", "'localhost:5060'; an IPv4 address and a port"),
    ("OVC_SIP_LISTEN", "127.0.0.1:65536", "an IPv4 address and a port are wanted"),
    ("OVC_SIP_LISTEN", "127.0.0.1:0", "an IPv4 address and a port are wanted"),
    ("OVC_SIP_LISTEN", "[::1]:5060", "an IPv4 address and a port are wanted"),
    ("OVC_PUBLIC_ADDRESS", "edge.example.com", "'edge.example.com'; an IPv4 address is wanted"),
    ("OVC_ELASTIC_IPS", "192.0.2.1", "'192.0.2.1'; allocation ids are wanted, e.g. eipalloc-"),
    ("OVC_MEDIA_ADDRESS", "::1", "an IPv4 address is wanted"),
    ("OVC_MEDIA_WORKERS", "0", "'0'; a whole number from 1 to 64 is wanted"),
    ("OVC_MEDIA_WORKERS", "65", "a whole number from 1 to 64 is wanted"),
    ("OVC_MEDIA_WORKERS", "\u0661", "a whole number from 1 to 64 is wanted"),
    ("OVC_POLL_SECONDS", "0", "a number of seconds from 0.1 to 60 is wanted"),
    ("OVC_POLL_SECONDS", "nan", "a number of seconds from 0.1 to 60 is wanted"),
    ("OVC_DNS_SERVERS", "ns.example.com", "IPv4 addresses, each with or without a port, are"),
    ("OVC_DNS_SERVERS", "192.0.2.53:0", "IPv4 addresses, each with or without a port, are wanted"),
    ("OVC_DRAIN_SECONDS", "-1", "a number of seconds from 0 to 86400 is wanted"),
    ("OVC_DRAIN_SECONDS", "soon", "'soon'; a number of seconds"),
    ("OVC_MAX_DRAIN_SECONDS", "172801", "a number of seconds from 0 to 172800 is wanted"),
    ("OVC_UNLISTED_SECONDS", "-1", "a number of seconds from 0 to 3600 is wanted"),
    ("OVC_UNNOTED_SECONDS", "long", "'long'; a number of seconds"),
]


@pytest.mark.parametrize(("name", "value", "message"), PROBLEMS)
def test_a_problem_names_the_variable_its_value_and_what_is_wanted(
    name: str, value: str, message: str
) -> None:
    with pytest.raises(EnvironmentProblemError) as problem:
        read(**{name: value})
    assert name in str(problem.value) and message in str(problem.value)


def carrier(password: str) -> str:
    entry = {"name": "acme", "host": "192.0.2.1", "username": "trunk", "password": password}
    return json.dumps({"carriers": [entry]})


def test_a_carriers_password_is_found_and_not_shown(tmp_path: Path) -> None:
    # EDGE F13, S15
    (tmp_path / "secret").write_text("from a file\n")
    found = read(OVC_SETTINGS=carrier("env:ACME"), ACME="from the environment")
    assert found.carrier_passwords == {"acme": "from the environment"}
    assert "from the environment" not in repr(found) + found.settings.to_json()
    found = read(OVC_SETTINGS=carrier(f"file:{tmp_path}/secret"))
    assert found.carrier_passwords == {"acme": "from a file"}


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("env:NOT_THERE", "the password of carrier 'acme' is not there: set the variable NOT_T"),
        ("file:/no/such/file", "of carrier 'acme' is not there: /no/such/file cannot be read"),
        ("file:/dev/null", "of carrier 'acme' is not there: write it into /dev/null"),
    ],
)
def test_a_carriers_password_that_is_not_there_is_a_problem(where: str, message: str) -> None:
    with pytest.raises(EnvironmentProblemError) as problem:
        read(OVC_SETTINGS=carrier(where))
    assert message in str(problem.value)


def test_a_password_in_the_settings_is_refused_and_not_quoted() -> None:
    # EDGE S15
    with pytest.raises(EnvironmentProblemError) as problem:
        read(OVC_SETTINGS=carrier("hunter2"))
    assert "none of secret:NAME, env:NAME, file:PATH" in str(problem.value)
    assert "hunter2" not in str(problem.value)


def test_a_short_secret_is_not_quoted() -> None:
    with pytest.raises(EnvironmentProblemError) as problem:
        read(OVC_NONCE_SECRET="hunter2")
    assert "hunter2" not in str(problem.value)


def test_the_environment_names_secrets_and_holds_none() -> None:
    # EDGE G3, F13, S15
    names = {"OVC_NONCE_SECRET_ID": "ovc/nonce", "OVC_TLS_SECRET_ID": "ovc/tls"}
    found = read_with_secrets(carrier("secret:ovc/carriers/acme"), **names)
    assert found.nonce_secret == SECRETS["ovc/nonce"].encode()
    assert found.carrier_passwords == {"acme": "from the API"}
    assert (found.tls_secret, found.tls_certificate) == ("ovc/tls", None)
    # The nonce secret counts from the next start on.
    assert found.watched_secrets == ("ovc/tls", "ovc/carriers/acme")
    assert "from the API" not in repr(found) and "nnnn" not in repr(found)


@pytest.mark.parametrize(
    ("settings", "variables", "message"),
    [
        ("{}", {"OVC_NONCE_SECRET_ID": "ovc/other"}, "_ID: the secret ovc/other is not there"),
        ("{}", {"OVC_NONCE_SECRET_ID": "ovc/short"}, "ovc/short has 7 characters; at least 32"),
        (
            carrier("secret:ovc/carriers/two"),
            {"OVC_NONCE_SECRET_ID": "ovc/nonce"},
            "the password of carrier 'acme' is not there: the secret ovc/carriers/two is not there",
        ),
        (
            "{}",
            {"OVC_NONCE_SECRET_ID": "ovc/nonce", "OVC_NONCE_SECRET": SECRET},
            "OVC_NONCE_SECRET_ID and OVC_NONCE_SECRET are both set",
        ),
        (
            "{}",
            {
                "OVC_NONCE_SECRET_ID": "ovc/nonce",
                "OVC_TLS_SECRET_ID": "ovc/tls",
                "OVC_TLS_CERTIFICATE": "/tls/edge.pem",
            },
            "OVC_TLS_SECRET_ID and OVC_TLS_CERTIFICATE are both set",
        ),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_and_not_shown(
    settings: str, variables: dict[str, str], message: str
) -> None:
    with pytest.raises(EnvironmentProblemError) as problem:
        read_with_secrets(settings, **variables)
    assert message in str(problem.value)
    assert "hunter2" not in str(problem.value) and SECRET not in str(problem.value)


def test_lab_mode_is_refused_on_ecs() -> None:
    # EDGE S11
    with pytest.raises(EnvironmentProblemError, match="lab_mode true, but this is an ECS task"):
        read(**LAB, ECS_CONTAINER_METADATA_URI_V4="http://169.254.170.2/v4/id")

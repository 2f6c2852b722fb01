"""Secrets Manager as a node asks it: what it reads, and what it says when it cannot (S15, A9)."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Event, Thread
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError, NoCredentialsError
from botocore.stub import Stubber

from edge.runtime.aws_messages import SecretRead, SecretsLooked
from edge.runtime.secret_store import TRIES, SecretProblemError, SecretStore
from edge.runtime.secret_watch import SecretWatch, watch_secrets
from tests.runtime.local_aws import LocalAws
from tests.runtime.scripted import Lines, wait_for

REGION = "eu-west-1"
VALUE = "correct horse battery staple"


def fake_store(answer: Callable[[], dict[str, Any]]) -> SecretStore:
    class Client:
        def get_secret_value(self, SecretId: str) -> dict[str, Any]:
            return answer()

    return SecretStore(Client(), REGION)  # type: ignore[arg-type]  # of a client one method is used


@contextmanager
def stubbed() -> Iterator[tuple[SecretStore, Stubber]]:
    client = boto3.Session("test", "test", region_name=REGION).client("secretsmanager")
    with Stubber(client) as stub:
        yield SecretStore(client, REGION), stub


REFUSALS = [
    (
        ("ResourceNotFoundException", "Secrets Manager can't find the specified secret."),
        ("the secret ovc/tls is not there, or has no value, in eu-west-1", "create-secret --name"),
    ),
    (
        (
            "AccessDeniedException",
            "User: arn:aws:sts::1:assumed-role/x is not authorized to perform: "
            "secretsmanager:GetSecretValue on resource: ovc/tls",
        ),
        ("ovc/tls may not be read", "secretsmanager:GetSecretValue", "this very secret"),
    ),
    (
        ("AccessDeniedException", "Access to KMS is not allowed"),
        ("ovc/tls cannot be decrypted", "kms:Decrypt", "ovc:secret_kms_keys"),
    ),
    (
        ("DecryptionFailure", "Secrets Manager can't decrypt the protected secret text"),
        ("ovc/tls cannot be decrypted", "ovc:secret_kms_keys"),
    ),
    (
        (
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        ),
        ("marked for deletion", "restore-secret --secret-id ovc/tls"),
    ),
    (("ThrottlingException", "Rate exceeded"), ("ovc/tls cannot be read", "Rate exceeded")),
]


@pytest.mark.parametrize(("refusal", "said"), REFUSALS, ids=lambda it: it[0])
def test_a_refusal_names_the_secret_the_right_and_what_to_do(
    refusal: tuple[str, str], said: tuple[str, ...]
) -> None:
    with stubbed() as (store, stub):
        stub.add_client_error("get_secret_value", *refusal)
        with pytest.raises(SecretProblemError) as problem:
            store.read("ovc/tls")
    for words in said:
        assert words in str(problem.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"SecretBinary": VALUE.encode()}, "holds bytes; wanted is text"),
        ({"SecretString": ""}, "the secret ovc/tls is empty"),
        ({"SecretString": "\r\n"}, "the secret ovc/tls is empty"),
    ],
)
def test_a_secret_without_text_is_a_problem_that_does_not_show_it(
    answer: dict[str, Any], said: str
) -> None:
    with pytest.raises(SecretProblemError) as problem:
        fake_store(lambda: answer).read("ovc/tls")
    assert said in str(problem.value) and VALUE not in str(problem.value)


@pytest.mark.parametrize("error", [NoCredentialsError(), ConnectTimeoutError(endpoint_url="x")])
def test_an_api_that_is_not_reached_is_a_problem(error: Exception) -> None:
    def away() -> dict[str, Any]:
        raise error

    with pytest.raises(SecretProblemError, match="of eu-west-1 is not reached"):
        fake_store(away).read("ovc/tls")


def test_a_start_tries_several_times_and_then_gives_up() -> None:
    answers: list[dict[str, Any]] = [{}, {}, {"SecretString": f"{VALUE}\n"}]
    rests: list[float] = []
    store = fake_store(lambda: answers.pop(0))
    assert store.read_patiently("ovc/nonce", rests.append) == VALUE
    assert rests == [0.5, 1.0]
    rests.clear()
    with pytest.raises(SecretProblemError, match="holds bytes"):
        fake_store(lambda: {}).read_patiently("ovc/nonce", rests.append)
    assert len(rests) == TRIES - 1 and sum(rests) < 10.0


class Watched:
    """A watch on moto's Secrets Manager."""

    def __init__(self, aws: LocalAws, *names: str) -> None:
        self.client = aws.client("secretsmanager")
        self.told: list[SecretRead | SecretsLooked] = []
        self.log = Lines()
        store = SecretStore(self.client, REGION)
        self.watch = SecretWatch(store, names, report=self.told.append, log=self.log)

    @property
    def texts(self) -> list[tuple[str, str]]:
        return [(it.secret_id, it.text) for it in self.told if isinstance(it, SecretRead)]


@pytest.mark.sockets
def test_a_secret_is_told_when_it_comes_and_when_it_changes_and_stays_while_it_is_away(
    aws: LocalAws,
) -> None:
    # A9
    name = f"watched/{time.monotonic_ns()}"
    here = Watched(aws, name)
    assert not here.watch.look() and not here.watch.look()
    assert here.told == [SecretsLooked(), SecretsLooked()]
    (line,) = here.log.of("secret-unreadable")
    assert line["secret"] == name and line["hint"] == "none yet"
    here.client.create_secret(Name=name, SecretString="one")
    assert here.watch.look() and here.watch.look()
    here.client.put_secret_value(SecretId=name, SecretString="two")
    assert here.watch.look()
    assert here.texts == [(name, "one"), (name, "two")]
    here.client.delete_secret(SecretId=name, RecoveryWindowInDays=7)
    assert not here.watch.look()
    assert here.log.of("secret-unreadable")[1]["hint"] == "what was read before stays in use"
    here.client.restore_secret(SecretId=name)
    assert here.watch.look()
    assert len(here.texts) == 2
    assert here.log.events() == [
        *("secret-unreadable", "secret-back", "secret-unreadable", "secret-back")
    ]
    assert "one" not in repr(here.told) and "two" not in repr(here.log.written)


def test_a_look_follows_at_once_when_it_is_wanted_and_soon_after_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("edge.runtime.secret_watch.FIRST_RETRY_S", 0.05)
    looks: list[int] = []

    class Watch:
        def look(self) -> bool:
            looks.append(len(looks))
            if len(looks) == 3:
                raise EOFError
            return len(looks) != 2

    wake = Event()
    watching: Any = Watch()

    def watch() -> None:
        with suppress(EOFError):
            watch_secrets(watching, wake, every_s=3_600.0)

    run = Thread(target=watch, daemon=True)
    run.start()
    wait_for(lambda: looks)
    wake.set()
    wait_for(lambda: not run.is_alive())
    assert looks == [0, 1, 2]

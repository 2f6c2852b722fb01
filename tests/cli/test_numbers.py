"""`ovc numbers`: what is typed, what is said, and whose tables are changed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import numbers
from cli.deployment import repository
from cli.errors import CommandError, ExitCode
from cli.stand import running_stand
from emulator import aws
from emulator.stand_file import StandFacts, StandFile
from model.settings import Settings
from model.tables import DEFAULT_PREFIX
from tests.management.local_api import LocalApi, local_api
from tests.management.stand import ROOMY

HEADER = "number,type,country,city,state\n"
GOOD = HEADER + "+12065550142,Local,US,Seattle,WA\n+12065550143,Local,US,Seattle,WA\n"
REGION = "us-east-1"
API_PORT = 14_080


@pytest.fixture
def api() -> Iterator[LocalApi]:
    with local_api(ROOMY) as made:
        yield made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pool.csv"
    path.write_text(GOOD)
    return path


def found(api: LocalApi) -> list[str]:
    target = "/search?type=phone-numbers&area-code=206"
    return list(api.made("GET", target)["E164PhoneNumbers"])


def imported(api: LocalApi, file: Path, *, dry_run: bool = False) -> None:
    numbers.run_import(file=file, dry_run=dry_run, prefix=api.prefix, region=REGION, api_port=None)


def test_a_file_is_imported_into_a_deployment_and_summed_up(
    api: LocalApi, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # ARCHITECTURE A6
    imported(api, file, dry_run=True)
    assert capsys.readouterr().out == "2 would be imported, 0 were in the pool already\n"
    assert found(api) == []
    imported(api, file)
    assert capsys.readouterr().out == "2 imported, 0 were in the pool already\n"
    assert found(api) == ["+12065550142", "+12065550143"]
    file.write_bytes(b"\xef\xbb\xbf" + (GOOD + "+12065550144,Local,US,,\n").encode())
    imported(api, file)
    assert capsys.readouterr().out == "1 imported, 2 were in the pool already\n"


def test_with_one_bad_line_nothing_is_imported_and_all_are_told(
    api: LocalApi, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # ARCHITECTURE A6
    (owned,) = api.new_numbers(1)
    file.write_text(GOOD + f"{owned},Local,US,,\nabc,Local,US,,\n")
    with pytest.raises(CommandError, match="2; nothing was imported") as refused:
        imported(api, file)
    assert refused.value.exit_code == ExitCode.USAGE
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        f"{file}: line 4: {owned} is in the inventory already",
        f"{file}: line 5: number is 'abc'; a valid number in E.164 is wanted",
    ]
    assert found(api) == []


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file"), (b"\xff\xfe", "it is not UTF-8")]
)
def test_a_file_that_cannot_be_read_is_named(
    api: LocalApi, file: Path, content: bytes | None, reason: str
) -> None:
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError, match=reason) as refused:
        imported(api, file)
    assert refused.value.exit_code == ExitCode.USAGE


def ported(api: LocalApi, **members: str) -> None:
    arguments = {"number": "+12065550142", "name": "Ours", "product_type": "VoiceConnector"}
    given = arguments | members
    numbers.run_port_in(
        number=given["number"],
        name=given["name"],
        product_type=given["product_type"],
        prefix=api.prefix,
        region=REGION,
        api_port=None,
    )


def test_a_number_is_ported_in_and_released(
    api: LocalApi, capsys: pytest.CaptureFixture[str]
) -> None:
    # API PN5
    ported(api)
    (order,) = api.made("GET", "/phone-number-orders")["PhoneNumberOrders"]
    order_id = order["PhoneNumberOrderId"]
    assert capsys.readouterr().out == f"+12065550142 is in the inventory, by order {order_id}\n"
    with pytest.raises(CommandError, match="already"):
        ported(api)
    numbers.run_release(number="+12065550142", prefix=api.prefix, region=REGION, api_port=None)
    assert capsys.readouterr().out == "+12065550142 is released; it was in the inventory\n"
    assert api.made("GET", "/phone-numbers")["PhoneNumbers"] == []


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"product_type": "Fax"}, "--product-type is 'Fax'; VoiceConnector or"),
        ({"name": "bad/name"}, "--name is 'bad/name'; words of letters"),
        ({"name": ""}, "--name is ''"),
        ({"name": "a" * 257}, "at most 256 characters"),
        ({"number": "abc"}, "'abc' is no valid number"),
    ],
)
def test_what_cannot_be_ported_is_told(
    api: LocalApi, members: dict[str, str], message: str
) -> None:
    # API PN3 PN11
    with pytest.raises(CommandError, match=message):
        ported(api, **members)
    assert api.made("GET", "/phone-numbers")["PhoneNumbers"] == []


def test_what_is_no_number_cannot_be_released(api: LocalApi) -> None:
    with pytest.raises(CommandError, match="'abc' is no number in E") as refused:
        numbers.run_release(number="abc", prefix=api.prefix, region=REGION, api_port=None)
    assert refused.value.exit_code == ExitCode.USAGE


def test_a_deployment_that_is_not_there_is_told(api: LocalApi, file: Path) -> None:
    with pytest.raises(CommandError, match="the table of numbers cannot be used: "):
        numbers.run_import(
            file=file, dry_run=False, prefix="elsewhere", region=REGION, api_port=None
        )


def ovc(*arguments: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", "numbers", *arguments],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.sockets
def test_without_a_prefix_the_running_stand_is_meant(
    tmp_path: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    settings = Settings()
    with aws.start(account_id=settings.account_id) as embedded:
        clients = embedded.clients(settings.region)
        aws.provision(clients, settings)
        stand = StandFile(facts(embedded.url), API_PORT)
        try:
            assert running_stand(API_PORT).aws_url == embedded.url
            # Credentials and endpoints of the user's own shell lead nowhere else.
            environment = os.environ | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
            port = f"--api-port={API_PORT}"
            assert ovc("import", str(file), port, environment=environment).startswith("2 imported")
            said = ovc("port-in", "+12065550199", "--name", "Ours", port, environment=environment)
            assert "is in the inventory" in said
            assert "pool" in ovc("release", "+12065550142", port, environment=environment)
        finally:
            stand.close()
        mine = aws.clients(embedded.url, settings.region).dynamodb
        query = mine.query(
            TableName=f"{DEFAULT_PREFIX}-numbers",
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "inventory"}},
        )
        assert [it["sk"]["S"] for it in query["Items"]] == ["+12065550199"]


def test_without_a_stand_it_is_told_how_to_start_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(CommandError, match="start one with: ovc up"):
        repository(prefix=None, region=None, api_port=1)


def facts(aws_url: str) -> StandFacts:
    return StandFacts(
        pid=1,
        api_url="http://127.0.0.1:14080",
        aws_url=aws_url,
        access_key_id="test",
        secret_access_key="test",
        region=REGION,
        cdr_bucket="bucket",
        sip_address="127.0.0.1:5060",
        tls_address="127.0.0.1:5061",
        ca_file="/ca.crt",
        connector_id="demo000000000000000000",
        connector_host="demo",
        numbers=(),
        control_address="127.0.0.1:5070",
    )

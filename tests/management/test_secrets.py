"""What a client keeps secret is in no answer and in no line of the log; no socket."""

import pytest

from tests.management.local_api import local_api
from tests.management.stand import ROOMY


def test_nothing_is_said_or_logged_of_a_password(caplog: pytest.LogCaptureFixture) -> None:
    # API TC1 V1, ARCHITECTURE A5
    passwords = ("s3cret-word", ["s3cret-word"], "s3cret-word\u0001", {"s3cret-word": 1})
    with local_api(ROOMY) as api, caplog.at_level("DEBUG", "management"):
        target = f"{api.new_connector()}/termination/credentials?operation=put"
        for password in passwords:
            document = {"Credentials": [{"Username": "u", "Password": password}]}
            status, answer = api.call("POST", target, document)
            assert status in (204, 400)
            assert "s3cret-word" not in str(answer)
    ours = [str(vars(it)) for it in caplog.records if it.name == "management"]
    assert len(ours) == 1 + len(passwords)
    assert not any("s3cret-word" in line or "AWS4-HMAC" in line for line in ours)


def test_a_damaged_item_shows_its_hashes_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    # API E3 TC1: the client hears of a failure, the log of the kind of error
    with local_api(ROOMY) as api:
        path = api.new_connector()
        target = f"{path}/termination/credentials"
        users = {"Credentials": [{"Username": "u", "Password": "s3cret-word"}]}
        api.made("POST", f"{target}?operation=put", users)
        hashes = api.damage_connector(path.rsplit("/", 1)[1], "created_at")
        with caplog.at_level("DEBUG", "management"):
            status, answer = api.call("GET", target)
        assert (status, answer["Code"]) == (500, "ServiceFailure")
        for secret in hashes:
            assert secret not in str(answer)
            assert secret not in caplog.text

"""The tests' own SRTP against the published vectors, before anything is judged by it."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.srtp_reference import Crypto, Kdf, ReferenceSrtp, crypto_lines

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "srtp.json").read_text())
COMPATIBLE = VECTORS["aes192_libsrtp_compat"]["packets"]


def of(vector: dict[str, Any], kdf: Kdf = Kdf.RFC) -> ReferenceSrtp:
    key, salt = (bytes.fromhex(vector[name]) for name in ("master_key", "master_salt"))
    return ReferenceSrtp(vector["suite"], key, salt, kdf)


@pytest.mark.parametrize("vector", VECTORS["packets"], ids=lambda it: str(it["suite"]))
def test_packets_of_every_suite(vector: dict[str, Any]) -> None:
    sender, receiver = of(vector), of(vector)
    for case in vector["srtp"]:
        rtp, srtp = bytes.fromhex(case["rtp"]), bytes.fromhex(case["srtp"])
        assert sender.protect(rtp) == srtp, case["name"]
        assert receiver.unprotect(srtp) == rtp, case["name"]
        assert receiver.unprotect(srtp[:-1] + bytes((srtp[-1] ^ 1,))) is None
    for case in vector["srtcp"]:
        rtcp, srtcp = bytes.fromhex(case["rtcp"]), bytes.fromhex(case["srtcp"])
        assert sender.protect_rtcp(rtcp) == srtcp, case["name"]
        assert receiver.unprotect_rtcp(srtcp) == rtcp, case["name"]
        assert receiver.unprotect_rtcp(srtcp[:-1] + bytes((srtcp[-1] ^ 1,))) is None


@pytest.mark.parametrize("vector", COMPATIBLE, ids=lambda it: str(it["suite"]))
def test_packets_of_old_libsrtp(vector: dict[str, Any]) -> None:
    rtp, rtcp = bytes.fromhex(vector["rtp"]), bytes.fromhex(vector["rtcp"])
    srtp = bytes.fromhex(vector["srtp_from_libsrtp_2_5_0"])
    srtcp = bytes.fromhex(vector["srtcp_from_libsrtp_2_5_0"])
    assert of(vector, Kdf.LIBSRTP).protect(rtp) == srtp
    assert of(vector, Kdf.LIBSRTP).unprotect(srtp) == rtp
    assert of(vector, Kdf.LIBSRTP).protect_rtcp(rtcp) == srtcp
    assert of(vector).unprotect(srtp) is None


def test_a_crypto_line_is_read_as_it_is_written() -> None:
    # The second one lacks its padding.
    line = Crypto(7, "AES_CM_192_HMAC_SHA1_80", bytes(24), bytes(range(14)))
    text = line.line()
    assert text.endswith("=")
    sdp = f"m=audio 9 RTP/SAVP 0\r\n{text}\r\n{text[:-1]}|2^31\r\n".encode()
    assert crypto_lines(sdp) == [line, line]

"""Session keys: the vectors of RFC 3711 and RFC 6188, and libsrtp's way with AES-192."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

from edge.media.srtp_derivation import (
    SRTCP_LABEL,
    SRTP_LABEL,
    Derivation,
    derived,
    pseudo_random,
)
from edge.media.srtp_keys import SrtpKey, Suite
from tests.media.srtp_keys import VECTORS, a_key

COMPAT = VECTORS["aes192_libsrtp_compat"]


def key_of(vector: dict[str, str]) -> SrtpKey:
    master_key = bytes.fromhex(vector["master_key"])
    suite = next(suite for suite in Suite if suite.key_bytes == len(master_key))
    return SrtpKey(suite, master_key, bytes.fromhex(vector["master_salt"]))


# EDGE K10
@pytest.mark.parametrize("vector", VECTORS["key_derivation"], ids=lambda it: it["src"])
@pytest.mark.parametrize(("label", "prefix"), [(SRTP_LABEL, "srtp"), (SRTCP_LABEL, "srtcp")])
def test_session_keys_are_those_of_the_rfc(vector: dict[str, str], label: int, prefix: str) -> None:
    keys = derived(key_of(vector), label)
    assert keys.cipher.hex() == vector[f"{prefix}_cipher_key"]
    assert keys.authentication.hex() == vector[f"{prefix}_auth_key"]
    assert keys.salt.hex() == vector[f"{prefix}_salt"]


def test_a_long_keystream_of_one_label_is_that_of_the_rfc() -> None:
    [vector] = [it for it in VECTORS["key_derivation"] if "auth_key_94_octets" in it]
    key = key_of(vector)
    assert pseudo_random(key.key, key.salt, 1, 94).hex() == vector["auth_key_94_octets"]


# EDGE K10
@pytest.mark.parametrize("vector", VECTORS["aes_cm_keystream"], ids=lambda it: it["src"])
def test_the_keystream_is_that_of_the_rfc(vector: dict[str, Any]) -> None:
    session_key, first = bytes.fromhex(vector["session_key"]), int(vector["iv"], 16)
    for block, keystream in vector["blocks"].items():
        counter = (first + int(block, 16)).to_bytes(16, "big")
        cipher = Cipher(AES(session_key), CTR(counter)).encryptor()
        assert cipher.update(bytes(16)).hex() == keystream, block


# EDGE K11
def test_libsrtp_derives_aes_192_keys_in_its_own_way() -> None:
    key = key_of(COMPAT)
    keys = derived(key, SRTP_LABEL, Derivation.LIBSRTP)
    assert keys.cipher.hex() == COMPAT["libsrtp_cipher_key"]
    assert keys.authentication.hex() == COMPAT["libsrtp_auth_key"]
    assert keys.salt.hex() == COMPAT["libsrtp_salt"]
    assert derived(key, SRTP_LABEL).cipher.hex() == COMPAT["rfc6188_cipher_key"]


@pytest.mark.parametrize("suite", Suite)
def test_no_two_session_keys_of_a_master_key_are_alike(suite: Suite) -> None:
    both = [derived(a_key(suite), label) for label in (SRTP_LABEL, SRTCP_LABEL)]
    found = [part for keys in both for part in (keys.cipher, keys.authentication, keys.salt)]
    assert len(set(found)) == 6


def test_session_keys_show_nothing_of_themselves() -> None:
    keys = derived(a_key(), SRTP_LABEL)
    assert keys.cipher.hex() not in repr(keys)
    assert repr(keys.cipher) not in repr(keys)

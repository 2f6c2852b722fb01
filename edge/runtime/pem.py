"""A certificate, its chain and its key as one PEM text: read whole before TLS is given any of it.

What OpenSSL would say of a text that it cannot use helps nobody; what is wrong is found out here.
No message shows any of the key.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

WANTED = "wanted is PEM: the certificate, the chain that goes with it, and the key, in one text"
_KEY_BEGINS = re.compile(r"-----BEGIN (?P<label>(?:[A-Z]{1,9} )?PRIVATE KEY)-----", re.ASCII)
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----", re.ASCII)


class PemProblemError(ValueError):
    """A text that TLS cannot use; the message says what is wrong, and shows no key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A certificate that can be shown."""

    text: str = field(repr=False)
    """All of it, PEM."""
    names: tuple[str, ...]
    """DNS names that the certificate is good for, in lower case."""
    begins_at: datetime
    ends_at: datetime
    """UTC."""
    breaks_at: str | None
    """Subject of the first certificate of the chain that the next one has not issued."""
    chain_length: int
    """Certificates behind the first one."""
    issuer: str
    """Of the last one: whom peers have to trust."""

    def covers(self, domain: str) -> bool:
        """Tell whether it is good for every host one label below a domain (EDGE W8)."""
        return f"*.{domain.lower()}" in self.names


def read_bundle(text: str) -> Bundle:
    """Return what a PEM text holds; raises PemProblemError."""
    try:
        return _bundle(text)
    except PemProblemError:
        raise
    except Exception as error:
        # Not all that cryptography raises are ValueErrors. No `from`: it may be about the key.
        kind = type(error).__name__
        problem = f"something in it is of a kind that cannot be used ({kind})"
        raise PemProblemError(problem) from None


def _bundle(text: str) -> Bundle:
    chain = _certificates(text)
    _check_key(text, chain)
    own = chain[0]
    links = pairwise(chain)
    broken = next((it for it, issuer in links if not _has_issued(issuer, it)), None)
    return Bundle(
        text=text,
        names=_names(own),
        begins_at=own.not_valid_before_utc,
        ends_at=own.not_valid_after_utc,
        breaks_at=None if broken is None else broken.subject.rfc4514_string(),
        chain_length=len(chain) - 1,
        issuer=chain[-1].issuer.rfc4514_string(),
    )


def _certificates(text: str) -> list[x509.Certificate]:
    if text.lstrip().startswith("{"):
        raise PemProblemError(f"it is JSON; {WANTED}")
    found = _CERTIFICATE.findall(text)
    if not found:
        raise PemProblemError(f"there is no whole certificate in it; {WANTED}")
    try:
        # One by one: the text as a whole has the key in it, which no parser is to complain about.
        return [x509.load_pem_x509_certificate(it.encode()) for it in found]
    except ValueError as error:
        raise PemProblemError("a certificate in it cannot be read") from error


def _check_key(text: str, chain: list[x509.Certificate]) -> None:
    """See that there is a key, and that it is the first certificate's."""
    pem = _key(text)
    if pem is None:
        raise PemProblemError(f"there is no whole private key in it; {WANTED}")
    try:
        # Looking for primes takes long enough to hold up calls, and TLS does not look either.
        key = load_pem_private_key(pem.encode(), password=None, unsafe_skip_rsa_key_validation=True)
    except TypeError:
        raise PemProblemError(
            "its key is encrypted, and nobody is there to enter a passphrase: "
            "decrypt it with openssl pkey -in KEY.pem -out PLAIN.pem"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        # No `from`: what the parser says is of a key.
        raise PemProblemError("the private key in it cannot be read") from None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    wanted = key.public_key().public_bytes(*form)
    if chain[0].public_key().public_bytes(*form) == wanted:
        return
    for later in chain[1:]:
        if later.public_key().public_bytes(*form) == wanted:
            raise PemProblemError("the certificate of its key is not the first one: put it first")
    raise PemProblemError("its key is of another certificate")


def _key(text: str) -> str | None:
    begin = _KEY_BEGINS.search(text)
    if begin is None:
        return None
    ending = f"-----END {begin['label']}-----"
    end = text.find(ending, begin.end())
    return None if end < 0 else text[begin.start() : end + len(ending)]


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return ()
    return tuple(it.lower() for it in found.value.get_values_for_type(x509.DNSName))


def _has_issued(issuer: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:
        # A broken signature, another name, an algorithm unknown here: peers decide in the end.
        return False
    return True

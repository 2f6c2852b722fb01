"""When a certificate ends (RFC 5280 §4.1.2.5): the only thing the ssl module does not tell of ours.

Only as much DER is read as stands before that date in every certificate.
"""

import ssl
from datetime import UTC, datetime
from typing import NamedTuple

_BEGIN = "-----BEGIN CERTIFICATE-----"
_END = "-----END CERTIFICATE-----"
_VERSION = 0xA0
_UTC_TIME = 0x17
_FORMATS = {_UTC_TIME: "%y%m%d%H%M%SZ", 0x18: "%Y%m%d%H%M%SZ"}


class _Element(NamedTuple):
    tag: int
    begin: int
    """Of its content."""
    end: int


def not_after(pem: str) -> datetime:
    """Return when the first certificate of a PEM text ends; raises ValueError for anything else."""
    begin = pem.find(_BEGIN)
    end = pem.find(_END, begin)
    if begin < 0 or end < 0:
        raise ValueError("there is no certificate in it")
    data = ssl.PEM_cert_to_DER_cert(pem[begin : end + len(_END)])
    try:
        return _date(data)
    except IndexError as error:
        raise ValueError("the certificate is cut off") from error


def _date(data: bytes) -> datetime:
    content = _element(data, _element(data, 0).begin)
    element = _element(data, content.begin)
    if element.tag == _VERSION:
        element = _element(data, element.end)
    for _ in range(3):  # from the serial number over algorithm and issuer to the validity
        element = _element(data, element.end)
    begins = _element(data, element.begin)
    ends = _element(data, begins.end)
    form = _FORMATS.get(ends.tag)
    if form is None:
        raise ValueError("the certificate has no end in a known form")
    text = data[ends.begin : ends.end].decode("ascii")
    return datetime.strptime(text, form).replace(tzinfo=UTC)


def _element(data: bytes, at: int) -> _Element:
    tag, length, begin = data[at], data[at + 1], at + 2
    if length >= 0x80:
        octets = length & 0x7F
        length = int.from_bytes(data[begin : begin + octets], "big")
        begin += octets
    return _Element(tag, begin, begin + length)

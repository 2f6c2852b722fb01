"""What the sections of the settings document check, and the error that says what is wrong."""

from ipaddress import ip_address, ip_network


class SettingsError(ValueError):
    """A settings document that cannot be used: names the member, its value and what is wanted."""


def check(name: str, value: object, holds: bool, wanted: str) -> None:
    """Raise SettingsError unless something holds of a member's value."""
    if not holds:
        raise SettingsError(f"{name} is {value!r}; {wanted} is wanted")


def is_address(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def is_network(text: str) -> bool:
    """Tell whether a text is a network or an address."""
    try:
        ip_network(text, strict=False)
    except ValueError:
        return False
    return True


def is_source(text: str) -> bool:
    """Tell whether a text is an address, a network or address:port (EDGE I5)."""
    host, colon, port = text.rpartition(":")
    if colon and ":" not in host:
        digits = port.isascii() and port.isdigit() and len(port) <= 5
        return is_address(host) and digits and 1 <= int(port) <= 65_535
    return is_network(text)


def is_host_name(text: str) -> bool:
    """Tell whether a text is a domain name whose last label is no number (RFC 1123 §2.1)."""
    labels = text.removesuffix(".").split(".")
    if not 0 < len(text) <= 253 or labels[-1].isdigit():
        return False
    return all(_is_label(label) for label in labels)


def _is_label(text: str) -> bool:
    letters = text.replace("-", "").replace("_", "")
    return text.isascii() and letters.isalnum() and 0 < len(text) <= 63 and text[:1] != "-"

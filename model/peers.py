"""The peers that an operator has besides customers: carriers, and bridges of meetings (A6)."""

from dataclasses import dataclass
from enum import Enum

from model.checks import SettingsError, check, is_address, is_host_name, is_network, is_source
from model.numbers import is_e164

IN_ENVIRONMENT = "env:"
IN_FILE = "file:"
IN_SECRET = "secret:"
"""Where a password is found; a variable's name, a path, or a secret's name or ARN follows."""
_HOST_WANTED = "an IP address or a domain name"


class PeerTransport(Enum):
    """How a peer is reached."""

    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    """A peer in the public network: who may bring us calls, and where ours go (EDGE I5, F13)."""

    name: str
    host: str
    """IP address or domain name that our calls are sent to; a name needs `sources`."""
    port: int = 5060
    transport: PeerTransport = PeerTransport.UDP
    sources: tuple[str, ...] = ()
    """Addresses, networks or address:port entries that are this carrier; empty means its host."""
    media_networks: tuple[str, ...] = ()
    """Networks its RTP may come from besides its signalling address (EDGE Q4)."""
    priority: int = 1
    weight: int = 1
    prefixes: tuple[str, ...] = ()
    """Beginnings of the numbers it takes, such as +44; empty means every number (EDGE F13)."""
    invites_per_second: int = 200
    """Over it the edge answers 503 (EDGE S3)."""
    username: str = ""
    """User of its digest challenges; empty when it knows us by address."""
    password: str = ""
    """Where the password is found: `secret:NAME` (of Secrets Manager), `env:NAME` or `file:PATH`;
    the password itself stands nowhere in the settings."""
    register: bool = False
    """Whether it sends calls only to where a REGISTER says; needs `username`."""
    register_expires_s: int = 3_600
    """Wanted life of a registration; the carrier may shorten it (RFC 3261 §10.2.1.1)."""

    @property
    def secret_id(self) -> str | None:
        """Return the name or the ARN of the secret that the password is in, None when it is not."""
        is_secret = self.password.startswith(IN_SECRET)
        return self.password.removeprefix(IN_SECRET) if is_secret else None

    def __post_init__(self) -> None:
        """Refuse what could be neither reached nor recognised, and a share of nothing (F1)."""
        is_name = is_host_name(self.host)
        check("host", self.host, is_address(self.host) or is_name, _HOST_WANTED)
        check("sources", self.sources, not is_name or self.sources != (), "at least one")
        check("port", self.port, 1 <= self.port <= 65_535, "a number from 1 to 65535")
        for name in ("priority", "weight", "invites_per_second"):
            value = getattr(self, name)
            check(name, value, value >= 1, "a number from 1")
        for entry in self.sources:
            check("sources", entry, is_source(entry), "an address, a network or address:port")
        for entry in self.prefixes:
            is_prefix = entry[:1] == "+" and entry[1:].isascii() and entry[1:].isdigit()
            check("prefixes", entry, is_prefix, "the beginning of an E.164 number, such as +44")
        for entry in self.media_networks:
            check("media_networks", entry, is_network(entry), "a network")
        self._check_credentials()

    def _check_credentials(self) -> None:
        places = (IN_ENVIRONMENT, IN_FILE, IN_SECRET)
        if self.password and not self.password.startswith(places):
            # Not shown: whoever errs here has written the password itself.
            raise SettingsError(
                f"password of carrier {self.name!r} is none of secret:NAME, env:NAME, file:PATH; "
                "write where it is found, not the password"
            )
        both = bool(self.username) == bool(self.password)
        check("username", self.username, both, "a user name together with a password")
        fits = all("!" <= mark <= "~" and mark not in '"\\@:;<>?' for mark in self.username)
        check("username", self.username, fits, "a name of letters, digits and - . _ ~ + and such")
        check("register", self.register, not self.register or bool(self.username), "a username")
        wanted = "a number from 60 to 86400"
        check(
            "register_expires_s",
            self.register_expires_s,
            60 <= self.register_expires_s <= 86_400,
            wanted,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingBridge:
    """A conference bridge and the numbers that are dialed to join there (EDGE M1)."""

    numbers: tuple[str, ...]
    """E.164; calls of connectors to them go to the bridge and never to a carrier."""
    host: str
    """IP address or domain name."""
    port: int = 5060
    transport: PeerTransport = PeerTransport.UDP
    media_networks: tuple[str, ...] = ()
    """Networks its RTP may come from besides its signalling address; private ones too (S11)."""

    def __post_init__(self) -> None:
        """Refuse what could not be reached, and numbers that nobody can dial."""
        check("host", self.host, is_address(self.host) or is_host_name(self.host), _HOST_WANTED)
        check("port", self.port, 1 <= self.port <= 65_535, "a number from 1 to 65535")
        check("numbers", self.numbers, self.numbers != (), "a number at least")
        for entry in self.numbers:
            check("numbers", entry, is_e164(entry), "an E.164 number such as +17035550122")
        for entry in self.media_networks:
            check("media_networks", entry, is_network(entry), "a network")

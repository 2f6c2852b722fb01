"""What a node is told by its environment, read once and checked before anything is started."""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TypeVar

from model.drain import LONGEST_DRAIN_S, MAX_DRAIN_S, SERVES_UNLISTED_S, SERVES_UNNOTED_S
from model.settings import Carrier, Settings, SettingsError
from model.tables import DEFAULT_PREFIX

T = TypeVar("T")
ReadSecret = Callable[[str, str], str]
"""Returns the text of a secret by its name or ARN and its region; raises LookupError, which says
why it cannot and shows nothing of it."""

SHORTEST_NONCE_SECRET = 32
"""Characters; 128 bits even when it is hex."""
LONGEST_SOCKET_NAME = 107
"""unix(7): of 108 octets the first one is zero."""
ALLOCATION_ID = re.compile(r"eipalloc-[0-9a-f]{8,32}", re.ASCII)
DEFAULT_JOURNAL = "/var/lib/ovc/journal"

VARIABLES: dict[str, str] = {
    "OVC_SETTINGS": "the settings document as JSON; only what differs from the defaults",
    "OVC_TABLE_PREFIX": f"prefix of the DynamoDB tables, default {DEFAULT_PREFIX}",
    "OVC_NONCE_SECRET_ID": "name or ARN of a secret in Secrets Manager that holds the secret of "
    "digest nonces, the same on all nodes; at least 32 characters",
    "OVC_NONCE_SECRET": "that secret itself, where there is no Secrets Manager",
    "OVC_SIP_LISTEN": "IPv4 address and port for SIP over UDP and TCP, default 0.0.0.0:5060",
    "OVC_TLS_LISTEN": "IPv4 address and port for SIP over TLS, default 0.0.0.0:5061",
    "OVC_TLS_SECRET_ID": "name or ARN of a secret in Secrets Manager with the certificate that TLS "
    "shows, its chain and its key, PEM; looked at again every five minutes",
    "OVC_TLS_CERTIFICATE": "PEM file of the certificate that TLS shows; without one TLS is closed",
    "OVC_TLS_KEY": "PEM file of its key, default the certificate's own file",
    "OVC_TLS_DIRECTORY": "directory of <host>.pem with the certificates of single hosts",
    "OVC_TLS_CA": "PEM file of roots that PBXs and carriers may show besides the public ones",
    "OVC_PUBLIC_ADDRESS": "IPv4 address that peers reach this node at, if it is another one",
    "OVC_ELASTIC_IPS": "allocation ids of Elastic IPs, with commas between them: the EC2 instance "
    "that the node runs on takes a free one, unless it has one of them",
    "OVC_MEDIA_ADDRESS": "IPv4 address for RTP, default the address for SIP",
    "OVC_MEDIA_WORKERS": "number of media worker processes, default 1",
    "OVC_POLL_SECONDS": "how often the configuration is looked at, default 2, in lab mode 0.5",
    "OVC_DNS_SERVERS": "IPv4 addresses of name servers, with :port if not 53, default the system's",
    "OVC_JOURNAL_DIRECTORY": "directory of the node's own journal, on a disk that outlives the "
    f"process, default {DEFAULT_JOURNAL}",
    "OVC_JOURNAL_MEGABYTES": "how much of that disk the journal may take, default 256",
    "OVC_HEALTH_SOCKET": "name of the abstract Unix socket that health checks of this host ask on "
    "(python -m edge.runtime.liveness_probe); without it there is none",
    "OVC_DRAIN_SECONDS": "how long calls may go on after SIGTERM, default 110, in lab mode 0",
    "OVC_MAX_DRAIN_SECONDS": "how long calls may go on after an order to drain, default "
    f"{MAX_DRAIN_S:.0f}",
    "OVC_UNLISTED_SECONDS": "how long a node under that order takes new calls once it has no DNS "
    f"record, default {SERVES_UNLISTED_S:.0f}, in lab mode 1",
    "OVC_UNNOTED_SECONDS": "how long at most, if nobody notes that it has none, default "
    f"{SERVES_UNNOTED_S:.0f}, in lab mode 5",
}


class EnvironmentProblemError(Exception):
    """A variable that cannot be used: the message names it, its value and what is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeSettings:
    """How one node runs."""

    settings: Settings
    nonce_secret: bytes = field(repr=False)
    carrier_passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By the names of the carriers whose settings say where theirs is found."""
    table_prefix: str = DEFAULT_PREFIX
    sip_listen: tuple[str, int] = ("0.0.0.0", 5060)
    tls_listen: tuple[str, int] = ("0.0.0.0", 5061)
    tls_secret: str | None = None
    """Name or ARN of the secret that holds certificate, chain and key."""
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_directory: Path | None = None
    tls_ca: Path | None = None
    public_address: str | None = None
    elastic_ips: tuple[str, ...] = ()
    """Allocation ids, of which the node takes one for its address (A11)."""
    media_address: str | None = None
    media_workers: int = 1
    poll_interval_s: float = 2.0
    dns_servers: tuple[tuple[str, int], ...] = ()
    """Asked instead of those in /etc/resolv.conf."""
    journal_directory: Path = Path(DEFAULT_JOURNAL)
    """Where answered calls are noted while DynamoDB does not take them (EDGE C9)."""
    journal_bytes: int = 256 << 20
    """What the journal may take of its disk: 1 KB or so for each call that was answered and ended
    while DynamoDB was away, twice."""
    health_socket: str | None = None
    """Abstract name of the socket that health checks ask on."""
    drain_s: float = 110.0
    """Of Fargate's 120 s between SIGTERM and SIGKILL (EDGE C9)."""
    max_drain_s: float = MAX_DRAIN_S
    """After an order to drain, until calls that are left are hung up (A11)."""
    unlisted_s: float = SERVES_UNLISTED_S
    unnoted_s: float = SERVES_UNNOTED_S
    agent_uri: str | None = None
    """Where ECS's agent is asked to protect the task; ECS sets it."""

    @property
    def watched_secrets(self) -> tuple[str, ...]:
        """Return the names or ARNs of the secrets whose changes count without a restart."""
        places = (self.tls_secret, *(it.secret_id for it in self.settings.carriers))
        return tuple(dict.fromkeys(it for it in places if it is not None))

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str], read_secret: ReadSecret
    ) -> "RuntimeSettings":
        """Read the variables, and the secrets that a start needs.

        Raises EnvironmentProblemError for the first one that is wrong.
        """
        settings = _settings(environ)
        lab = settings.lab_mode
        if lab and "ECS_CONTAINER_METADATA_URI_V4" in environ:
            raise EnvironmentProblemError(
                "OVC_SETTINGS has lab_mode true, but this is an ECS task: lab mode admits private "
                "and loopback addresses and is for the local run only (EDGE S11); remove it"
            )

        def secret_of(secret_id: str, problem: str) -> str:
            try:
                return read_secret(secret_id, settings.region)
            except LookupError as error:
                raise EnvironmentProblemError(f"{problem}{error}") from error

        return cls(
            settings=settings,
            nonce_secret=_nonce_secret(environ, secret_of, lab=lab),
            carrier_passwords={
                carrier.name: _password(carrier, environ, secret_of)
                for carrier in settings.carriers
                if carrier.password
            },
            table_prefix=environ.get("OVC_TABLE_PREFIX") or DEFAULT_PREFIX,
            sip_listen=_read(environ, "OVC_SIP_LISTEN", _address_and_port, ("0.0.0.0", 5060)),
            tls_listen=_read(environ, "OVC_TLS_LISTEN", _address_and_port, ("0.0.0.0", 5061)),
            tls_secret=_tls_secret(environ),
            tls_certificate=_read(environ, "OVC_TLS_CERTIFICATE", Path, None),
            tls_key=_read(environ, "OVC_TLS_KEY", Path, None),
            tls_directory=_read(environ, "OVC_TLS_DIRECTORY", Path, None),
            tls_ca=_read(environ, "OVC_TLS_CA", Path, None),
            public_address=_read(environ, "OVC_PUBLIC_ADDRESS", _address, None),
            elastic_ips=_read(environ, "OVC_ELASTIC_IPS", _allocation_ids, ()),
            media_address=_read(environ, "OVC_MEDIA_ADDRESS", _address, None),
            media_workers=_read(environ, "OVC_MEDIA_WORKERS", _whole(1, 64), 1),
            poll_interval_s=_read(
                environ, "OVC_POLL_SECONDS", _seconds(0.1, 60.0), 0.5 if lab else 2.0
            ),
            dns_servers=_read(environ, "OVC_DNS_SERVERS", _name_servers, ()),
            journal_directory=_read(environ, "OVC_JOURNAL_DIRECTORY", Path, Path(DEFAULT_JOURNAL)),
            journal_bytes=_read(environ, "OVC_JOURNAL_MEGABYTES", _whole(1, 1_048_576), 256) << 20,
            health_socket=_read(environ, "OVC_HEALTH_SOCKET", _socket_name, None),
            max_drain_s=_read(
                environ, "OVC_MAX_DRAIN_SECONDS", _seconds(0.0, LONGEST_DRAIN_S), MAX_DRAIN_S
            ),
            unlisted_s=_read(
                environ,
                "OVC_UNLISTED_SECONDS",
                _seconds(0.0, 3_600.0),
                1.0 if lab else SERVES_UNLISTED_S,
            ),
            unnoted_s=_read(
                environ,
                "OVC_UNNOTED_SECONDS",
                _seconds(0.0, 86_400.0),
                5.0 if lab else SERVES_UNNOTED_S,
            ),
            agent_uri=environ.get("ECS_AGENT_URI") or None,
            drain_s=_read(
                environ, "OVC_DRAIN_SECONDS", _seconds(0.0, 86_400.0), 0.0 if lab else 110.0
            ),
        )


def _settings(environ: Mapping[str, str]) -> Settings:
    try:
        return Settings.from_json(environ.get("OVC_SETTINGS") or "{}")
    except SettingsError as error:
        raise EnvironmentProblemError(f"OVC_SETTINGS: {error}") from error


def _password(
    carrier: Carrier, environ: Mapping[str, str], secret_of: Callable[[str, str], str]
) -> str:
    """Return what the settings' word leads to; no message ever shows it."""
    kind, _, where = carrier.password.partition(":")
    problem = f"OVC_SETTINGS: the password of carrier {carrier.name!r} is not there: "
    if carrier.secret_id is not None:
        return secret_of(carrier.secret_id, problem)
    if kind == "env":
        found, remedy = environ.get(where, ""), f"set the variable {where}"
    else:
        try:
            found = Path(where).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError, ValueError) as error:
            raise EnvironmentProblemError(f"{problem}{where} cannot be read ({error})") from error
        remedy = f"write it into {where}"
    if not found:
        raise EnvironmentProblemError(problem + remedy)
    return found


def _nonce_secret(
    environ: Mapping[str, str], secret_of: Callable[[str, str], str], *, lab: bool
) -> bytes:
    secret, secret_id = environ.get("OVC_NONCE_SECRET"), environ.get("OVC_NONCE_SECRET_ID")
    if secret and secret_id:
        raise EnvironmentProblemError(
            "OVC_NONCE_SECRET_ID and OVC_NONCE_SECRET are both set; which one counts? Remove one"
        )
    where = "OVC_NONCE_SECRET"
    if secret_id:
        where = f"OVC_NONCE_SECRET_ID: the secret {secret_id}"
        secret = secret_of(secret_id, "OVC_NONCE_SECRET_ID: ")
    if not secret:
        if lab:
            return secrets.token_bytes(32)
        raise EnvironmentProblemError(
            "neither OVC_NONCE_SECRET_ID nor OVC_NONCE_SECRET is set: all nodes of a deployment "
            f"need the same secret of at least {SHORTEST_NONCE_SECRET} characters, e.g. from "
            "openssl rand -hex 32"
        )
    if len(secret) < SHORTEST_NONCE_SECRET:
        raise EnvironmentProblemError(
            f"{where} has {len(secret)} characters; at least {SHORTEST_NONCE_SECRET} are wanted"
        )
    return secret.encode()


def _tls_secret(environ: Mapping[str, str]) -> str | None:
    secret_id = environ.get("OVC_TLS_SECRET_ID") or None
    if secret_id is not None and environ.get("OVC_TLS_CERTIFICATE"):
        raise EnvironmentProblemError(
            "OVC_TLS_SECRET_ID and OVC_TLS_CERTIFICATE are both set; which one counts? Remove one"
        )
    return secret_id


def _read(environ: Mapping[str, str], name: str, parse: Callable[[str], T], default: T) -> T:
    value = environ.get(name)
    if not value:
        return default
    try:
        return parse(value)
    except ValueError as error:
        raise EnvironmentProblemError(f"{name} is {value!r}; {error}") from error


def _address(text: str) -> str:
    try:
        parsed = ip_address(text)
    except ValueError:
        parsed = None
    if parsed is None or parsed.version != 4:
        raise ValueError("an IPv4 address is wanted, e.g. 192.0.2.1")
    return str(parsed)


def _address_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    try:
        return _address(host), _whole(1, 65_535)(port)
    except ValueError:
        raise ValueError("an IPv4 address and a port are wanted, e.g. 0.0.0.0:5060") from None


def _name_servers(text: str) -> tuple[tuple[str, int], ...]:
    entries = text.replace(",", " ").split()
    try:
        return tuple(
            _address_and_port(entry if ":" in entry else f"{entry}:53") for entry in entries
        )
    except ValueError:
        wanted = "IPv4 addresses, each with or without a port, are wanted, e.g. 192.0.2.53"
        raise ValueError(wanted) from None


def _allocation_ids(text: str) -> tuple[str, ...]:
    ids = tuple(text.replace(",", " ").split())
    if not all(ALLOCATION_ID.fullmatch(it) for it in ids):
        raise ValueError("allocation ids are wanted, e.g. eipalloc-0123456789abcdef0")
    return ids


def _socket_name(text: str) -> str:
    if not (text.isascii() and text.isprintable() and len(text) <= LONGEST_SOCKET_NAME):
        raise ValueError(f"a name of at most {LONGEST_SOCKET_NAME} characters is wanted")
    return text


def _whole(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and lowest <= int(text) <= highest):
            raise ValueError(f"a whole number from {lowest} to {highest} is wanted")
        return int(text)

    return parse


def _seconds(lowest: float, highest: float) -> Callable[[str], float]:
    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = -1.0
        if not lowest <= value <= highest:
            raise ValueError(f"a number of seconds from {lowest:g} to {highest:g} is wanted")
        return value

    return parse

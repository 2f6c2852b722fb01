"""What an operator chooses for one deployment, read from CDK context and checked before synthesis.

Every context key is `ovc:` and the name of a member below: in cdk.json, or on the command line as
`-c ovc:nodes=2`. What calls and the API do is the settings document of model/settings.py, given
whole as `ovc:settings`; the deployment adds its own account and region to it.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from ipaddress import IPv4Network

from infra.profiles import PROFILES, SMALL
from model.settings import Settings, SettingsError
from model.tables import DEFAULT_PREFIX

CONTEXT_PREFIX = "ovc:"
PLACEHOLDER_DOMAIN = "voiceconnector.example.com"
"""Lets the templates be made before a domain has been chosen."""

LOWEST_MEDIA_PORT, HIGHEST_MEDIA_PORT = 5_000, 65_000
"""EDGE Q1."""

ARCHITECTURES = ("x86_64", "arm64")
MOST_ZONES = 3
"""Every region has three that an account can use, but for us-west-1 in some accounts: two."""

MEMORY_OF_CPU: Mapping[int, tuple[int, ...]] = {
    256: (512, 1_024, 2_048),
    512: tuple(range(1_024, 4_097, 1_024)),
    1_024: tuple(range(2_048, 8_193, 1_024)),
    2_048: tuple(range(4_096, 16_385, 1_024)),
    4_096: tuple(range(8_192, 30_721, 1_024)),
    8_192: tuple(range(16_384, 61_441, 4_096)),
    16_384: tuple(range(32_768, 122_881, 8_192)),
}
"""Fargate's CPU units (1,024 is one vCPU) and the MiB of memory that each may have."""

LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1_096, 1_827),
    *(2_192, 2_557, 2_922, 3_288, 3_653),
)
"""What CloudWatch Logs can do."""

_PREFIX = re.compile(r"[a-z][a-z0-9-]{0,14}[a-z0-9]", re.ASCII)
_VARIABLE = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*")
_DOMAIN = re.compile(r"(?=.{4,200}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.ASCII)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]{1,64}", re.ASCII)
_IMAGE = re.compile(
    r"[a-z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9._-]+)+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
    r"(@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}", re.ASCII)
_EMAIL = re.compile(r"[^@\s]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)
_PAGE = re.compile(r"[!-~]{1,200}", re.ASCII)
_ZONE = re.compile(r"Z[A-Z0-9]{7,31}", re.ASCII)
_OF_THE_DEPLOYMENT = ("account_id", "region")


class DeploymentProblemError(ValueError):
    """A context value that cannot be used: names the key, the value and what is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentSettings:
    """One deployment."""

    prefix: str = DEFAULT_PREFIX
    """Starts the names of stacks, tables, bucket and secret; deployments of one account differ."""
    settings: Mapping[str, object] = field(default_factory=lambda: {"domain": PLACEHOLDER_DOMAIN})
    """The settings document, as far as it differs from the defaults of model/settings.py."""
    profile: str = "small"
    """Name of the sizes that from_context takes for the next five members where they are not given
    themselves (infra/profiles.py)."""
    nodes: int = SMALL.nodes
    """Edge tasks that run; 0 stops the edge and keeps everything else."""
    cpu: int = SMALL.cpu
    """CPU units of a task."""
    memory_mib: int = SMALL.memory_mib
    """Memory of a task."""
    media_workers: int = SMALL.media_workers
    """Media processes of a task."""
    zones: int = SMALL.zones
    """Availability zones that tasks are spread over, 2 or 3."""
    architecture: str = "x86_64"
    """What the tasks' processors are, x86_64 or arm64; the image is built for it."""
    edge_image: str = ""
    """Image of the edge that is there already, for this architecture; empty: it is built."""
    hosted_zone_id: str = ""
    """Route 53 zone of the domain, in the same account; empty: there is no stack for DNS, and
    somebody else keeps the records."""
    vpc_cidr: str = "10.60.0.0/20"
    """Addresses of the edge's own VPC; they matter only to whoever peers with it."""
    api_concurrency: int = 20
    """Requests that the API answers at the same time: its endpoint is public, this caps its bill.
    0 reserves nothing, for accounts whose own limit is too low for a reservation."""
    cdr_retention_days: int = 0
    """Age at which call detail records are deleted; 0 keeps them for ever."""
    log_retention_days: int = 90
    """Age at which log lines of the edge and of our functions are deleted."""
    alarm_topic: str = ""
    """ARN of an SNS topic of yours that alarms are told to."""
    alarm_email: str = ""
    """Address that alarms are told to, by a topic that is made for it; of the two one at most."""
    runbooks: str = "docs/operations.md"
    """Where operators read docs/operations.md: what links in alarms and dashboard begin with."""
    cdr_buckets: tuple[str, ...] = ()
    """Buckets of other accounts that records may go to; one of the own account needs no entry."""
    cdr_kms_keys: tuple[str, ...] = ()
    """ARNs of the keys that encrypt objects in those buckets, where such keys do."""

    def __post_init__(self) -> None:
        """Refuse what would fail, or do the wrong thing, only in the account."""
        _check_name("prefix", self.prefix, _PREFIX, "2 to 16 lower-case letters, digits, hyphens")
        _check_choice("profile", self.profile, PROFILES)
        _check_choice("architecture", self.architecture, ARCHITECTURES)
        _check_range("zones", self.zones, 2, MOST_ZONES)
        _check_range("nodes", self.nodes, 0, 100)
        _check_range("media_workers", self.media_workers, 1, 64)
        _check_range("api_concurrency", self.api_concurrency, 0, 1_000)
        _check_range("cdr_retention_days", self.cdr_retention_days, 0, 36_500)
        _check_retention(self.log_retention_days)
        _check_name("runbooks", self.runbooks, _PAGE, "the address of a page, without spaces")
        self._check_alarms()
        _check_size(self.cpu, self.memory_mib)
        _check_network(self.vpc_cidr)
        _check_image(self.edge_image)
        if self.hosted_zone_id:
            wanted = "the id of a hosted zone, such as Z0123456789ABCDEFGHIJ, without /hostedzone/"
            _check_name("hosted_zone_id", self.hosted_zone_id, _ZONE, wanted)
        for bucket in self.cdr_buckets:
            _check_name("cdr_buckets", bucket, _BUCKET, "names of buckets")
        for key in self.cdr_kms_keys:
            _check_name("cdr_kms_keys", key, _KEY, "ARNs of keys, arn:aws:kms:...:key/...")
        self._check_document()

    @property
    def operator(self) -> Settings:
        """Return the settings document with its defaults; account and region are not in it."""
        return Settings.from_json(json.dumps(self.settings))

    @classmethod
    def from_context(cls, context: Mapping[str, object]) -> "DeploymentSettings":
        """Read this deployment's keys out of all of CDK's context.

        What is not given is as its profile has it, or else as the default of its member. Raises
        DeploymentProblemError.
        """
        readers = {CONTEXT_PREFIX + member.name: _READERS[member.type] for member in fields(cls)}
        given: dict[str, object] = {}
        for key, value in context.items():
            if key in readers:
                given[key.removeprefix(CONTEXT_PREFIX)] = readers[key](key, value)
            elif key.startswith(CONTEXT_PREFIX):
                raise DeploymentProblemError(f"{key} is unknown; known are {', '.join(readers)}")
        # An unknown name is refused with everything else.
        profile = PROFILES.get(str(given.get("profile", "small")), SMALL)
        # Each reader returns its member's own type.
        return cls(**{**asdict(profile), **given})

    def _check_alarms(self) -> None:
        topic, email = self.alarm_topic, self.alarm_email
        if topic:
            _check_name("alarm_topic", topic, _TOPIC, "the ARN of a topic, arn:aws:sns:...")
        if email:
            _check_name("alarm_email", email, _EMAIL, "one e-mail address")
        if topic and email:
            _refuse("alarm_email", "there is alarm_topic as well", "one: let the topic write it")

    def _check_document(self) -> None:
        for name in _OF_THE_DEPLOYMENT:
            if name in self.settings:
                _refuse("settings", f"it has {name}", "none: the AWS account decides it")
        if "domain" not in self.settings:
            _refuse("settings", "it has no domain", "one whose names you can point at the edge")
        try:
            operator = self.operator
        except SettingsError as error:
            raise DeploymentProblemError(f"{CONTEXT_PREFIX}settings: {error}") from error
        for carrier in operator.carriers:
            if carrier.password and not _VARIABLE.fullmatch(carrier.password):
                wanted = "env:NAME; the value comes from a secret"
                _refuse("settings", f"the password of {carrier.name!r} is no variable", wanted)
        if operator.lab_mode:
            _refuse("settings", "lab_mode is true", "false: it opens the edge (EDGE S11)")
        _check_name("settings.domain", operator.domain, _DOMAIN, "a domain in lower case")
        first, last = operator.media.first_port, operator.media.last_port
        if not LOWEST_MEDIA_PORT <= first < last <= HIGHEST_MEDIA_PORT:
            wanted = f"a range inside {LOWEST_MEDIA_PORT} to {HIGHEST_MEDIA_PORT} (EDGE Q1)"
            _refuse("settings", f"media has the ports {first} to {last}", wanted)


def _refuse(name: str, found: str, wanted: str) -> None:
    raise DeploymentProblemError(f"{CONTEXT_PREFIX}{name}: {found}; wanted is {wanted}")


def _check_name(name: str, value: str, pattern: "re.Pattern[str]", wanted: str) -> None:
    if not pattern.fullmatch(value):
        _refuse(name, f"it is {value!r}", wanted)


def _check_range(name: str, value: int, lowest: int, highest: int) -> None:
    if not lowest <= value <= highest:
        _refuse(name, f"it is {value}", f"a whole number from {lowest} to {highest}")


def _check_choice(name: str, value: str, known: Collection[str]) -> None:
    if value not in known:
        _refuse(name, f"it is {value!r}", f"one of {', '.join(known)}")


def _check_image(image: str) -> None:
    has_version = "@" in image or ":" in image.rsplit("/", 1)[-1]
    if image and not (_IMAGE.fullmatch(image) and has_version):
        wanted = "the address of an image with its tag or digest, such as ...ecr.../edge:1.0"
        _refuse("edge_image", f"it is {image!r}", wanted)


def _check_size(cpu: int, memory_mib: int) -> None:
    if cpu not in MEMORY_OF_CPU:
        _refuse("cpu", f"it is {cpu}", f"one of {_listed(MEMORY_OF_CPU)}")
    if memory_mib not in MEMORY_OF_CPU[cpu]:
        sizes = _listed(MEMORY_OF_CPU[cpu])
        _refuse("memory_mib", f"it is {memory_mib}", f"with cpu {cpu} one of {sizes}")


def _check_retention(days: int) -> None:
    if days not in LOG_RETENTION_DAYS:
        wanted = f"one of {_listed(LOG_RETENTION_DAYS)}"
        _refuse("log_retention_days", f"it is {days}", wanted)


def _check_network(cidr: str) -> None:
    wanted = "a private IPv4 network of /16 to /24, e.g. 10.60.0.0/20"
    try:
        network = IPv4Network(cidr)
    except ValueError:
        _refuse("vpc_cidr", f"it is {cidr!r}", wanted)
    else:
        if not (network.is_private and 16 <= network.prefixlen <= 24):
            _refuse("vpc_cidr", f"it is {cidr!r}", wanted)


def _listed(values: "Mapping[int, object] | tuple[int, ...]") -> str:
    return ", ".join(map(str, values))


def _text(key: str, value: object) -> str:
    if not isinstance(value, str):
        raise DeploymentProblemError(f"{key}: it is {value!r}; wanted is text")
    return value


def _whole(key: str, value: object) -> int:
    """Return a whole number; the command line hands every value over as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    # JSON's numbers may come out of jsii as floats; True is no number here.
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        return int(value)
    raise DeploymentProblemError(f"{key}: it is {value!r}; wanted is a whole number")


def _texts(key: str, value: object) -> tuple[str, ...]:
    """Return several texts; the command line hands them over with commas between them."""
    if isinstance(value, str):
        return tuple(text for text in value.replace(",", " ").split())
    if not isinstance(value, list | tuple):
        raise DeploymentProblemError(f"{key}: it is {value!r}; wanted is a list of texts")
    return tuple(_text(key, entry) for entry in value)


def _document(key: str, value: object) -> Mapping[str, object]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise DeploymentProblemError(f"{key} is not JSON: {error}") from error
    if not isinstance(value, Mapping):
        raise DeploymentProblemError(f"{key}: it is {value!r}; wanted is an object")
    return value


_READERS: dict[object, Callable[[str, object], object]] = {
    str: _text,
    int: _whole,
    tuple[str, ...]: _texts,
    Mapping[str, object]: _document,
}

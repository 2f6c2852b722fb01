"""Whether a deployment's settings can be used, told before anything is made of them."""

import re
from collections.abc import Collection, Mapping
from ipaddress import IPv4Network

CONTEXT_PREFIX = "ovc:"

LOWEST_MEDIA_PORT, HIGHEST_MEDIA_PORT = 5_000, 65_000
"""EDGE Q1."""

ARCHITECTURES = ("x86_64", "arm64")
KEYS = ("aws", "permitted", "customer")
LEAST_OF_FIREWALL, MOST_OF_FIREWALL = 10, 2_000_000_000
"""What a rate-based rule of AWS WAF can have for a limit."""
MOST_ZONES = 3
"""Every region has three that an account can use, but for us-west-1 in some accounts: two."""

MOST_NODES = 90
"""That one name leads to (A11)."""

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

PREFIX = re.compile(r"[a-z][a-z0-9-]{0,14}[a-z0-9]", re.ASCII)
SECRET = re.compile(
    r"[A-Za-z0-9/_+=.@-]{1,512}"
    r"|arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:"
    r"[A-Za-z0-9/_+=.@-]{1,512}-[A-Za-z0-9]{6}",
    re.ASCII,
)
SECRET_WANTED = "the name of a secret, such as ovc/tls, or its whole ARN"
DOMAIN = re.compile(r"(?=.{4,200}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}", re.ASCII)
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
KMS_KEY = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]{1,64}", re.ASCII)
_IMAGE = re.compile(
    r"[a-z0-9.-]+(:[0-9]{1,5})?(/[a-z0-9._-]+)+(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?"
    r"(@sha256:[0-9a-f]{64})?",
    re.ASCII,
)
TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}", re.ASCII)
EMAIL = re.compile(r"[^@\s]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", re.ASCII)
PAGE = re.compile(r"[!-~]{1,200}", re.ASCII)
CERTIFICATE = re.compile(
    r"arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]{1,64}", re.ASCII
)
ZONE = re.compile(r"Z[A-Z0-9]{7,31}", re.ASCII)


class DeploymentProblemError(ValueError):
    """A context value that cannot be used: names the key, the value and what is wanted."""


def refuse(name: str, found: str, wanted: str) -> None:
    """Say what is wrong with a key, and what is wanted; raises DeploymentProblemError."""
    raise DeploymentProblemError(f"{CONTEXT_PREFIX}{name}: {found}; wanted is {wanted}")


def check_name(name: str, value: str, pattern: "re.Pattern[str]", wanted: str) -> None:
    """Refuse text that is not of a form."""
    if not pattern.fullmatch(value):
        refuse(name, f"it is {value!r}", wanted)


def check_range(name: str, value: int, lowest: int, highest: int) -> None:
    """Refuse a number outside a range."""
    if not lowest <= value <= highest:
        refuse(name, f"it is {value}", f"a whole number from {lowest} to {highest}")


def check_choice(name: str, value: str, known: Collection[str]) -> None:
    """Refuse what is none of several words."""
    if value not in known:
        refuse(name, f"it is {value!r}", f"one of {', '.join(known)}")


def check_image(image: str) -> None:
    """Refuse an image that its registry could not tell from others."""
    has_version = "@" in image or ":" in image.rsplit("/", 1)[-1]
    if image and not (_IMAGE.fullmatch(image) and has_version):
        wanted = "the address of an image with its tag or digest, such as ...ecr.../edge:1.0"
        refuse("edge_image", f"it is {image!r}", wanted)


def check_size(cpu: int, memory_mib: int) -> None:
    """Refuse a size that Fargate does not have."""
    if cpu not in MEMORY_OF_CPU:
        refuse("cpu", f"it is {cpu}", f"one of {_listed(MEMORY_OF_CPU)}")
    if memory_mib not in MEMORY_OF_CPU[cpu]:
        sizes = _listed(MEMORY_OF_CPU[cpu])
        refuse("memory_mib", f"it is {memory_mib}", f"with cpu {cpu} one of {sizes}")


def check_scaling(nodes: int, most: int, calls: int, admitted: int) -> None:
    """Refuse numbers between which nothing can be scaled; `admitted` are the calls that a node
    takes at most."""
    if most:
        wanted = f"0, which scales nothing, or a whole number from {nodes} to {MOST_NODES}"
        if not nodes <= most <= MOST_NODES:
            refuse("max_nodes", f"it is {most}, and nodes is {nodes}", wanted)
    if not 0 <= calls < admitted:
        refuse(
            "calls_per_node",
            f"it is {calls}, and a node takes {admitted} calls (admission.concurrent_calls)",
            "a whole number below that, or 0, which follows the size of a task",
        )


def check_retention(days: int) -> None:
    """Refuse days that CloudWatch Logs does not have."""
    if days not in LOG_RETENTION_DAYS:
        wanted = f"one of {_listed(LOG_RETENTION_DAYS)}"
        refuse("log_retention_days", f"it is {days}", wanted)


def check_front(domain: str, certificate: str, firewall: int) -> None:
    """Refuse an own domain of the API that could not serve, or a firewall before nothing."""
    if domain:
        check_name("api_domain", domain, DOMAIN, "a domain in lower case")
        wanted = "the ARN of a certificate for api_domain in this region, arn:aws:acm:..."
        check_name("api_certificate", certificate, CERTIFICATE, wanted)
    elif certificate or firewall:
        given = "api_certificate" if certificate else "api_waf"
        refuse(given, "there is no api_domain", "an own domain of the API, which it belongs to")
    if firewall:
        check_range("api_waf", firewall, LEAST_OF_FIREWALL, MOST_OF_FIREWALL)


def check_network(cidr: str) -> None:
    """Refuse what can be no network of a VPC."""
    wanted = "a private IPv4 network of /16 to /24, e.g. 10.60.0.0/20"
    try:
        network = IPv4Network(cidr)
    except ValueError:
        refuse("vpc_cidr", f"it is {cidr!r}", wanted)
    else:
        if not (network.is_private and 16 <= network.prefixlen <= 24):
            refuse("vpc_cidr", f"it is {cidr!r}", wanted)


def _listed(values: "Mapping[int, object] | tuple[int, ...]") -> str:
    return ", ".join(map(str, values))

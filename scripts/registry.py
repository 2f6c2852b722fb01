"""What a registry of images says about a tag (OCI Distribution Specification, pull only).

Docker Hub, public.ecr.aws and ghcr.io want a token even from strangers; the registry says where to
get one. Only those on this machine may be asked without TLS.
"""

import hashlib
import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlencode, urlsplit

HUB = "docker.io"
_HUB_SERVER = "registry-1.docker.io"
"""docker.io is the name in references; this is who answers."""
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_SINGLE = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
TIMEOUT_S = 20.0
LARGEST_BYTES = 4 << 20
"""What the specification lets registries refuse to store as a manifest."""
_PARAMETER = re.compile(r'([a-z]+)="([^"]*)"')
_REFERENCE = re.compile(
    r"(?:(?P<host>localhost(?::\d+)?|[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?|[a-z0-9-]+:\d+)/)?"
    r"(?P<repository>[a-z0-9]+(?:[._/-]+[a-z0-9]+)*)"
    r":(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})"
    r"(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


class RegistryProblemError(Exception):
    """The registry's answer cannot be had or used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Reference:
    """An image as Docker names it: `host/repository:tag`, pinned with `@sha256:...`."""

    host: str
    repository: str
    tag: str
    digest: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Reference":
        """Read a reference; raises RegistryProblemError."""
        found = _REFERENCE.fullmatch(text)
        if found is None:
            raise RegistryProblemError(
                f"{text!r} is no image with its tag, such as docker.io/library/python:3.13.1-slim"
            )
        host, repository = found["host"] or HUB, found["repository"]
        if host == HUB and "/" not in repository:
            repository = f"library/{repository}"
        return cls(host, repository, found["tag"], found["digest"])

    def pinned(self, digest: str) -> "Reference":
        """Return the same tag with a digest, which is what counts for whoever fetches it."""
        return Reference(self.host, self.repository, self.tag, digest)

    def __str__(self) -> str:
        pin = f"@{self.digest}" if self.digest else ""
        return f"{self.host}/{self.repository}:{self.tag}{pin}"


@dataclass(frozen=True, slots=True)
class Index:
    """The images behind one tag."""

    digest: str
    """Of the index itself, as reckoned here from what came."""
    platforms: frozenset[str]
    """Such as linux/amd64."""


def index_of(reference: Reference) -> Index:
    """Ask what the tag is now; raises RegistryProblemError."""
    server = _HUB_SERVER if reference.host == HUB else reference.host
    url = f"{_scheme(server)}://{server}/v2/{reference.repository}/manifests/{reference.tag}"
    body, headers = _manifest(url, reference)
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    named = headers.get("Docker-Content-Digest")
    if named not in (None, digest):
        raise RegistryProblemError(
            f"{reference.host} calls what it sent for {reference} {named}, but it is {digest}: "
            "something on the way has changed it; try another network"
        )
    document = _document(body, reference)
    kind = document.get("mediaType") or headers.get_content_type()
    if kind not in INDEXES:
        raise RegistryProblemError(
            f"{reference} is an image for one platform ({kind}), not an index of several: it "
            "cannot be the base of an image for x86_64 and arm64"
        )
    return Index(digest, frozenset(_platforms(document)))


def _platforms(document: Mapping[str, Any]) -> list[str]:
    entries = document.get("manifests")
    entries = entries if isinstance(entries, list) else []
    found = [entry.get("platform") for entry in entries if isinstance(entry, dict)]
    return [
        f"{platform.get('os')}/{platform.get('architecture')}"
        for platform in found
        if isinstance(platform, dict)
    ]


def _manifest(url: str, reference: Reference) -> tuple[bytes, Message]:
    accept = ", ".join((*INDEXES, *_SINGLE))
    try:
        return _get(url, {"Accept": accept})
    except urllib.error.HTTPError as error:
        challenge = error.headers.get("WWW-Authenticate", "")
        if error.code != 401 or not challenge.lower().startswith("bearer "):
            raise RegistryProblemError(_meaning(error, reference)) from error
    token = _token(challenge, reference)
    try:
        return _get(url, {"Accept": accept, "Authorization": f"Bearer {token}"})
    except urllib.error.HTTPError as error:
        raise RegistryProblemError(_meaning(error, reference)) from error


def _token(challenge: str, reference: Reference) -> str:
    """Get the token that a challenge asks for (distribution's token authentication)."""
    asked = dict(_PARAMETER.findall(challenge))
    realm = asked.pop("realm", "")
    where = urlsplit(realm)
    if where.hostname is None or where.scheme != _scheme(where.netloc):
        raise RegistryProblemError(f"{reference.host} sends us for a token to {realm!r}, no https")
    asked.setdefault("scope", f"repository:{reference.repository}:pull")
    query = urlencode({name: asked[name] for name in ("service", "scope") if name in asked})
    try:
        body, _ = _get(f"{realm}?{query}", {})
    except urllib.error.HTTPError as error:
        raise RegistryProblemError(_meaning(error, reference)) from error
    answer = _document(body, reference)
    token = answer.get("token") or answer.get("access_token")
    if not isinstance(token, str):
        raise RegistryProblemError(f"{where.hostname} gave no token for {reference}")
    return token


def _get(url: str, headers: Mapping[str, str]) -> tuple[bytes, Message]:
    """Fetch; raises HTTPError for the caller to judge, RegistryProblemError for the rest."""
    request = urllib.request.Request(url)
    for name, value in headers.items():
        # Not to be carried along to wherever we are sent on: one of them may be a token.
        request.add_unredirected_header(name, value)
    host = urlsplit(url).netloc
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            body: bytes = answer.read(LARGEST_BYTES + 1)
            received: Message = answer.headers
    except urllib.error.HTTPError:
        raise
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise RegistryProblemError(
            f"{host} cannot be reached ({reason}); this needs a machine that may speak to it"
        ) from error
    if len(body) > LARGEST_BYTES:
        raise RegistryProblemError(f"{host} sends more than {LARGEST_BYTES >> 20} MiB: no manifest")
    return body, received


def _meaning(error: urllib.error.HTTPError, reference: Reference) -> str:
    match error.code:
        case 404:
            return f"{reference.host} has no {reference.repository}:{reference.tag}"
        case 429:
            after = error.headers.get("Retry-After", "some hours")
            after = f"{after} s" if after.isdecimal() else after
            return f"{reference.host} has had too many requests from this address; wait {after}"
        case 401 | 403:
            return (
                f"{reference.host} gives {reference.repository} to nobody unknown "
                f"(HTTP {error.code}): only public repositories can be asked"
            )
    return f"{reference.host} answers HTTP {error.code} {error.reason} for {reference}; try later"


def _document(body: bytes, reference: Reference) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise RegistryProblemError(f"what {reference.host} sends for {reference} is no JSON object")
    return document


def _scheme(server: str) -> str:
    """Return http for a server on this machine, as Docker does, https for any other."""
    host = urlsplit(f"//{server}").hostname or ""
    try:
        return "http" if ip_address(host).is_loopback else "https"
    except ValueError:
        return "http" if host == "localhost" else "https"

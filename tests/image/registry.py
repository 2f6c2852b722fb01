"""A stand-in for a registry of images, on loopback: tokens, manifests, and whatever goes wrong."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "library/python"
TOKEN = "only-for-this-repository"
INDEX = "application/vnd.oci.image.index.v1+json"
SINGLE = "application/vnd.oci.image.manifest.v1+json"


def index(*platforms: str) -> bytes:
    """Return an index of several platforms, with the attestation that builders add."""
    pairs = [platform.split("/") for platform in (*platforms, "unknown/unknown")]
    entries = [
        {"digest": "sha256:" + "0" * 64, "platform": {"os": system, "architecture": processor}}
        for system, processor in pairs
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}).encode()


def digest_of(body: bytes) -> str:
    """Return the digest that a registry and its clients know a manifest by."""
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@dataclass
class StandIn:
    """What the registry answers; tests change it."""

    tags: dict[str, bytes] = field(default_factory=dict)
    kind: str = INDEX
    named_digest: str | None = None
    """Said of every manifest, instead of its digest."""
    refusal: tuple[int, Mapping[str, str]] | None = None
    """Status and headers of every answer but to the challenge and for tokens."""
    realm: str | None = None
    """Where tokens are to be had, instead of here."""
    token_name: str = "token"
    scopes: list[str] = field(default_factory=list)
    """What tokens were asked for."""
    host: str = ""

    @property
    def repository(self) -> str:
        """Return the repository as references name it."""
        return f"{self.host}/{REPOSITORY}"

    def answer(self, path: str, authorization: str | None) -> tuple[int, Mapping[str, str], bytes]:
        """Return status, headers and body."""
        asked = urlsplit(path)
        if asked.path == "/token":
            self.scopes += parse_qs(asked.query)["scope"]
            return 200, {}, json.dumps({self.token_name: TOKEN}).encode()
        if authorization != f"Bearer {TOKEN}":
            realm = self.realm or f"http://{self.host}/token"
            challenge = f'Bearer realm="{realm}",service="registry",'
            scope = f'scope="repository:{REPOSITORY}:pull"'
            return 401, {"WWW-Authenticate": challenge + scope}, b"{}"
        if self.refusal is not None:
            return *self.refusal, b"{}"
        body = self.tags.get(asked.path.removeprefix(f"/v2/{REPOSITORY}/manifests/"))
        if body is None:
            return 404, {}, b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}'
        digest = self.named_digest or digest_of(body)
        return 200, {"Content-Type": self.kind, "Docker-Content-Digest": digest}, body


@contextmanager
def serving(stand_in: StandIn) -> Iterator[StandIn]:
    """Let it answer on a free port for the time of the `with` block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = stand_in.answer(self.path, self.headers["Authorization"])
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        stand_in.host = f"127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield stand_in
        finally:
            server.shutdown()
            thread.join()

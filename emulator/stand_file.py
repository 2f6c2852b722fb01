"""What a running stand tells the other commands: a small file that only its owner may read.

The stand holds a lock on its file, which the kernel lets go when the stand ends, however it ends.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import gettempdir

from model.record_form import KEY_PREFIX


class NoStandError(Exception):
    """No such stand runs; the text says how to start one."""


class SeveralStandsError(Exception):
    """Several stands run and none was chosen; the text says which there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StandFacts:
    """A running stand, as other processes need to know it."""

    pid: int
    api_url: str
    aws_url: str
    access_key_id: str
    secret_access_key: str
    region: str
    cdr_bucket: str
    sip_address: str
    """host:port of UDP and TCP."""
    tls_address: str
    """host:port"""
    ca_file: str
    """Certificate of the CA whose certificates the edge shows, and trusts in PBXs."""
    connector_id: str
    connector_host: str
    numbers: tuple[str, ...]
    control_address: str
    """host:port of the simulated network's control socket."""
    record_prefix: str = KEY_PREFIX
    """Of the keys of call detail records."""
    event_log: str = ""
    """Path of the file with what the edge has told (emulator/event_log.py)."""

    def environment(self) -> dict[str, str]:
        """Return the variables of `ovc env`."""
        return {
            "AWS_ENDPOINT_URL_CHIME_SDK_VOICE": self.api_url,
            "AWS_ENDPOINT_URL_STS": self.api_url,
            "AWS_ENDPOINT_URL_S3": self.aws_url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.aws_url,
            "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": self.aws_url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
            "OVC_CDR_BUCKET": self.cdr_bucket,
            "OVC_SIP_ADDRESS": self.sip_address,
            "OVC_TLS_ADDRESS": self.tls_address,
            "OVC_CA_FILE": self.ca_file,
            "OVC_CONNECTOR_ID": self.connector_id,
            "OVC_CONNECTOR_HOST": self.connector_host,
            "OVC_NUMBERS": ",".join(self.numbers),
        }


class StandFile:
    """The file of a running stand; `close` removes it."""

    def __init__(self, facts: StandFacts, api_port: int) -> None:
        """Write it; raises OSError when no directory can be had."""
        self.path = writable_directory() / f"stand-{api_port}.json"
        self.path.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._file = os.fdopen(os.open(self.path, flags, 0o600), "w")
        fcntl.flock(self._file, fcntl.LOCK_EX)
        json.dump(asdict(facts), self._file)
        self._file.flush()

    def close(self) -> None:
        """Remove the file and let its lock go."""
        self.path.unlink(missing_ok=True)
        self._file.close()


def read(api_port: int | None = None) -> StandFacts:
    """Return the running stand, chosen by its API port; raises NoStandError, SeveralStandsError."""
    running = dict(_running())
    if api_port is not None:
        if api_port in running:
            return running[api_port]
        options = "" if api_port == 4080 else f" --api-port {api_port}"
        raise NoStandError(
            f"no stand with API port {api_port} is running; start one with: ovc up{options}"
        )
    if not running:
        raise NoStandError("no stand is running; start one in another terminal with: ovc up")
    if len(running) > 1:
        ports = ", ".join(map(str, sorted(running)))
        raise SeveralStandsError(
            f"several stands are running, with API ports {ports}; choose one with --api-port N"
        )
    return next(iter(running.values()))


def directories(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """Return where the file may lie, the best place first; each is for this user alone."""
    runtime = environ.get("XDG_RUNTIME_DIR")
    home = environ.get("HOME")
    return [
        *([Path(runtime) / "ovc"] if runtime and Path(runtime).is_dir() else []),
        *([Path(home) / ".cache" / "ovc"] if home and Path(home).is_dir() else []),
        Path(gettempdir()) / f"ovc-{os.getuid()}",
    ]


def writable_directory() -> Path:
    """Return where this user's stands keep their files; raises OSError when nowhere."""
    return _writable(directories())


def lasting_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Return a directory for what should outlive a restart of the machine; raises OSError."""
    home = environ.get("HOME")
    places = directories(environ)
    # The first place is gone when the user logs out.
    lasting = [it for it in places if home and it == Path(home) / ".cache" / "ovc"]
    return _writable(lasting + places)


def _writable(places: list[Path]) -> Path:
    problem: OSError | None = None
    for folder in places:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            problem = error
            continue
        if _is_ours(folder) and os.access(folder, os.W_OK):
            return folder
    raise PermissionError("no directory for the stand's file can be written") from problem


def _running() -> Iterator[tuple[int, StandFacts]]:
    found: set[int] = set()
    for folder in directories():
        if not _is_ours(folder):
            continue
        for path in sorted(folder.glob("stand-*.json")):
            port = path.stem.removeprefix("stand-")
            facts = _facts_in(path)
            if facts is not None and port.isdecimal() and int(port) not in found:
                found.add(int(port))
                yield int(port), facts


def _is_ours(folder: Path) -> bool:
    """Tell whether nobody else could have put a file there."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return folder.is_dir() and status.st_uid == os.getuid() and not status.st_mode & 0o022


def _facts_in(path: Path) -> StandFacts | None:
    """Return the facts of a stand that lives, None for what a dead one has left."""
    try:
        with path.open() as file:
            if not _is_locked(file.fileno()):
                return None
            members = json.load(file)
        return StandFacts(**{**members, "numbers": tuple(members["numbers"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None  # one that is just being written, or of another version


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False

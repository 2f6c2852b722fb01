"""What a running stand tells the other commands: a small file that only its owner may read."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import gettempdir


class NoStandError(Exception):
    """No stand runs, or several do and none was chosen; the text says what to do."""


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
    """host:port"""
    connector_id: str
    connector_host: str
    numbers: tuple[str, ...]
    control_address: str
    """host:port of the simulated network's control socket."""

    def environment(self) -> dict[str, str]:
        """Return the variables of `ovc env`."""
        return {
            "AWS_ENDPOINT_URL_CHIME_SDK_VOICE": self.api_url,
            "AWS_ENDPOINT_URL_STS": self.api_url,
            "AWS_ENDPOINT_URL_S3": self.aws_url,
            "AWS_ENDPOINT_URL_DYNAMODB": self.aws_url,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
            "OVC_CDR_BUCKET": self.cdr_bucket,
            "OVC_SIP_ADDRESS": self.sip_address,
            "OVC_CONNECTOR_ID": self.connector_id,
            "OVC_CONNECTOR_HOST": self.connector_host,
            "OVC_NUMBERS": ",".join(self.numbers),
        }


def directory() -> Path:
    """Return where the files lie: the user's runtime directory, else a private temporary one."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.path.isdir(runtime):
        return Path(runtime) / "ovc"
    return Path(gettempdir()) / f"ovc-{os.getuid()}"


def write(facts: StandFacts, api_port: int) -> Path:
    """Write the file of a stand; the directory and the file are for the user's eyes only."""
    folder = directory()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else; remove it")
    path = folder / f"stand-{api_port}.json"
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(facts), file)
    return path


def read(api_port: int | None = None) -> StandFacts:
    """Return the running stand; raises NoStandError."""
    running = [(port, facts) for port, facts in _all() if _is_alive(facts.pid)]
    if api_port is not None:
        running = [(port, facts) for port, facts in running if port == api_port]
    if not running:
        where = "" if api_port is None else f" with API port {api_port}"
        raise NoStandError(f"no stand is running{where}; start one with: ovc up")
    if len(running) > 1:
        ports = ", ".join(str(port) for port, _ in running)
        raise NoStandError(f"several stands are running; choose one with --api-port: {ports}")
    return running[0][1]


def _all() -> list[tuple[int, StandFacts]]:
    found = []
    for path in sorted(directory().glob("stand-*.json")):
        try:
            members = json.loads(path.read_text())
            members["numbers"] = tuple(members["numbers"])
            found.append((int(path.stem.removeprefix("stand-")), StandFacts(**members)))
        except (OSError, ValueError, TypeError, KeyError):
            continue  # a file of another version, or one that is just being written
    return found


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True

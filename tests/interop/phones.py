"""baresip and linphonec as phones without a screen or a sound card, told by files what to do."""

import math
import os
import struct
import subprocess
import threading
import time
import wave
from abc import ABC, abstractmethod
from pathlib import Path
from tempfile import mkdtemp
from typing import Self

from edge.flow import Address, Transport
from tests.e2e.running import PATIENCE_S
from tests.e2e.sipp import is_bound

SAMPLES_PER_S = 8_000
TONE_HZ = 440
_LOUDNESS = 8_000
_HEADER_BYTES = 44
"""Of a WAV file."""
_QUITS_WITHIN_S = 10.0


class Phone(ABC):
    """A program that says in lines what happens, in a folder of its own that is its home.

    The `with` block ends it.
    """

    SAYS_HELD = ""
    """What it says once its hold has been answered; nothing when it says nothing of it."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = Path(mkdtemp(prefix=f"{name}-", dir=folder))
        (self.folder / ".local" / "share" / "linphone").mkdir(parents=True)
        self.tone = self.folder / "tone.wav"
        _write_tone(self.tone)
        self._lines: list[str] = []

    @abstractmethod
    def dial(self, uri: str) -> None:
        """Call."""

    @abstractmethod
    def hold(self) -> None:
        """Put the other side on hold."""

    @abstractmethod
    def resume(self) -> None:
        """Go on with the call."""

    @abstractmethod
    def hang_up(self) -> None:
        """End the call."""

    @property
    @abstractmethod
    def hears(self) -> bool:
        """Tell whether audio has come from the edge."""

    @abstractmethod
    def heard(self, last: int) -> list[int]:
        """Return the samples that came last, so many at the most."""

    def ask_to_end(self) -> None:
        """Tell the program to end, and its call: with SIGTERM."""
        self._process.terminate()

    def start(self, command: list[str], at: Address, transport: Transport) -> None:
        """Run it and wait for its SIP port."""
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            cwd=self.folder,
            env={**os.environ, "HOME": str(self.folder), "TERM": "dumb"},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        deadline = time.monotonic() + PATIENCE_S
        while not is_bound(at, transport):
            assert self._process.poll() is None, f"it ends: {self._lines}"
            assert time.monotonic() < deadline, f"it has no port: {self._lines}"
            time.sleep(0.02)

    def type(self, command: str) -> None:
        """Type a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def await_line(self, wanted: str) -> str:
        """Wait until the program says something; return the line."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            for line in list(self._lines):
                if wanted in line:
                    return line
            assert time.monotonic() < deadline, f"{wanted!r} was never said, but: {self._lines}"
            time.sleep(0.02)

    def has_said(self, wanted: str) -> bool:
        """Tell whether the program has said something."""
        return any(wanted in line for line in list(self._lines))

    def close(self) -> None:
        """End the program and its call; wait for that, then kill it."""
        self.ask_to_end()
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.wait(_QUITS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join()
        self._process.stdin.close()
        self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.append(line.rstrip())


class Baresip(Phone):
    """baresip 1.0; media at its machine's first address, so SIP has to be at 127.0.0.1."""

    def __init__(
        self,
        folder: Path,
        *,
        at: Address,
        edge: Address,
        user: str,
        transport: Transport = Transport.UDP,
        authority: Path | None = None,
        certificate: Path | None = None,
        encrypts: bool = False,
    ) -> None:
        """Start it; over TLS `authority` is the file of certificates that it trusts, and with a
        `certificate` of its own it takes calls at the port behind the one that it is given.

        `encrypts` lets it speak nothing but SRTP.
        """
        super().__init__(folder, "baresip")
        self._edge = edge
        home = self.folder
        trusts = "" if authority is None else f"sip_cafile {authority}\n"
        shows = "" if certificate is None else f"sip_certificate {certificate}\n"
        (home / "config").write_text(
            f"sip_listen {at[0]}:{at[1]}\n{trusts}{shows}snd_path {home}\n"
            f"audio_player aubridge,sink\naudio_alert aubridge,sink\n"
            f"audio_source aufile,{self.tone}\nrtp_ports 6000-9999\n"
            "module_path /usr/lib/baresip/modules\nmodule g711.so\nmodule aufile.so\n"
            "module aubridge.so\nmodule sndfile.so\nmodule srtp.so\nmodule stdio.so\n"
            "module_tmp account.so\nmodule_app menu.so\n"
        )
        scheme = transport.lower()
        encryption = "mediaenc=srtp-mand;" if encrypts else ""
        (home / "accounts").write_text(
            f"<sip:{user}@{at[0]};transport={scheme}>;regint=0;answermode=auto;{encryption}"
            f'outbound="sip:{edge[0]}:{edge[1]};transport={scheme}";audio_codecs=PCMU/8000/1\n'
        )
        (home / "contacts").touch()
        takes_at = at if certificate is None else (at[0], at[1] + 1)
        self.start(["baresip", "-f", str(home), "-v", "-4"], takes_at, transport)

    def dial(self, uri: str) -> None:
        """Call."""
        self.type(f"/dial {uri}")

    def hold(self) -> None:
        """Put the other side on hold."""
        self.type("/hold")

    def resume(self) -> None:
        """Go on with the call."""
        self.type("/resume")

    def hang_up(self) -> None:
        """End the call."""
        self.type("/hangup")

    @property
    def hears(self) -> bool:
        """Tell whether audio has come from the edge."""
        return self.has_said(f"established, receiving from {self._edge[0]}:")

    def heard(self, last: int) -> list[int]:
        """Return the samples that came last, so many at the most."""
        files = sorted(self.folder.glob("dump-*-dec.wav"))
        return _samples(files[-1], last) if files else []


class Linphone(Phone):
    """linphonec 5.1, answering by itself."""

    SAYS_HELD = "is now paused"

    def __init__(
        self,
        folder: Path,
        *,
        at: Address,
        edge: Address,
        user: str,
        transport: Transport = Transport.UDP,
        authority: Path | None = None,
        suite: str = "",
    ) -> None:
        """Start it; over TLS `authority` is the file of certificates that it trusts.

        With a `suite` it speaks nothing but SRTP, and that with this one alone.
        """
        super().__init__(folder, "linphone")
        home = self.folder
        self._heard = home / "heard.wav"
        scheme = transport.lower()
        ports = dict.fromkeys(Transport, 0) | {transport: at[1]}
        trusts = "" if authority is None else f"root_ca={authority}\n"
        encryption = (
            f"media_encryption=srtp\nmedia_encryption_mandatory=1\nsrtp_crypto_suites={suite}\n"
            if suite
            else ""
        )
        # Its TLS library compares names alone, no addresses (mbed TLS 2.28).
        server = edge[0] if authority is None else "localhost"
        proxy = f"<sip:{server}:{edge[1]};transport={scheme}>"
        (home / "rc").write_text(
            f"[sip]\nsip_port={ports[Transport.UDP]}\nsip_tcp_port={ports[Transport.TCP]}\n"
            f"sip_tls_port={ports[Transport.TLS]}\nbind_address={at[0]}\nguess_hostname=0\n"
            f"contact=sip:{user}@{at[0]}\ndefault_proxy=0\nuse_ipv6=0\n{trusts}{encryption}"
            f"\n[proxy_0]\nreg_proxy={proxy}\nreg_route={proxy}\n"
            f"reg_identity=sip:{user}@{at[0]}\nreg_sendregister=0\npublish=0\n"
            f"\n[rtp]\nbind_address={at[0]}\naudio_rtp_port=6000-9998\n"
        )
        self.start(["linphonec", "-a", "-c", str(home / "rc")], at, transport)
        for command in (
            "soundcard use files",
            f"play {self.tone}",
            f"record {self._heard}",
        ):
            self.type(command)

    def dial(self, uri: str) -> None:
        """Call."""
        self.type(f"call {uri}")

    def hold(self) -> None:
        """Put the other side on hold."""
        self.type("pause")

    def resume(self) -> None:
        """Go on with the call."""
        self.type("resume")

    def hang_up(self) -> None:
        """End the call."""
        self.type("terminate")

    def ask_to_end(self) -> None:
        """Tell the program to end, and its call."""
        self.type("quit")

    @property
    def hears(self) -> bool:
        """Tell whether audio has come from the edge: silence is not written as a tone."""
        return max(map(abs, self.heard(SAMPLES_PER_S)), default=0) > _LOUDNESS / 4

    def heard(self, last: int) -> list[int]:
        """Return the samples that came last, so many at the most."""
        return _samples(self._heard, last)


def _write_tone(path: Path, seconds: int = 20) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLES_PER_S)
        step = 2 * math.pi * TONE_HZ / SAMPLES_PER_S
        samples = [int(_LOUDNESS * math.sin(step * n)) for n in range(SAMPLES_PER_S)] * seconds
        file.writeframes(struct.pack(f"<{len(samples)}h", *samples))


def _samples(path: Path, last: int) -> list[int]:
    """Return the last samples of a file that may still be written: its header does not count."""
    if not path.exists():
        return []
    with path.open("rb") as file:
        count = max(0, path.stat().st_size - _HEADER_BYTES) // 2
        file.seek(_HEADER_BYTES + 2 * max(0, count - last))
        data = file.read(2 * min(count, last))
    return [it for (it,) in struct.iter_unpack("<h", data)]

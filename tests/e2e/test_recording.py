"""`ovc call record` on a running stand: what was said is in the file, octet for octet."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from edge.flow import Address
from tests.e2e.audio import RTP_HEADER, Phone, assert_each_hears_the_other, open_the_way
from tests.e2e.lab import Lab, Trunk
from tests.e2e.running import OVC, PATIENCE_S
from tests.e2e.secure import SecureCall, calling, new_crypto, secure_audio
from tests.media.packets import receiver_report
from tests.support.pcap import Packet, packets_in
from tests.support.sdp import rtp_of
from tests.support.srtp_reference import SrtpEnd, crypto_lines

pytestmark = [pytest.mark.sockets, pytest.mark.xdist_group("recording")]

FRAMES = 50
SUITE = "AES_CM_128_HMAC_SHA1_80"


class Said(NamedTuple):
    """A recorded call, and what its ends know of it."""

    file: Path
    pbx: Phone
    carrier: Phone

    def ways(self) -> list[tuple[Address, Address, list[bytes]]]:
        """Return every way that audio went, and what was said on it."""
        pbx, carrier = self.pbx, self.carrier
        return [
            (pbx.address, pbx.edge, pbx.said),
            (carrier.edge, carrier.address, pbx.said),
            (carrier.address, carrier.edge, carrier.said),
            (pbx.edge, pbx.address, carrier.said),
        ]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Run a stand whose operator allows recording."""
    settings = {"recording": {"allowed": True, "longest_minutes": 1}}
    with Lab(tmp_path_factory.mktemp("recording"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def trunk(lab: Lab) -> Trunk:
    made = lab.new_trunk(encrypted=True)
    made.permit()
    made.await_effect()
    return made


@contextmanager
def secure_call(lab: Lab, trunk: Trunk) -> Iterator[tuple[SecureCall, Phone, Phone]]:
    """Let a PBX with TLS and SRTP call a carrier with neither; both can talk."""
    ours = new_crypto(SUITE)
    with (
        Phone(trunk.pbx) as pbx,
        Phone(lab.second_carrier[0]) as carrier,
        calling(lab, trunk, secure_audio(pbx.address, ours), carrier) as call,
    ):
        (theirs,) = [it for it in crypto_lines(call.told) if it.suite == SUITE]
        pbx.edge, pbx.srtp = rtp_of(call.told), SrtpEnd(ours, theirs)
        yield call, pbx, carrier


@contextmanager
def recording(lab: Lab, *options: str) -> Iterator["subprocess.Popen[str]"]:
    """Run the command, from the moment that it records."""
    command = [*OVC, "call", "record", *options]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=lab.stand.environment,
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("recording "), line + process.stderr.read()
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def ended(process: "subprocess.Popen[str]") -> str:
    """Wait for the command's good end; return what it says."""
    out, complaint = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, complaint
    return out


@pytest.fixture(scope="module")
def said(lab: Lab, trunk: Trunk) -> Said:
    """Record a whole call."""
    file = lab.folder / "call.pcap"
    with (
        secure_call(lab, trunk) as (call, pbx, carrier),
        recording(lab, "--last", "-o", str(file)) as process,
    ):
        assert_each_hears_the_other(pbx, carrier, FRAMES)
        pbx.report(receiver_report())
        call.end()
        call.run(lambda: process.poll() is not None, "the command ends")
        told = ended(process)
        assert (
            "the call has ended" in told and f"wireshark --enable-heuristic rtp_udp {file}" in told
        )
    return Said(file, pbx, carrier)


def audio_on(packets: list[Packet], source: Address, destination: Address) -> list[Packet]:
    """Return what went one way."""
    return [it for it in packets if (it.source, it.destination) == (source, destination)]


def test_the_audio_of_every_way_is_in_the_file_octet_for_octet(said: Said) -> None:
    # EDGE X11: the PBX's leg is encrypted on the wire
    packets = packets_in(said.file.read_bytes())
    for source, destination, spoken in said.ways():
        found = [it.data[RTP_HEADER:] for it in audio_on(packets, source, destination)]
        # Silence that opened the way went before.
        assert found[-len(spoken) :] == [packet[RTP_HEADER:] for packet in spoken]
    times = [it.at for it in packets]
    assert times == sorted(times) and abs(times[-1] - time.time()) < 120.0


def test_the_signalling_of_both_legs_is_in_the_file(lab: Lab, trunk: Trunk, said: Said) -> None:
    # EDGE X11: messages over TLS are there to be read
    edge = lab.edge[0]
    found = {
        (it.source[0], it.destination[0], it.data.partition(b" ")[0])
        for it in packets_in(said.file.read_bytes())
        if it.data[:3] in (b"BYE", b"SIP")
    }
    carrier = lab.second_carrier[0]
    assert found == {
        (trunk.pbx, edge, b"BYE"),
        (edge, trunk.pbx, b"SIP/2.0"),
        (edge, carrier, b"BYE"),
        (carrier, edge, b"SIP/2.0"),
    }


def test_the_report_is_in_the_file_in_clear(said: Said) -> None:
    # EDGE X11
    at = (said.pbx.edge[0], said.pbx.edge[1] + 1)
    (report,) = [it for it in packets_in(said.file.read_bytes()) if it.destination == at]
    assert report.data[:2] == receiver_report()[:2]


def test_the_file_and_the_object_are_the_same(lab: Lab, said: Said) -> None:
    prefix = "Amazon-Chime-Voice-Connector-Recordings/pcap/"
    (entry,) = lab.s3.list_objects_v2(Bucket=lab.bucket, Prefix=prefix)["Contents"]
    body = lab.s3.get_object(Bucket=lab.bucket, Key=entry["Key"])["Body"].read()
    assert body == said.file.read_bytes()


def test_ctrl_c_ends_the_recording_and_leaves_the_call_alone(lab: Lab, trunk: Trunk) -> None:
    file = lab.folder / "short.pcap"
    with secure_call(lab, trunk) as (call, pbx, carrier):
        open_the_way(pbx, carrier)
        with recording(lab, "--last", "-o", str(file)) as process:
            assert_each_hears_the_other(pbx, carrier, 10)
            os.killpg(process.pid, signal.SIGINT)
            assert "as ordered" in ended(process)
        packets = packets_in(file.read_bytes())
        assert not [it for it in packets if it.data.startswith(b"BYE")]
        assert audio_on(packets, pbx.address, pbx.edge)
        assert_each_hears_the_other(pbx, carrier, 10)
        call.end()


def test_a_call_that_is_over_cannot_be_recorded(lab: Lab, said: Said) -> None:
    done = lab.stand.run("call", "record", "--last")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "ovc: no call is up; one that still rings cannot be recorded\n"


@pytest.mark.interop
def test_wireshark_reads_the_file(said: Said) -> None:
    """The option is what the command says."""
    tshark = ["tshark", "-r", str(said.file), "--enable-heuristic", "rtp_udp"]
    document = subprocess.run(
        [*tshark, "-T", "json", "-e", "frame.protocols", "-e", "sip.Method", "-e", "rtp.p_type"],
        capture_output=True,
        check=True,
    ).stdout
    packets: list[dict[str, Any]] = [it["_source"]["layers"] for it in json.loads(document)]
    assert len(packets) == len(packets_in(said.file.read_bytes()))
    assert {tuple(it["sip.Method"]) for it in packets if "sip.Method" in it} == {("BYE",)}
    assert {it["rtp.p_type"][0] for it in packets if "rtp.p_type" in it} >= {"0"}
    spoken = sum(len(packets) for _, _, packets in said.ways())
    assert sum("rtp.p_type" in it for it in packets) >= spoken
    broken = subprocess.run(
        [*tshark, "-Y", "_ws.malformed || ip.checksum.status == 0"], capture_output=True, check=True
    )
    assert broken.stdout == b""

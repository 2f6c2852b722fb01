"""What docs/network.md reckons is what the model of costs and the code say."""

import re
from decimal import Decimal

from billing.infrastructure import GIB, Assumptions, media_bytes
from cli.rate_files import aws_prices
from edge.media.srtp_keys import Suite
from model.settings import MediaSettings
from tests.infra.synthesis import ROOT

PAGE = (ROOT / "docs" / "network.md").read_text()
ASSUMED = Assumptions()
HOUR = Decimal(60)


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the table whose head begins with a text."""
    _, _, rest = PAGE.partition(f"\n| {heading}")
    lines = rest.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def number(text: str) -> Decimal:
    return Decimal(text.split()[0].replace(",", ""))


def test_octets_and_bits_of_a_packet() -> None:
    tags = {it.tag_bytes for it in Suite}
    told = {
        name: (int(number(octets)), number(bits))
        for name, octets, bits in rows("| octets in a packet")
    }
    plain = ASSUMED.packet_bytes
    assert tags == {10, 4}
    assert [octets for octets, _ in told.values()] == [160, 200, plain, plain + 10, plain + 4]
    for octets, bits in told.values():
        assert bits == Decimal(8 * octets * ASSUMED.packets_per_second) / 1000


def test_lines_traffic_and_price_of_many_calls() -> None:
    prices = aws_prices(None)
    table = rows("calls at once | line of the PBX")
    assert [int(number(calls)) for calls, *_ in table] == [1, 100, 1_000]
    for calls, line, node, packets, hour, costs in table:
        many = int(number(calls))
        each_kbit = Decimal(8 * ASSUMED.packet_bytes * ASSUMED.packets_per_second) / 1000 * many
        scale = 1 if "kbit" in line else 1000
        assert number(line) * scale == each_kbit
        assert number(node) * scale == 2 * each_kbit
        assert number(packets) == 2 * ASSUMED.packets_per_second * many
        sent = media_bytes(HOUR * many) / GIB
        assert abs(number(hour) / sent - 1) < Decimal("0.01")
        assert abs(number(costs) / (sent * prices.transfer_out_gb) - 1) < Decimal("0.01")
    told = re.search(r"That is ([\d.]+) USD for 1,000 minutes", PAGE)
    assert told is not None
    exact = media_bytes(Decimal(1_000)) / GIB * prices.transfer_out_gb
    assert round(exact, 2) == Decimal(told[1])
    assert f"at {prices.transfer_out_gb:.2f} USD for a GB" in PAGE
    assert f"without the {prices.transfer_out_free_gb:f} GB a month" in PAGE


def test_other_lengths_of_packets() -> None:
    head = ASSUMED.packet_bytes - 160
    for ms, bits in ((10, "110.4"), (30, "79.5")):
        assert f"{(8 * ms + head) * 8 / ms:.1f}" == bits
        assert bits in PAGE


def test_ports_are_those_of_the_settings() -> None:
    media = MediaSettings()
    assert f"UDP {media.first_port} to {media.last_port}" in PAGE

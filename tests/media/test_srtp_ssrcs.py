"""How many SSRCs one key serves."""

from edge.media.srtp_ssrcs import MOST_SSRCS, MOST_STREAMS, SsrcLedger


def ledger_of(*ssrcs: int) -> SsrcLedger:
    ledger = SsrcLedger()
    for ssrc in ssrcs:
        ledger.use(ssrc)
    return ledger


# EDGE K13
def test_the_ssrc_that_was_unused_longest_makes_room() -> None:
    ledger = ledger_of(*range(MOST_STREAMS))
    assert ledger.use(0) is None
    assert ledger.use(99) == 1
    assert 0 in ledger
    assert 1 not in ledger


def test_an_ssrc_that_was_given_up_never_returns() -> None:
    ledger = ledger_of(*range(MOST_STREAMS + 1))
    assert not ledger.admits(0)
    assert ledger.admits(1)
    assert ledger.admits(2**32 - 1)


def test_an_ssrc_that_is_kept_never_makes_room() -> None:
    ledger = ledger_of(*range(MOST_STREAMS))
    ledger.kept = 0
    assert ledger.use(98) == 1
    assert [ledger.use(ssrc) for ssrc in range(100, 100 + MOST_STREAMS)][-1] is not None
    assert 0 in ledger
    assert ledger.admits(0)


def test_a_key_serves_only_so_many_ssrcs() -> None:
    ledger = ledger_of(*range(MOST_SSRCS - 1))
    assert ledger.admits(MOST_SSRCS)
    ledger.use(MOST_SSRCS)
    assert not ledger.admits(MOST_SSRCS + 1)
    assert ledger.admits(MOST_SSRCS)

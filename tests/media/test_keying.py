"""Which keys a leg has after which offers and answers (RFC 4568 §5, §7; EDGE K3, K4, K9, K14)."""

import pytest

from edge.media.keying import Keying
from edge.media.sdes import CryptoLine, SdesRules, usable_lines
from edge.media.sdp import SdpError
from edge.media.srtp_keys import LegSrtp, SrtpKey, Suite
from model.srtp import SrtpSettings, SuiteNames
from tests.support.ids import CountingIds
from tests.support.sdp import AES_128, AES_256, crypto


def keying(names: SuiteNames = SuiteNames.IANA) -> Keying:
    return Keying(SdesRules.of(SrtpSettings(suite_names=names)), CountingIds("keys"))


def theirs(*values: str) -> tuple[CryptoLine, ...]:
    return usable_lines([f"a=crypto:{value}" for value in values], frozenset(Suite))


def ours(of: Keying) -> SrtpKey:
    assert of.agreed is not None
    return of.agreed.ours


def test_an_offer_has_a_key_of_its_own_for_every_suite() -> None:  # EDGE K4, K9
    leg = keying()
    offer = leg.fresh()
    assert [it.tag for it in offer] == ["1", "2", "3", "4", "5", "6"]
    assert {it.key.suite for it in offer} == set(Suite)
    again = leg.fresh()
    assert len({it.key.key[:16] for it in (*offer, *again)}) == 12
    assert len({it.key.salt for it in (*offer, *again)}) == 12
    for line in offer:
        assert len(line.key.key) == line.key.suite.key_bytes and len(line.key.salt) == 14


def test_both_spellings_of_a_suite_have_keys_of_their_own() -> None:  # EDGE K2, K4
    offer = keying(SuiteNames.BOTH).fresh()
    assert len(offer) == 10 and len({it.key for it in offer}) == 10
    assert len({it.tag for it in offer}) == 10


def test_an_answer_repeats_tag_and_spelling_of_the_first_line() -> None:  # EDGE K2, K3
    leg = keying()
    (line,) = leg.answer(theirs(crypto("007", "aes_cm_256_hmac_sha1_80"), crypto(1, AES_128, 2)))
    assert (line.tag, line.spelling) == ("007", "aes_cm_256_hmac_sha1_80")
    assert leg.agreed == LegSrtp(line.key, theirs(crypto(1, AES_256))[0].key)
    assert line.key.suite is Suite.AES_256_CM_HMAC_SHA1_80
    assert line.key != leg.agreed.theirs


# (name, second offer of the peer, whether our key is another one then)                  EDGE K14
REOFFERS = [
    ("nothing new", (crypto(1, AES_128, 1),), False),
    ("another tag", (crypto(5, AES_128, 1),), False),
    ("another key", (crypto(1, AES_128, 9),), False),
    ("another suite", (crypto(1, AES_256, 1),), True),
    ("another order", (crypto(2, AES_256, 7), crypto(1, AES_128, 1)), True),
]


@pytest.mark.parametrize(
    ("offer", "changes"), [row[1:] for row in REOFFERS], ids=[row[0] for row in REOFFERS]
)
def test_our_key_changes_with_the_suite_alone(offer: tuple[str, ...], changes: bool) -> None:
    leg = keying()
    leg.answer(theirs(crypto(1, AES_128, 1)))
    before = ours(leg)
    (line,) = leg.answer(theirs(*offer))
    assert (ours(leg) != before) is changes
    assert line.tag == theirs(*offer)[0].tag and line.key == ours(leg)
    assert leg.agreed is not None and leg.agreed.theirs == theirs(*offer)[0].key


def test_a_suite_that_comes_back_gets_another_key() -> None:  # EDGE K4: no keystream twice
    leg = keying()
    seen: set[SrtpKey] = set()
    for suite in (AES_128, AES_256, AES_128, AES_256):
        leg.answer(theirs(crypto(1, suite)))
        seen.add(ours(leg))
    assert len(seen) == 4


def test_an_answer_chooses_one_of_our_lines() -> None:  # EDGE K3
    leg = keying()
    offer = leg.fresh()
    leg.settle(offer, theirs(crypto(2, AES_256, 3)))
    assert leg.agreed == LegSrtp(offer[1].key, theirs(crypto(2, AES_256, 3))[0].key)
    assert leg.again() == (offer[1],)


def test_an_answer_may_spell_the_suite_its_own_way() -> None:  # EDGE K2
    leg = keying()
    offer = leg.fresh()
    leg.settle(offer, theirs(crypto("02", "AES_CM_256_HMAC_SHA1_80")))
    assert leg.again() == (offer[1],), "we go on as we began"


@pytest.mark.parametrize(
    "answer",
    [(crypto(7, AES_128),), (crypto(1, AES_256),), (crypto(2, AES_128), crypto(1, AES_256))],
    ids=["unknown tag", "another suite", "tags exchanged"],
)
def test_an_answer_that_takes_no_line_changes_nothing(answer: tuple[str, ...]) -> None:
    # EDGE K15, D7
    leg = keying()
    leg.answer(theirs(crypto()))
    before = (leg.agreed, leg.again())
    with pytest.raises(SdpError) as caught:
        leg.settle(leg.fresh(), theirs(*answer))
    assert (caught.value.status, caught.value.warning) == (488, 306)
    assert (leg.agreed, leg.again()) == before


def test_an_offer_inside_the_dialog_repeats_what_is_in_force() -> None:  # EDGE K14
    leg = keying()
    assert leg.again() == ()
    (line,) = leg.answer(theirs(crypto("12", AES_256)))
    assert leg.again() == leg.again() == (line,)


def test_whoever_asks_for_an_offer_gets_every_suite_and_the_present_one_first() -> None:
    # EDGE A1, K14
    leg = keying()
    assert leg.full() == ()
    (line,) = leg.answer(theirs(crypto(3, AES_256)))
    first, *others = leg.full()
    assert first == line
    assert {it.key.suite for it in others} == set(Suite) - {line.key.suite}
    assert sorted(it.tag for it in (first, *others)) == ["1", "2", "3", "4", "5", "6"]
    leg.settle((first, *others), theirs(crypto(others[0].tag, others[0].spelling)))
    assert ours(leg) == others[0].key


def test_what_carries_no_keys_leaves_the_leg_plain() -> None:  # EDGE K15, K16
    leg = keying()
    leg.answer(theirs(crypto()))
    assert leg.answer(()) == () and leg.agreed is None and leg.again() == ()
    leg.answer(theirs(crypto()))
    leg.settle(leg.again(), ())
    assert leg.agreed is None and leg.full() == ()


def test_what_was_plain_in_between_gets_another_key() -> None:  # EDGE K4
    leg = keying()
    leg.answer(theirs(crypto()))
    before = ours(leg)
    leg.answer(())
    leg.answer(theirs(crypto()))
    assert ours(leg) != before

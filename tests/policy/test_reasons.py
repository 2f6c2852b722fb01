"""The list of reasons, and the page that tells people of it."""

import re

from edge.policy.case import PHRASES
from edge.policy.reasons import Reason
from scripts.refusals import FILE, text


def test_the_page_is_what_the_code_says() -> None:
    assert FILE.read_text() == text(), "make refusals writes it anew"


def test_codes_are_words_and_texts_can_be_quoted() -> None:
    for reason in Reason:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", reason.code), reason
        assert reason.text.isprintable() and reason.text.isascii()
        assert not set(reason.text) & set('"\\'), "a Warning is a quoted string"
        assert reason.value.remedy and reason.value.rules


def test_every_status_has_a_phrase_unless_the_phrase_comes_from_elsewhere() -> None:
    for reason in Reason:
        for status in reason.value.statuses:
            known = status in PHRASES or status in (401, 407)
            assert known or reason in (Reason.CALLED_SIDE, Reason.CALLED_SIDE_MEDIA), reason

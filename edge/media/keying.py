"""The keys of one leg, through all offers and answers of its dialog (RFC 4568 §7; EDGE K4, K14).

Our key is new in every first offer and with every change of suite, and stays otherwise: our address
never changes inside a dialog, and a peer that changes its own key needs no new one of ours. What a
refused offer brought is forgotten with it (EDGE D7).
"""

from edge.ids import Ids
from edge.media.sdes import CryptoLine, SdesRules
from edge.media.sdp import SdpError
from edge.media.srtp_keys import SALT_BYTES, LegSrtp, SrtpKey, Suite
from edge.media.terms import EncryptionFault


class Keying:
    """What one leg is encrypted with, and what the next offer proposes."""

    __slots__ = ("_ids", "_line", "_rules", "agreed")

    def __init__(self, rules: SdesRules, ids: Ids) -> None:
        self._rules = rules
        self._ids = ids
        self._line: CryptoLine | None = None
        """Ours that is in force."""
        self.agreed: LegSrtp | None = None
        """None on a plain leg."""

    def fresh(self) -> tuple[CryptoLine, ...]:
        """Return a line for each suite, every one with a key of its own (EDGE K9)."""
        return tuple(
            CryptoLine(str(tag), spelling, self._new_key(suite))
            for tag, (spelling, suite) in enumerate(self._rules.offered, start=1)
        )

    def again(self) -> tuple[CryptoLine, ...]:
        """Return what an offer inside the dialog proposes: what is in force, if anything."""
        return () if self._line is None else (self._line,)

    def full(self) -> tuple[CryptoLine, ...]:
        """Return what is in force first, then the other suites, for whoever asks for an offer."""
        line = self._line
        if line is None:
            return ()
        others = [it for it in self.fresh() if it.key.suite is not line.key.suite]
        tags = [str(tag) for tag in range(1, len(others) + 2) if tag != int(line.tag)]
        return (line, *[it._replace(tag=tag) for tag, it in zip(tags, others, strict=False)])

    def answer(self, offered: tuple[CryptoLine, ...]) -> tuple[CryptoLine, ...]:
        """Take the first line of a peer's offer and return ours; none for an offer without keys."""
        if not offered:
            self._line = self.agreed = None
            return ()
        theirs = offered[0]
        if self._line is not None and self._line.key.suite is theirs.key.suite:
            key = self._line.key
        else:
            key = self._new_key(theirs.key.suite)
        self._agree(theirs._replace(key=key), theirs)
        return self.again()

    def settle(self, ours: tuple[CryptoLine, ...], answered: tuple[CryptoLine, ...]) -> None:
        """Take a peer's answer to our lines; raises SdpError when it accepts none of them.

        An answer without keys leaves the leg plain: whether it may is the reader's to say.
        """
        if not answered:
            self._line = self.agreed = None
            return
        for theirs in answered:
            for line in ours:
                if line.is_answered_by(theirs):
                    self._agree(line, theirs)
                    return
        raise SdpError.of(EncryptionFault.NO_KEYS)

    def _agree(self, ours: CryptoLine, theirs: CryptoLine) -> None:
        self._line = ours
        self.agreed = LegSrtp(ours.key, theirs.key)

    def _new_key(self, suite: Suite) -> SrtpKey:
        secret = self._ids.octets(suite.key_bytes + SALT_BYTES)
        return SrtpKey(suite, secret[: suite.key_bytes], secret[suite.key_bytes :])

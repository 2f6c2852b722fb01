"""One leg's half of a call's media: what its peer described, wants and was told."""

from edge.flow import Address
from edge.media.keying import Keying
from edge.media.local_sdp import LocalDescription
from edge.media.sdp import RemoteDescription
from edge.media.session import Direction
from edge.media.terms import Codec, Encryption, Terms


class Part:
    """One leg's half."""

    __slots__ = (
        *("allowed", "allowed_rtcp", "at", "declined", "keying", "local", "moves", "networks"),
        *("owes", "private", "remote", "sent", "signalling", "terms", "wish"),
    )

    def __init__(
        self,
        local: LocalDescription,
        keying: Keying,
        networks: tuple[str, ...],
        private: bool,
        terms: Terms,
    ) -> None:
        self.local = local
        self.keying = keying
        self.terms = terms
        """What is taken from the peer's offers."""
        self.networks = networks
        self.private = private
        """Whether its media may be at private addresses (S11)."""
        self.remote: RemoteDescription | None = None
        self.at: Address | None = None
        """The last RTP address that the peer gave, holds by 0.0.0.0 aside."""
        self.moves = 0
        """How often the peer has changed that address (Q5)."""
        self.allowed = False
        """Whether RTP may be sent where `remote` wants it."""
        self.allowed_rtcp = False
        self.signalling = ""
        """Address that the leg's SIP comes from; its RTP may come from there too (Q4)."""
        self.sent: bytes | None = None
        """The answer that was given in a provisional; it may not change any more (A2)."""
        self.owes = False
        """Our offer is in a 2xx, whose ACK has to bring the answer (A1)."""
        self.wish = Direction.SENDRECV
        """What the peer wants of its own accord: an answer only narrows what we offered (D8)."""
        self.declined: Direction | None = None
        """The other side's wish that this peer did not want to hear of (D6)."""

    def begin(self, signalling: str, terms: Terms) -> None:
        """Turn to the next peer; none follows one that has answered."""
        self.signalling = signalling
        self.terms = terms
        self.remote = None
        self.wish = Direction.SENDRECV
        self.local.begin(encrypted=terms.encryption is Encryption.REQUIRED)

    def wishes_after(self, answer: RemoteDescription) -> Direction:
        """Return the peer's wish as its answer tells it; our offer has hidden the rest (D8)."""
        asked, said, wish = self.local.direction, answer.direction, self.wish
        return Direction.of(
            sends=said.sends if asked.receives else wish.sends,
            receives=said.receives if asked.sends else wish.receives,
        )

    def left_of(self, wish: Direction) -> Direction:
        """Return what this peer would notice of a wish of the other one."""
        return wish.narrowed(self.wish.reversed)

    def repeats(self, offer: RemoteDescription) -> bool:
        """Tell whether an offer has the direction that is agreed on or wished for already."""
        return self.remote is not None and offer.direction in (self.remote.direction, self.wish)

    @property
    def has_events(self) -> bool:
        """Tell whether the peer takes telephone-event."""
        return self.remote is not None and self.remote.payload_types.telephone_event is not None

    @property
    def codecs(self) -> tuple[Codec, ...]:
        """Return the codecs that the peer takes, in its order; before it said so, all of them."""
        return self.terms.in_order if self.remote is None else self.remote.codecs

    @property
    def agreed_codecs(self) -> list[Codec]:
        """Return those of them that we have announced as well."""
        announced = self.local.codecs
        return [codec for codec in self.codecs if codec in announced]

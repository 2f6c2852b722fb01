"""What a caller's descriptions may say of encryption, and what is told of one that says another
thing (EDGE R12, R13, K15, K16)."""

from edge.flow import Transport
from edge.media.sdp import SdpError
from edge.media.terms import Codec, Encryption, EncryptionFault, Terms
from edge.policy.case import Case
from edge.policy.reasons import Reason
from edge.policy.verdict import Refuse

_PCMU = frozenset((Codec.PCMU,))
_REASONS = {
    EncryptionFault.MISSING: Reason.PLAIN_MEDIA,
    EncryptionFault.IN_CLEAR: Reason.SRTP_WITHOUT_TLS,
    EncryptionFault.NO_KEYS: Reason.NO_USABLE_KEYS,
}


def terms_of_caller(case: Case) -> Terms:
    """Return what is taken from the caller's offers, now and in re-INVITEs."""
    codecs = _PCMU if case.bridge is None else frozenset(Codec)
    return Terms(_encryption(case), case.context.suites, codecs)


def unusable_offer(case: Case, error: SdpError) -> Refuse:
    """Return the refusal of an offer that cannot be read, or not be accepted."""
    warning = error.warning or 399
    if error.fault is not None:
        why, hint = _REASONS[error.fault], _hint(case, error.fault)
    else:
        why = Reason.SDP_MALFORMED if error.status == 400 else Reason.SDP_NOT_ACCEPTABLE
        hint = f"the SDP offer cannot be used: {error.detail}"
    return case.refuse(why, hint, text=error.detail, warning=warning)


def _encryption(case: Case) -> Encryption:
    """The public network's media is plain (K16), and keys need signalling that hides them (R13)."""
    connector = case.connector
    is_customer = case.source.carrier is None and connector is not None
    if not is_customer or case.flow.transport is not Transport.TLS:
        return Encryption.NEVER
    if connector is not None and connector.require_encryption:
        return Encryption.REQUIRED
    is_optional = case.context.settings.srtp.optional
    return Encryption.BEST_EFFORT if is_optional else Encryption.ALLOWED


def _hint(case: Case, fault: EncryptionFault) -> str:
    if fault is EncryptionFault.NO_KEYS:
        usable = ", ".join(sorted([suite.value for suite in case.context.suites]))
        return f"the offer has no a=crypto line that can be used; the suites are {usable}"
    if fault is EncryptionFault.IN_CLEAR:
        if case.source.carrier is not None:
            return "a carrier's media is plain: let it offer RTP/AVP"
        return (
            f"the keys would travel in clear over {case.flow.transport}: "
            "send the call over TLS, or offer RTP/AVP"
        )
    connector_id = "" if case.connector is None else case.connector.connector_id
    return (
        f"connector {connector_id} requires encrypted media: let the PBX offer RTP/SAVP with "
        "a=crypto (SDES), or turn RequireEncryption off (update_voice_connector)"
    )

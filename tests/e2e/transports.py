"""Which SIP transports the edge speaks, of those that SIPp speaks too."""

from importlib.util import find_spec

from edge.flow import Transport

SPOKEN = [Transport.UDP, *([Transport.TCP] if find_spec("edge.sip.framing") else [])]
"""Streams need framing; Debian's SIPp has no TLS."""

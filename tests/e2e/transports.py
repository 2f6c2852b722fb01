"""Which SIP transports Debian's SIPp speaks; it has no TLS."""

from edge.flow import Transport

SPOKEN = (Transport.UDP, Transport.TCP)

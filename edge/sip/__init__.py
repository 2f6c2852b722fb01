"""SIP without I/O: messages, transactions, dialogs (RFC 3261, 6026). No dependency."""

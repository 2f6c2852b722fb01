"""Whole calls with other people's programs as peers: kamailio, baresip, linphone."""

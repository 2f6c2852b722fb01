"""What a call costs the signalling plane, beside sippy and kamailio (docs/performance.md)."""

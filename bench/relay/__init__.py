"""CPU per relayed packet of our media worker, beside rtpengine: `python -m bench.relay`."""

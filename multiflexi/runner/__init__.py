"""One executor cycle: claim, resolve, start, watch, adopt, finish; used by the daemon and by one-shot runs."""

"""All daemons under one command in the foreground, for a source tree and for trying things out."""

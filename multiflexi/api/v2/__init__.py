"""API v2: the modern surface."""

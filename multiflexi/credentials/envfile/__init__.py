"""Settings file (.env)."""

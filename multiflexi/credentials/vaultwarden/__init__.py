"""Vaultwarden, Bitwarden."""

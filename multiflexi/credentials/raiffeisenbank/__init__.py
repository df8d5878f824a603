"""Raiffeisenbank."""

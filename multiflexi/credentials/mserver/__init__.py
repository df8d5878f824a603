"""Stormware Pohoda mServer."""

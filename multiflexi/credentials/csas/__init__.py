"""Česká spořitelna."""

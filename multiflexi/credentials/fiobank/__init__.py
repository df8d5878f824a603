"""Fio banka."""

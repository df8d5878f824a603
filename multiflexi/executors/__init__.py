"""Executors: the places where an application runs; one package each, found through the registry."""

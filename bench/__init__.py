"""Measurements of the platform beside the figures it has to reach."""

"""Duties towards the people whose data the installation holds."""

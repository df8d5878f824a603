"""The API of the original, version 1.0.0, over the same services."""

"""Registry of container images."""

"""Encryption at rest, the key ring, masking of secrets and the rule which fields are secret."""

"""Errors of the vault: each says what is wrong and the way out, never a secret value."""


class VaultError(Exception):
    """Something secret cannot be written, read or proven; nothing is saved in clear instead."""


class MasterKeyMissing(VaultError):
    """No usable master secret is configured: none at all, an unreadable file, or one too short to create keys with."""


class MasterKeyWrong(VaultError):
    """A data key was wrapped by another master secret than the configured one."""


class KeyMissing(VaultError):
    """The key ring lacks the data key that is needed."""


class DecryptionFailed(VaultError):
    """A stored value is no envelope, is damaged, or belongs to another table, field or record."""

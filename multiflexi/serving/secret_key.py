"""The key that web processes sign with when none is set."""


def derived() -> str:
    """The same on all web hosts, and untouched by a new master key. Raises VaultError without usable data keys."""
    # Models cannot be imported while the settings are read.
    from multiflexi.vault import keyed

    return keyed.code(keyed.current_key(), "secret key of web processes", "")

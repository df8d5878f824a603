"""A database named by one text, as the options that name its parts."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from multiflexi.cli.output.errors import wrong_use

KINDS = {
    "mysql": "mysql",
    "mariadb": "mysql",
    "pgsql": "pgsql",
    "postgres": "pgsql",
    "postgresql": "pgsql",
    "sqlite": "sqlite",
}
PORTS = {"mysql": "3306", "pgsql": "5432", "sqlite": ""}
PAIRS = {
    "host": "db_host",
    "port": "db_port",
    "dbname": "db_database",
    "user": "db_username",
    "password": "db_password",
}


def parts(text: str) -> dict[str, str]:
    """The parts of `mysql://LOGIN:PASSWORD@HOST:PORT/DATABASE` or `mysql:host=HOST;dbname=DATABASE`.

    Raises Rejected without repeating the text, which may hold a password.
    """
    kind, _, rest = text.partition(":")
    known = KINDS.get(kind.lower())
    if known is None or not rest:
        raise wrong_use("--dsn: write mysql://LOGIN@HOST:PORT/DATABASE, or the same with pgsql: or sqlite:///PATH.")
    found = _of_url(text) if rest.startswith("//") else _of_pairs(known, rest)
    return {"db_connection": known, "db_port": PORTS[known]} | {name: one for name, one in found.items() if one}


def _of_url(text: str) -> dict[str, str]:
    try:
        split = urlsplit(text)
        port = split.port
    except ValueError:
        raise wrong_use("--dsn: the host or the port in the address is unusable.") from None
    path = unquote(split.path)
    return {
        "db_host": split.hostname or "",
        "db_port": str(port or ""),
        "db_database": path if split.scheme.lower() == "sqlite" else path.lstrip("/"),
        "db_username": unquote(split.username or ""),
        "db_password": unquote(split.password or ""),
    }


def _of_pairs(kind: str, rest: str) -> dict[str, str]:
    if kind == "sqlite":
        return {"db_database": rest}
    given = dict(pair.partition("=")[::2] for pair in rest.split(";") if pair)
    unknown = sorted(set(given) - set(PAIRS))
    if unknown:
        raise wrong_use(f"--dsn: unknown parts; use {', '.join(PAIRS)}.")
    return {PAIRS[name]: one for name, one in given.items()}

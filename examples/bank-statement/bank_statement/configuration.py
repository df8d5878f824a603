"""The configuration of a run, taken from the environment as the platform hands it to a job."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from . import iban
from .amounts import currency_of
from .outcome import Misconfigured, Unreadable

TABLE_FILE = "transactions.csv"

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}
_DECIMALS = {"point": ".", "comma": ","}
_TRUE = ("true", "1", "yes", "on", "y", "t")
_FALSE = ("false", "0", "no", "off", "n", "f", "")

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Configuration:
    """What to read, what to accept and where to write."""

    path: str
    iban: str
    currency: str
    strict: bool
    delimiter: str
    decimal: str
    result_file: Path
    table_file: Path


def configuration_of(environ: Mapping[str, str]) -> Configuration:
    """Reads the environment; raises Misconfigured with one sentence for every wrong variable."""
    faults: list[str] = []

    def take(reader: Callable[[str], Value], name: str, default: str) -> Value | None:
        try:
            return reader(environ.get(name, default).strip())
        except ValueError as fault:
            faults.append(f"{name}: {fault}")
            return None

    directory = take(_directory, "MULTIFLEXI_TMP", "") or Path()
    path = take(_path, "STATEMENT_PATH", "")
    account = take(_iban, "STATEMENT_IBAN", "")
    currency = take(_currency, "STATEMENT_CURRENCY", "")
    strict = take(_flag, "STRICT", "true")
    delimiter = take(_choice(_DELIMITERS), "CSV_DELIMITER", "comma")
    decimal = take(_choice(_DECIMALS), "DECIMAL_SEPARATOR", "point")
    result = take(_result_file, "RESULT_FILE", "statement.json")
    if faults:
        raise Misconfigured(faults)
    return Configuration(
        path=path or "",
        iban=account or "",
        currency=currency or "",
        strict=bool(strict),
        delimiter=delimiter or ",",
        decimal=decimal or ".",
        result_file=directory / (result or ""),
        table_file=directory / TABLE_FILE,
    )


def _path(text: str) -> str:
    if not text:
        raise ValueError("it is not set; give a statement file, a directory of statements or a pattern like /in/*.xml")
    return text


def _directory(text: str) -> Path:
    directory = Path(text or ".")
    if not directory.is_dir():
        raise ValueError(f"{text!r} is not a directory; result files need one")
    return directory


def _iban(text: str) -> str:
    number = iban.compact(text)
    if number and (fault := iban.fault(number)):
        raise ValueError(f"{text!r} is not an IBAN: {fault}")
    return number


def _currency(text: str) -> str:
    try:
        return currency_of(text.upper(), "it") if text else ""
    except Unreadable:
        raise ValueError(f"{text!r} is not a currency; give three letters such as CZK") from None


def _flag(text: str) -> bool:
    if text.lower() not in (*_TRUE, *_FALSE):
        raise ValueError(f"{text!r} is not a switch; give true or false")
    return text.lower() in _TRUE


def _choice(choices: Mapping[str, str]) -> Callable[[str], str]:
    def choose(text: str) -> str:
        # A blank value means "not set", as everywhere on the platform; the first choice is the default.
        name = text.lower() or next(iter(choices))
        if name not in choices:
            raise ValueError(f"{text!r} is not possible; give one of {', '.join(choices)}")
        return choices[name]

    return choose


def _result_file(text: str) -> str:
    name = text or "statement.json"
    if "://" in name:
        raise ValueError(f"{text!r} is an address; give a file name")
    if Path(name).name in ("", "..", TABLE_FILE):
        raise ValueError(f"{text!r} cannot be the report; give a file name other than {TABLE_FILE}")
    return name

"""The one place that turns results into text, JSON, YAML, CSV or one JSON document per line."""

from __future__ import annotations

import csv
import io
import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, TextIO

from multiflexi.cli.output import table
from multiflexi.cli.output.plain import ZoneSource, cell, plain
from multiflexi.cli.output.results import Document, Done, Record, Result, Rows, Written
from multiflexi.cli.output.terminal import shown_on

INDENT = 4


class Style(NamedTuple):
    """What the caller wants to see; `warn` takes remarks for standard error."""

    format: str
    fields: tuple[str, ...]
    verbose: int
    wide: bool
    headers: bool
    colour: bool | None
    zone: ZoneSource


@dataclass
class Writer:
    """Writes exactly one document to `out`."""

    out: TextIO
    warnings: TextIO
    style: Style

    def write(self, result: Result) -> None:
        if isinstance(result, Written):
            return
        if isinstance(result, Rows):
            self._rows(result)
        elif isinstance(result, Record):
            self._one(self._chosen(plain(result.data, self.style.zone, numbers=True)))
        elif isinstance(result, Document):
            self._document(result)
        else:
            self._done(result)

    def _say(self, text: str) -> None:
        self.out.write(shown_on(self.out, text) + "\n")

    def _done(self, result: Done) -> None:
        if self.style.verbose and result.record is not None:
            self._one(plain(result.record(), self.style.zone))
        elif self.style.format == "text":
            self._say(result.line)
        else:
            self._one(plain(result.data, self.style.zone))

    def _document(self, result: Document) -> None:
        if self.style.format == "text":
            text = result.text().rstrip("\n")
            if text:
                self._say(text)
        else:
            self._one(plain(result.data, self.style.zone))

    def _one(self, data: Any) -> None:
        if self.style.format == "text":
            lines = (
                [f"{key}: {cell(value)}" for key, value in data.items()] if isinstance(data, dict) else map(cell, data)
            )
            for line in lines:
                self._say(line)
        elif self.style.format == "json":
            self.out.write(json.dumps(data, indent=INDENT) + "\n")
        elif self.style.format == "yaml":
            self.out.write(_yaml(data))
        elif self.style.format == "ndjson":
            self.out.writelines(json.dumps(one) + "\n" for one in (data if isinstance(data, list) else [data]))
        else:
            self._csv(data if isinstance(data, list) else [data])

    def _rows(self, result: Rows) -> None:
        rows = self._picked(plain(row, self.style.zone, numbers=True) for row in result.rows)
        if self.style.format == "json":
            self.out.writelines(_json_array(rows))
        elif self.style.format == "yaml":
            self.out.write(_yaml(list(rows)))
        elif self.style.format == "ndjson":
            self.out.writelines(json.dumps(row) + "\n" for row in rows)
        elif self.style.format == "csv":
            self._csv(rows)
        elif result.text is not None:
            for row in rows:
                self._say(result.text(row))
        else:
            self._table(rows, result)

    def _table(self, rows: Iterable[Mapping[str, Any]], result: Rows) -> None:
        short = not self.style.wide and not self.style.fields
        columns = result.columns if short else ()
        picked = [{key: row[key] for key in columns if key in row} if short else dict(row) for row in rows]
        if not picked:
            self.out.write(result.empty + "\n")
            return
        table.write(self.out, picked, headers=self.style.headers, colour=self.style.colour, chosen=not short)

    def _picked(self, rows: Iterable[Any]) -> Iterator[Any]:
        """The rows with the wanted members; the first row is read before anything is written."""
        iterator = iter(rows)
        first = next(iterator, None)
        if first is None:
            return iter(())
        if not self.style.fields:
            return chain([first], iterator)
        wanted = self._known(first)
        return ({key: row[key] for key in wanted if key in row} for row in chain([first], iterator))

    def _chosen(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        return {key: data[key] for key in self._known(data)} if self.style.fields else data

    def _known(self, data: Mapping[str, Any]) -> list[str]:
        unknown = [name for name in self.style.fields if name not in data]
        if unknown:
            self.warnings.write(f"No such column, left out: {', '.join(unknown)}\n")
        return [name for name in self.style.fields if name in data]

    def _csv(self, rows: Iterable[Any]) -> None:
        writer = csv.writer(self.out, lineterminator="\n")
        for number, row in enumerate(rows):
            members = row if isinstance(row, Mapping) else {"value": row}
            if number == 0 and self.style.headers:
                writer.writerow(members)
            writer.writerow([cell(value) for value in members.values()])


def _json_array(rows: Iterable[Any]) -> Iterator[str]:
    opened = False
    for row in rows:
        yield ",\n" if opened else "[\n"
        opened = True
        yield textwrap.indent(json.dumps(row, indent=INDENT), " " * INDENT)
    yield "\n]\n" if opened else "[]\n"


def _yaml(data: Any) -> str:
    import yaml

    buffer = io.StringIO()
    yaml.safe_dump(data, buffer, sort_keys=False, default_flow_style=False)
    return buffer.getvalue()

"""One run over all files of a configuration."""

from collections import Counter
from pathlib import Path

from . import NAME, VERSION
from .checks import check_statement
from .configuration import Configuration
from .figures import Figures, figures_of
from .model import Statement
from .outcome import ExitCode, Problem, Unreadable
from .output import write_whole
from .progress import complain, counted, name_of, progress_of, say
from .reader import read_file
from .report import report_of
from .rows import rows_of
from .series import check_series, without_copies
from .sources import files_at
from .table import write_table

# Of one rule in one statement this many findings are printed; the report counts and lists all of them.
_SHOWN = 20


class Run:
    """Reads, checks and writes; collects what it finds on the way."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration = configuration
        self.problems: list[Problem] = []
        self.results: list[tuple[Statement, Figures]] = []
        self.other_accounts: list[Statement] = []
        self._printed: Counter[tuple[str, str, str]] = Counter()

    def execute(self) -> int:
        """Does everything and returns the exit code; raises NotWritten."""
        files = self._files()
        say(f"{NAME} {VERSION}: {counted(len(files), 'file')} at {self.configuration.path}")
        self._check(self._wanted(self._read(files)))
        code = self._code(len(files))
        self._write(len(files), code)
        return code

    def _files(self) -> list[tuple[Path, str]]:
        try:
            return files_at(self.configuration.path)
        except OSError as error:
            self._report("error", self.configuration.path, "", "access", f"it cannot be read ({error.strerror})")
            return []

    def _read(self, files: list[tuple[Path, str]]) -> list[Statement]:
        found: list[Statement] = []
        for path, name in files:
            try:
                statements = read_file(path, name)
            except Unreadable as problem:
                self._report("error", name, "", problem.rule, problem.text)
                continue
            say(f"{name}: {statements[0].version}, {counted(len(statements), 'statement')}")
            found.extend(statements)
        return found

    def _wanted(self, statements: list[Statement]) -> list[Statement]:
        wanted = []
        for statement in statements:
            if self._is_ours(statement):
                wanted.append(statement)
            else:
                self.other_accounts.append(statement)
                say(f"{name_of(statement)}: of account {statement.account} in {statement.currency}, left out")
        return wanted

    def _is_ours(self, statement: Statement) -> bool:
        wanted = self.configuration
        return wanted.iban in ("", statement.account) and wanted.currency in ("", statement.currency)

    def _check(self, statements: list[Statement]) -> None:
        kept, repeated = without_copies(statements)
        for statement in kept:
            figures = figures_of(statement)
            self.results.append((statement, figures))
            say(progress_of(statement, figures))
            for rule, text in check_statement(statement, figures):
                self._report("warning", statement.file, statement.identifier, rule, text)
        for statement, rule, text in (*repeated, *check_series(kept)):
            self._report("warning", statement.file, statement.identifier, rule, text)
        for (file, identifier, rule), count in self._printed.items():
            if count > _SHOWN:
                where = f"{file}, statement {identifier}"
                complain(
                    f"WARNING {where}, rule {rule}: {count - _SHOWN} more, see {self.configuration.result_file.name}"
                )

    def _report(self, severity: str, file: str, statement: str, rule: str, text: str) -> None:
        problem = Problem(severity, file, statement, rule, text)
        self.problems.append(problem)
        self._printed[file, statement, rule] += 1
        if self._printed[file, statement, rule] <= _SHOWN:
            complain(problem.line())

    def _code(self, files: int) -> ExitCode:
        """The gravest of what happened, explained on stderr where nothing has been said yet."""
        path = self.configuration.path
        if any(problem.severity == "error" for problem in self.problems):
            return ExitCode.UNREADABLE
        if not files:
            self._report("error", path, "", "nothing-found", "no statement file is there (yet)")
            return ExitCode.NOTHING_FOUND
        if not self.results:
            asked = " in ".join(filter(None, (self.configuration.iban, self.configuration.currency)))
            held = sorted({f"{s.account} in {s.currency}" for s in self.other_accounts})
            text = f"no statement is of {asked}; there are statements of {', '.join(held[:5])}"
            self._report("error", path, "", "account", text)
            return ExitCode.OTHER_ACCOUNT
        return ExitCode.WARNINGS if self.problems and self.configuration.strict else ExitCode.SUCCESS

    def _write(self, files: int, code: ExitCode) -> None:
        wanted = self.configuration
        artifacts: dict[str, list[str]] = {"report": [wanted.result_file.name]}
        if self.results:
            rows = (row for statement, _figures in self.results for row in rows_of(statement))
            number = write_whole(
                wanted.table_file, lambda stream: write_table(stream, rows, wanted.delimiter, wanted.decimal)
            )
            artifacts = {"transactions": [wanted.table_file.name], **artifacts}
            say(f"{wanted.table_file.name}: {counted(number, 'row')}")
        metrics = self._metrics(files)
        status = "error" if code > ExitCode.WARNINGS else "warning" if self.problems else "success"
        message = (
            f"{counted(metrics['statements'], 'statement')}, {counted(metrics['transactions'], 'transaction')}, "
            f"{counted(metrics['warnings'], 'warning')}, {counted(metrics['errors'], 'error')}"
        )
        report = report_of(
            status, message, artifacts=artifacts, metrics=metrics, results=self.results, problems=self.problems
        )
        write_whole(wanted.result_file, lambda stream: stream.write(report))
        say(f"{wanted.result_file.name}: {status}, {message}")

    def _metrics(self, files: int) -> dict[str, int]:
        figures = [figures for _statement, figures in self.results]
        return {
            "files": files,
            "statements": len(self.results),
            "statements_left_out": len(self.other_accounts),
            "entries": sum(f.booked for f in figures),
            "pending_entries": sum(f.pending for f in figures),
            "transactions": sum(f.transactions for f in figures),
            "batches": sum(f.batches for f in figures),
            "reversals": sum(f.reversed_credits.count + f.reversed_debits.count for f in figures),
            "warnings": sum(problem.severity == "warning" for problem in self.problems),
            "errors": sum(problem.severity == "error" for problem in self.problems),
        }

"""The command "prune"."""

from __future__ import annotations

from collections.abc import Callable

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, dry_run, flag, optional
from multiflexi.cli.output.errors import wrong_use
from multiflexi.cli.output.results import Done
from multiflexi.cli.values import COUNT

NOUN = Noun("", "Keep only the newest")


@NOUN.command(
    "prune",
    "Delete all but the newest log entries and jobs",
    flag("--logs", help="Log entries"),
    flag("--jobs", help="Jobs that have ended, with output and artifacts"),
    optional("--keep", help="Keep so many of each", type=COUNT, default=1000),
    dry_run(),
    changes=True,
)
def prune(call: Call) -> Done:
    from multiflexi.services import pruning

    if not (call["logs"] or call["jobs"]):
        raise wrong_use("Say what to prune: --logs, --jobs or both.")
    keep = call["keep"]
    if keep == "":
        raise wrong_use("--keep needs a number; 0 keeps nothing.")
    deleted: dict[str, int] = {}
    if call["logs"]:
        deleted["log"] = pruning.old_logs(keep).count() if call.dry_run else _removed(call, "log", pruning.remove_logs)
    if call["jobs"]:
        deleted["job"] = pruning.old_jobs(keep).count() if call.dry_run else _removed(call, "job", pruning.remove_jobs)
    data = {"status": "success", "keep": keep, "deleted": deleted, **({"dry_run": True} if call.dry_run else {})}
    verb = "would be deleted" if call.dry_run else "deleted"
    lines = [f"{table}: {number} {verb}" for table, number in deleted.items()]
    return Done(data, "\n".join([*lines, f"{sum(deleted.values())} rows {verb}, the newest {keep} kept"]))


def _removed(call: Call, table: str, remove: Callable[..., int]) -> int:
    from multiflexi.cli.progress import counted

    with counted(call, f"rows of {table} deleted") as progress:
        return remove(call.actor, call["keep"], progress)

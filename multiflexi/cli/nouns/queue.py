"""Commands of the noun "queue"."""

from __future__ import annotations

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, dry_run, flag, listing, value
from multiflexi.cli.output.results import Document, Done, Rows
from multiflexi.cli.values import COUNT

NOUN = Noun("queue", "Jobs that wait or run")
COLUMNS = ("id", "job", "after", "runtemplate_name", "app_name", "company_name")


@NOUN.command("overview", "Show numbers of the queue")
def overview(call: Call) -> Document:
    from multiflexi.services import queue

    numbers = queue.overview(call.reader, call.zone)

    def text() -> str:
        flat = {**numbers, **numbers["schedule_breakdown"]}
        return "\n".join(f"{name:<24}{number}" for name, number in flat.items() if not isinstance(number, dict))

    return Document({"comprehensive_queue_metrics": numbers}, text)


@NOUN.command("list", "List queue entries", listing(), value("--direction", help="ASC or DESC"))
def list_entries(call: Call) -> Rows:
    from multiflexi.jobs.queue import backend
    from multiflexi.services import queue
    from multiflexi.services.presenters.queue import row

    entries = queue.page(
        queue.query(call.reader),
        limit=call["limit"],
        offset=call["offset"],
        order=call["order"],
        direction=call["direction"],
    )
    now, zone = backend().now(), call.zone
    if call.format == "text":
        call.warn(f"Total: {queue.query(call.reader).count()}")
    return Rows((row(one, now=now, zone=zone) for one in entries.iterator()), COLUMNS, empty="No jobs in queue.")


@NOUN.command("fix", "Repair the queue; nothing that waits is deleted", dry_run(), changes=True)
def fix(call: Call) -> Document:
    from multiflexi.cli.progress import working
    from multiflexi.services import queue

    with working(call, "Looking through the queue"):
        remarks = queue.fix(call.actor, dry_run=call.dry_run)
    data = {
        "status": "success",
        "message": remarks[0].message if len(remarks) == 1 else f"{len(remarks)} findings",
        "messages": [one._asdict() for one in remarks],
        **({"dry_run": True} if call.dry_run else {}),
    }
    return Document(data, lambda: "\n".join(f"[{one.type.upper()}] {one.message}" for one in remarks))


@NOUN.command("truncate", "Cancel every waiting job; the cadence goes on", dry_run(), changes=True)
def truncate(call: Call) -> Done:
    from multiflexi.services import queue

    if not call.dry_run and call.format == "text":
        call.confirm("Cancel every waiting job?", default=True)
    ids = queue.truncate(call.actor, dry_run=call.dry_run)
    verb = "would be cancelled" if call.dry_run else "cancelled"
    result = f"{len(ids)} waiting jobs {verb}"
    shown = {"dry_run": True, "jobs": ids} if call.dry_run else {}
    return Done({"result": result, "waiting": len(ids), **shown}, result)


@NOUN.command(
    "process",
    "Run what is due, here and now",
    value("--limit", help="At most so many jobs", type=COUNT),
    value("--timeout", help="Take no more jobs after so many seconds", type=COUNT),
    flag("--fail-on-job-failure", help="Exit code 1 when a job failed"),
    dry_run(),
    changes=True,
)
def process(call: Call) -> Done:
    from multiflexi.models import Job, JobStatus
    from multiflexi.runner import inline
    from multiflexi.services import queue

    if call.dry_run:
        ids = queue.due(call.reader)[: call["limit"] or None]
        return Done({"status": "success", "dry_run": True, "processed": 0, "jobs": ids}, f"{len(ids)} jobs are due")

    def tell(why: str) -> None:
        call.warn(f"This host takes no jobs now: {why}")

    ended = inline.process_queue(limit=call["limit"] or None, tell=tell, timeout=call["timeout"] or None)
    rows = Job.objects.filter(pk__in=ended).order_by("pk").values_list("pk", "status", "exitcode")
    jobs = [{"job_id": number, "status": status, "exitcode": exitcode} for number, status, exitcode in rows]
    successful = sum(one["status"] == JobStatus.SUCCESS for one in jobs)
    failed = len(jobs) - successful
    data = {"status": "success", "processed": len(jobs), "successful": successful, "failed": failed, "jobs": jobs}
    line = f"{len(jobs)} jobs run, {successful} successful, {failed} failed"
    code = 1 if failed and call["fail_on_job_failure"] else 0
    return Done(data, line, code=code, complaint=f"{failed} of {len(jobs)} jobs failed.")


@NOUN.command(
    "clear",
    "Remove entries of jobs that have ended",
    flag("--blocked", help="Entries of blocked jobs, too"),
    dry_run(),
    changes=True,
)
def clear(call: Call) -> Done:
    from multiflexi.services import queue

    ids = queue.clear(call.actor, blocked=bool(call["blocked"]), dry_run=call.dry_run)
    data = {"status": "success", "cleared": len(ids), "jobs": ids, **({"dry_run": True} if call.dry_run else {})}
    return Done(data, f"{len(ids)} entries {'would be removed' if call.dry_run else 'removed'}")

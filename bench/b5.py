"""B5: lists and numbers over a million jobs of five hundred companies, as people ask for them."""

from __future__ import annotations

from typing import Any

from bench.frame import history, seed
from bench.frame.installation import Installation
from bench.frame.options import Options
from bench.frame.processes import until
from bench.frame.report import Report, say
from bench.trivial import PLACES
from bench.web.load import Server, check_statuses
from bench.web.people import token_of
from multiflexi.models import QueueEntry

COMPANIES, TEMPLATES = 500, 2
JOBS, QUICK_JOBS = 1_000_000, 50_000
REAL = 2000
REPEATS, QUICK_REPEATS = 200, 40
LIST_MS, DASHBOARD_MS = 60, 120
MINE = 50


def measure(place: Installation, options: Options) -> Report:
    """Milliseconds of each address, asked for one after the other by the whole installation's and a firm's account."""
    report = Report()
    templates = seed.run_templates(seed.application("true"), COMPANIES, TEMPLATES)
    companies = sorted({template.company_id for template in templates})
    ids = seed.jobs(templates, REAL)
    executor = place.daemon("executor", MULTIFLEXI_MAX_PARALLEL=str(PLACES))
    until(lambda: not QueueEntry.objects.exists(), "the end of the real jobs", patience=600)
    report.check("the executor stops in order", executor.stop(), 0)
    say("copying the history")
    report.figures["jobs"] = history.multiply(ids, options.size(JOBS, QUICK_JOBS)) + len(ids)
    seed.settle()
    tokens = {"everything": token_of("super_admin", login="root2"), "a firm": token_of("editor", companies[:MINE])}
    addresses = _addresses(companies[0], ids[0])
    repeats = QUICK_REPEATS if options.quick else REPEATS
    for who, token in tokens.items():
        server = Server(place, token)
        for what, (bound, path) in addresses.items():
            found = _ask(server, path, repeats)
            report.figures[f"{who}: {what}"] = found["ms"]
            check_statuses(report, f"{who}: {what}", found, 200)
            report.at_most(f"{who}: {what}, p95 milliseconds", found["ms"]["p95"], bound)
        listed = [one["id"] for one in server.get("/api/v2/jobs/?page_size=50")["results"]]
        report.check(f"{who}: a list holds fifty jobs", len(listed), 50)
        report.check(f"{who}: the newest come first", listed, sorted(listed, reverse=True))
        server.process.stop()
    return report


def _addresses(company: int, job: int) -> dict[str, tuple[int, str]]:
    return {
        "jobs": (LIST_MS, "/api/v2/jobs/?page_size=50"),
        "failed jobs": (LIST_MS, "/api/v2/jobs/?page_size=50&status=failed"),
        "jobs of a company": (LIST_MS, f"/api/v2/jobs/?page_size=50&company={company}"),
        "run templates": (LIST_MS, "/api/v2/runtemplates/?limit=50"),
        "tasks": (LIST_MS, "/api/v2/tasks/?limit=50"),
        "one job": (LIST_MS, f"/api/v2/jobs/{job}/"),
        "legacy jobs": (LIST_MS, "/api/VitexSoftware/MultiFlexi/1.0.0/jobs.json?limit=50&order=-id"),
        "numbers of a company": (DASHBOARD_MS, f"/api/v2/companies/{company}/stats/"),
        "status": (DASHBOARD_MS, "/api/v2/status/"),
    }


def _ask(server: Server, path: str, repeats: int) -> dict[str, Any]:
    """One after the other, after a first one for every thread."""
    server.load([server.request(path)] * 8, 8)
    return server.load([server.request(path)] * repeats, 1)

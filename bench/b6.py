"""B6: requests per second of the API, by a server of two processes with four threads."""

from __future__ import annotations

from bench.frame import seed
from bench.frame.installation import Installation
from bench.frame.options import Options
from bench.frame.report import Report
from bench.web.load import Server, check_statuses
from bench.web.people import token_of
from multiflexi.models import Job

COMPANIES, TEMPLATES, JOBS = 10, 10, 2000
CONNECTIONS = 8
SECONDS, QUICK_SECONDS = 10.0, 3.0
LIST_OF = 50
TARGETS = {"get one": 450, "list of 50": 200, "post job": 150}


def measure(place: Installation, options: Options) -> Report:
    """Each kind of request for some seconds over eight connections; the client shares the processors."""
    report = Report()
    templates = seed.run_templates(seed.application("true"), COMPANIES, TEMPLATES)
    ids = seed.jobs(templates, JOBS)
    seed.settle()
    server = Server(place, token_of("editor", [template.company_id for template in templates]))
    requests = {
        "get one": [server.request(f"/api/v2/jobs/{pk}/") for pk in ids],
        "list of 50": [
            server.request(f"/api/v2/jobs/?page_size={LIST_OF}&company={one.company_id}") for one in templates
        ],
        "post job": [server.request("/api/v2/jobs/", {"runtemplate_id": one.pk}) for one in templates],
    }
    status = {"post job": 201}
    seconds = QUICK_SECONDS if options.quick else SECONDS
    for what, each in requests.items():
        server.load(each[:CONNECTIONS], CONNECTIONS)
        before = Job.objects.count()
        rounds = [server.load(each, CONNECTIONS, seconds) for _round in range(options.repeats(3))]
        rounds.sort(key=lambda one: one["requests_per_second"])
        middle = rounds[len(rounds) // 2]
        report.figures[what] = middle | {"of_each_round": [one["requests_per_second"] for one in rounds]}
        report.at_least(f"{what}, requests per second", middle["requests_per_second"], TARGETS[what])
        for one in rounds:
            check_statuses(report, what, one, status.get(what, 200))
        if what == "post job":
            answers = sum(sum(one["statuses"].values()) for one in rounds)
            report.check("every answer to a post is one job", Job.objects.count() - before, answers)
    first = server.get(_list_of(templates[0].company_id))
    report.check("a list holds what was asked for", len(first["results"]), LIST_OF)
    return report


def _list_of(company_id: int) -> str:
    return f"/api/v2/jobs/?page_size={LIST_OF}&company={company_id}"

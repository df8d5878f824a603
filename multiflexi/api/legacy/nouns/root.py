"""The entrance: index, heartbeat and status."""

from __future__ import annotations

from django.http import HttpResponse

from multiflexi import __version__
from multiflexi.api.legacy import clock
from multiflexi.api.legacy.answers import Answer, raw, wrapped
from multiflexi.api.legacy.call import Call
from multiflexi.api.legacy.declare import operation, suffixed
from multiflexi.services import status

PATHS = (
    "ping", "status", "apps", "companies", "runtemplates", "jobs", "jobs/status", "schedule", "topics", "users",
    "credentials", "credential_types", "login", "credential_prototypes", "eventsources", "eventrules", "tasks",
    "artifacts", "auditlog",
)  # fmt: skip
NEEDED = ("scheduler", "executor")


@operation("GET", "", id="getRoot", shape="file", status=302, public=True, blind=True, tag="index")
def to_index(call: Call) -> Answer:
    """Lead to the index"""
    return raw(HttpResponse(status=302, headers={"Location": "index.html"}))


@suffixed("GET", "index", id="getApiIndex", shape="wrapper", public=True, blind=True, tag="index")
def index(call: Call) -> Answer:
    """List what can be asked for"""
    return wrapped("index", [{"path": path} for path in PATHS])


@suffixed("GET", "ping", id="getPing", shape="wrapper", public=True, blind=True, tag="index")
def ping(call: Call) -> Answer:
    """Answer without asking the database"""
    return wrapped("ping", [{"ping": "pong"}])


@suffixed(
    "GET", "status", id="getApiStatus", schema="Status", shape="wrapper", public=True, tag="index", successor="status"
)
def show_status(call: Call) -> Answer:
    """Tell how the installation is, the host's details only to those who configure it"""
    counted, daemons = status.counters(), status.daemons()
    found = {
        "version": __version__,
        "php": "",
        **counted,
        "credentialtypes": counted["credential_types"],
        "database": status.product(),
        "daemon": "running" if all(daemons[one] == "running" for one in NEEDED) else "stopped",
        "daemons": daemons,
        "timestamp": clock.now(),
        **status.details(call.actor),
    }
    return wrapped("status", found, **found)

"""Trying out whether the collector of telemetry takes what it is sent."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings

from multiflexi.models import ACTIVE_STATES, Application, Company, Job, RunTemplate
from multiflexi.monitoring import otlp
from multiflexi.monitoring.otlp import Collector, NotTaken
from multiflexi.record.actor import Actor
from multiflexi.services.errors import Refused, invalid_field
from multiflexi.services.rights import need

TEST = {"test": True}
COUNTER = "multiflexi.jobs.total"
SPAN = "multiflexi.test"
GAUGES: dict[str, Callable[[], int]] = {
    "multiflexi.jobs.running": lambda: Job.objects.filter(status__in=ACTIVE_STATES).count(),
    "multiflexi.applications.total": lambda: Application.objects.filter(retired_at=None).count(),
    "multiflexi.applications.enabled": lambda: Application.objects.filter(retired_at=None, enabled=True).count(),
    "multiflexi.companies.total": Company.objects.count,
    "multiflexi.runtemplates.total": lambda: RunTemplate.objects.filter(archived_at=None).count(),
}


@dataclass(frozen=True)
class Sent:
    """What went where."""

    service: str
    endpoint: str
    protocol: str
    names: list[str]


def test(actor: Actor, *, endpoint: str | None = None, gauges: bool = True) -> Sent:
    """Send a counter, the gauges and a span, all marked as a test.

    Raises NotPermitted, Refused while telemetry is off or the collector does not take it, and Invalid for an unusable
    endpoint. Never call it in a transaction: it waits for the other side.
    """
    need(actor, "system.config")
    if not settings.OTEL_ENABLED or settings.OTEL_SDK_DISABLED:
        raise Refused(
            "Telemetry is switched off; set OTEL_ENABLED to true, and OTEL_SDK_DISABLED to false if it is set.",
            "telemetry_disabled",
        )
    target = endpoint or settings.OTEL_EXPORTER_OTLP_ENDPOINT
    if not str(target).startswith(("http://", "https://")):
        raise invalid_field("endpoint", "write an address such as http://localhost:4318.")
    collector = Collector(target, settings.OTEL_SERVICE_NAME, platform.node())
    metrics = [otlp.counter(COUNTER, 1, TEST)]
    if gauges:
        metrics += [otlp.gauge(name, count(), TEST) for name, count in GAUGES.items()]
    try:
        collector.send_metrics(metrics)
        collector.send_span(SPAN, TEST)
    except NotTaken as error:
        raise Refused(
            f"The collector did not take the test: {error} Check OTEL_EXPORTER_OTLP_ENDPOINT, or give --endpoint.",
            "telemetry_not_taken",
            details={"endpoint": target},
        ) from error
    return Sent(collector.service, target, otlp.PROTOCOL, [*(str(one["name"]) for one in metrics), SPAN])

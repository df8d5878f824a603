"""Commands of the noun "telemetry"."""

from __future__ import annotations

from multiflexi.cli.call import Call
from multiflexi.cli.declare import Noun, flag, optional
from multiflexi.cli.output.results import Done

NOUN = Noun("telemetry", "OpenTelemetry")


@NOUN.command(
    "test",
    "Send test values to the collector",
    optional("--endpoint", "-e", help="Another collector, e.g. http://localhost:4318"),
    flag("--disable-gauges", help="Only a counter and a span"),
)
def test(call: Call) -> Done:
    from multiflexi.services import telemetry

    sent = telemetry.test(call.reader, endpoint=call["endpoint"], gauges=not call["disable_gauges"])
    data = {
        "status": "success",
        "service": sent.service,
        "endpoint": sent.endpoint,
        "protocol": sent.protocol,
        "sent": sent.names,
    }
    lines = [f"Service {sent.service} to {sent.endpoint} by {sent.protocol}", *(f"Sent {one}" for one in sent.names)]
    return Done(data, "\n".join(lines))

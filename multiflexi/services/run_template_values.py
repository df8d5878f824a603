"""Values of a run template as people give them, turned into what its columns hold."""

from __future__ import annotations

from typing import Any

from multiflexi.models import Application, Backoff, CatchUp, Executor, Overlap, RunTemplate
from multiflexi.scheduling import cron as cron_module
from multiflexi.scheduling import intervals, windows, zones
from multiflexi.services import job_limits
from multiflexi.services.errors import Invalid, invalid_field

NULLABLE = ("max_parallel", "kill_grace", "slow_factor", "valid_from", "valid_to")
ENUMERATIONS = {"catch_up": CatchUp, "overlap": Overlap, "retry_backoff": Backoff}
EMPTY_MEANS_UNCHANGED = (
    "interv",
    "active",
    "executor",
    "allow_late",
    "manual_fulfils",
    "delay",
    "max_retries",
    "retry_delay",
    "max_attempts",
    "retry_min_gap",
    *ENUMERATIONS,
)


def usable(values: dict[str, Any], app: Application, stored: RunTemplate | None = None) -> dict[str, Any]:
    """Column values for what was given. Raises Invalid naming field, rule and way out."""
    given = {name: one for name, one in values.items() if one is not None}
    given = {name: one for name, one in given.items() if not (one == "" and name in EMPTY_MEANS_UNCHANGED)}
    _name_attempts(given)
    if "name" in given and not str(given["name"]).strip():
        raise invalid_field("name", "a run template needs a name; give one.")
    for name in NULLABLE:
        if given.get(name) == "":
            given[name] = None
    given = job_limits.usable(given)
    for name, choices in ENUMERATIONS.items():
        if name in given:
            given[name] = _one_of(name, given[name], choices.values)
    if "executor" in given:
        given["executor"] = _executor(given["executor"], app)
    if "retry_on_exit_codes" in given:
        given["retry_on_exit_codes"] = _exit_codes(given["retry_on_exit_codes"])
    _settle_deadline(given)
    _settle_zone(given)
    _settle_cadence(given, stored)
    return given


def _name_attempts(given: dict[str, Any]) -> None:
    """The older names: attempts count the first run, too."""
    if "max_attempts" in given:
        attempts = int(given.pop("max_attempts"))
        if attempts < 1:
            raise invalid_field("max_attempts", "the first run counts, so the least value is 1.")
        given.setdefault("max_retries", attempts - 1)
    if "retry_min_gap" in given:
        given.setdefault("retry_delay", given.pop("retry_min_gap"))


def _one_of(field: str, value: str, allowed: list[str]) -> str:
    for choice in allowed:
        if choice.lower().replace("_", "-") == str(value).lower().replace("_", "-"):
            return choice
    raise invalid_field(field, f'"{value}" is unknown; use one of {", ".join(allowed)}.')


def _executor(value: str, app: Application) -> str:
    executor = _one_of("executor", value, Executor.values)
    if executor != Executor.NATIVE and not app.ociimage:
        raise invalid_field(
            "executor", f"{executor} needs a container image, and application {app.name} has none; use Native."
        )
    return executor


def _exit_codes(text: Any) -> list[int] | None:
    parts = [part.strip() for part in str(text).strip("[]").split(",") if part.strip()]
    try:
        return sorted({int(part) for part in parts}) or None
    except ValueError:
        raise invalid_field("retry_on_exit_codes", "write exit codes separated by commas, e.g. 1,75.") from None


def _settle_deadline(given: dict[str, Any]) -> None:
    if "deadline_offset" in given:
        rule = str(given["deadline_offset"]).strip() or None
        if rule:
            try:
                windows.parse_deadline(rule)
            except windows.DeadlineError as error:
                raise invalid_field("deadline_offset", str(error)) from None
        given["deadline_offset"] = rule


def _settle_zone(given: dict[str, Any]) -> None:
    if "timezone" in given:
        name = str(given["timezone"]).strip() or None
        if name:
            try:
                zones.zone(name)
            except zones.ZoneError as error:
                raise invalid_field("timezone", str(error)) from None
        given["timezone"] = name


def _settle_cadence(given: dict[str, Any], stored: RunTemplate | None) -> None:
    """A cron expression means the custom interval; another interval empties the expression."""
    cron = str(given["cron"]).strip() if "cron" in given else None
    if "interv" in given:
        try:
            given["interv"] = intervals.parse_interval(str(given["interv"])).code
        except intervals.IntervalError as error:
            raise invalid_field("interv", str(error)) from None
    elif cron:
        given["interv"] = "c"
    interv = given.get("interv", stored.interv if stored else "n")
    # Forms send back every field they show: an old expression beside a new interval is no wish.
    echoed = stored is not None and cron == stored.cron and interv != stored.interv
    if cron and not echoed:
        _check_cron(cron)
        given |= {"interv": "c", "cron": cron}
    elif interv != "c":
        given["cron"] = None
    elif cron == "" or not (stored and stored.cron):
        raise Invalid(
            "cron: the custom interval needs a cron expression; give one, e.g. 15 4 * * 1-5.",
            "invalid_value",
            details={"field": "cron"},
            members={"cron": cron},
        )


def _check_cron(expression: str) -> None:
    try:
        cron_module.parse(expression)
    except cron_module.CronError as error:
        raise Invalid(
            f"cron: {error}", "invalid_value", details={"field": "cron"}, members={"cron": expression}
        ) from None

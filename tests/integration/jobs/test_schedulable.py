"""Which run templates are scheduled, what they lack, and what healing puts right."""

from __future__ import annotations

from datetime import timedelta

import pytest

from multiflexi.jobs import healing, schedulable
from multiflexi.jobs.completeness import missing_by_template
from multiflexi.models import Application, Company, Job, RunTemplate
from tests.integration.jobs.builders import NOON, due_templates, queue, template, unscheduled, wall
from tests.integration.jobs_environment.builders import Bank, assign, company_value, configure, declare

NEXT = wall("2026-06-15 13:00")


def missing(one: RunTemplate) -> list[str]:
    return missing_by_template([RunTemplate.objects.select_related("app", "company").get(pk=one.pk)])[one.pk]


def refreshed(one: RunTemplate, **more) -> RunTemplate:
    schedulable.refresh([one.pk], **more)
    return RunTemplate.objects.select_related("company", "app").get(pk=one.pk)


OBSTACLES = [
    (RunTemplate, {"active": False}, "switched off"),
    (RunTemplate, {"archived_at": NOON}, "archived"),
    (RunTemplate, {"interv": "n"}, "by hand only"),
    (RunTemplate, {"interv": "c", "cron": "0 0 31 2 *"}, "31 2"),
    (RunTemplate, {"interv": "c", "cron": "* * * * * *"}, "instead of five"),
    (RunTemplate, {"timezone": "Mars/Olympus"}, "Mars/Olympus"),
    (RunTemplate, {"skip_days": ["someday"]}, "someday"),
    (Company, {"enabled": False}, "Company ACME is disabled"),
    (Company, {"archived_at": NOON}, "Company ACME is archived"),
    (Company, {"timezone": "Mars/Olympus"}, "Mars/Olympus"),
    (Application, {"enabled": False}, "Application probe is disabled"),
    (Application, {"retired_at": NOON}, "Application probe is retired"),
]


class TestObstacles:
    @pytest.mark.parametrize(("model", "change", "words"), OBSTACLES)
    def test_what_stands_in_the_way_stops_the_schedule_and_is_said(self, model, change, words, company, app, clock):
        one = template(company, app, interv="h")
        assert one.next_schedule == NEXT
        before = model.objects.values(*change).get()
        model.objects.update(**change)
        one = refreshed(one)
        assert one.next_schedule is None
        [reason] = schedulable.reasons(one)
        assert words in reason

        model.objects.update(**before)
        clock.forward(hours=5)
        one = refreshed(one)
        assert one.next_schedule == NEXT + timedelta(hours=5)
        assert schedulable.reasons(one) == []

    @pytest.mark.parametrize("skip_days", [5, True, {"weekend": True}, "weekend", [5]])
    def test_a_list_of_days_that_is_none_breaks_neither_recomputation_nor_healing(self, skip_days, company, app, clock):
        good = unscheduled(company, app, interv="h")
        bad = unscheduled(company, app, interv="h", skip_days=skip_days)
        assert healing.heal(clock.instant) == 1
        assert dict(RunTemplate.objects.values_list("pk", "next_schedule")) == {good.pk: NEXT, bad.pk: None}
        [reason] = schedulable.reasons(RunTemplate.objects.select_related("company", "app").get(pk=bad.pk))
        assert "Skipped day" in reason

    @pytest.mark.parametrize(
        "change",
        [
            {"interv": "c", "cron": "nonsense"},
            {"interv": "x"},
            {"timezone": "Mars/Olympus"},
            {"skip_days": ["someday"]},
            {"skip_days": 5},
        ],
    )
    def test_a_cadence_that_cannot_be_read_has_no_slot(self, change, company):
        one = RunTemplate(company=company, **{"interv": "h"} | change)
        assert schedulable.first_slot(one, NOON) is None

    def test_several_are_said_together(self, company, app):
        one = unscheduled(company, app, active=False)
        Company.objects.update(enabled=False)
        one = RunTemplate.objects.select_related("company", "app").get(pk=one.pk)
        assert len(schedulable.reasons(one)) == 3

    def test_a_cadence_that_is_over_is_no_obstacle_and_has_no_slot(self, company, app, clock):
        one = template(company, app, interv="h", valid_to=NOON)
        assert (one.next_schedule, schedulable.reasons(one)) == (None, [])

    @pytest.mark.parametrize(
        ("change", "expected"),
        [
            ({"interv": "d"}, wall("2026-06-16 00:00")),
            ({"skip_days": ["2026-06-15"]}, wall("2026-06-16 00:00")),
            ({"valid_from": wall("2026-06-20 12:00")}, wall("2026-06-20 12:00")),
            ({"valid_to": NOON}, None),
            ({"timezone": "Asia/Kathmandu"}, NOON + timedelta(minutes=15)),
        ],
    )
    def test_a_changed_cadence_is_computed_anew(self, change, expected, company, app):
        one = template(company, app, interv="h")
        RunTemplate.objects.update(**change)
        assert refreshed(one, cadence_changed=True).next_schedule == expected

    def test_many_cost_no_more_statements(self, company, app, clock, queries):
        due_templates(company, app, 200, clock.instant, next_schedule=None)
        ids = list(RunTemplate.objects.values_list("pk", flat=True))
        with queries(8):
            schedulable.refresh(ids)
        assert set(RunTemplate.objects.values_list("next_schedule", flat=True)) == {NEXT}

    def test_nothing_changed_writes_nothing(self, company, app, clock, django_capture_on_commit_callbacks, queries):
        one = template(company, app, interv="h")
        with queries(6):
            schedulable.refresh([one.pk])
        with queries(0):
            schedulable.refresh([])


class TestCompleteness:
    @pytest.fixture
    def one(self, company, app) -> RunTemplate:
        declare(app, "CITY", required=True)
        return template(company, app, interv="h")

    def test_a_required_value_that_is_missing_stops_the_schedule(self, one):
        assert (one.complete, one.next_schedule, missing(one)) == (False, None, ["CITY"])
        [reason] = schedulable.reasons(one)
        assert "CITY" in reason

    @pytest.mark.parametrize("layer", ["default", "company", "run template", "credential", "upload"])
    def test_any_layer_completes_it(self, layer, one, company, app):
        match layer:
            case "default":
                app.fields.update(defval="Brno")
            case "company":
                company_value(company, "CITY", "Brno")
            case "run template":
                configure(one, "CITY", "Brno")
            case "credential":
                assign(one, Bank(company).credential(CITY="Brno"))
            case "upload":
                one.uploads.create(field="CITY", file_name="city.txt")
        one = refreshed(one)
        assert (one.complete, one.next_schedule, missing(one)) == (True, NEXT, [])

    @pytest.mark.parametrize(
        "change",
        [
            lambda one, company: configure(one, "CITY", ""),
            lambda one, company: configure(one, "CITY", None),
            lambda one, company: configure(one, "CITY", "Brno", inactive=True),
            lambda one, company: configure(one, "TOWN", "Brno"),
            lambda one, company: company_value(company, "CITY", ""),
            lambda one, company: company_value(Company.objects.create(name="Other"), "CITY", "Brno"),
        ],
    )
    def test_what_is_no_value_does_not(self, change, one, company):
        change(one, company)
        assert missing(one) == ["CITY"]

    def test_an_obsolete_field_asks_for_nothing(self, one, app):
        app.fields.update(obsolete=True)
        assert missing(one) == []

    def test_loses_its_schedule_when_a_value_goes(self, one):
        configure(one, "CITY", "Brno")
        assert refreshed(one).next_schedule == NEXT
        one.configuration.all().delete()
        one = refreshed(one)
        assert (one.complete, one.next_schedule) == (False, None)


class TestRequirements:
    @pytest.fixture
    def bank(self, company) -> Bank:
        bank = Bank(company, name="MServer")
        bank.prototype.fields.update(required=True)
        return bank

    @pytest.mark.parametrize("word", ["MServer", "mserver", "Pohoda", " pohodamserver ", "POHODA"])
    def test_are_met_by_an_assigned_credential_under_any_of_its_names(self, word, bank, company, app):
        app.requirements = [word]
        app.save()
        one = template(company, app, interv="h")
        assert (one.complete, len(missing(one))) == (False, 1)
        assert "MServer" in missing(one)[0]
        assign(one, bank.credential(LOGIN="a", TOKEN="b", URL="c"))
        assert refreshed(one).next_schedule == NEXT

    def test_are_met_by_all_their_values_from_elsewhere(self, bank, company, app):
        app.requirements = ["Pohoda"]
        app.save()
        one = template(company, app, interv="h")
        for name in ("LOGIN", "TOKEN"):
            company_value(company, name, "x")
        assert len(missing(one)) == 1
        configure(one, "URL", "x")
        assert missing(one) == []

    def test_are_not_met_by_another_kind(self, bank, company, app):
        app.requirements = ["MServer"]
        app.save()
        one = template(company, app, interv="h")
        assign(one, Bank(company, name="Mail").credential(LOGIN="a"))
        assert len(missing(one)) == 1

    def test_of_many_run_templates_cost_no_more_statements(self, bank, company, app, queries):
        app.requirements = ["MServer"]
        app.save()
        for _ in range(20):
            assign(unscheduled(company, app), bank.credential(LOGIN="a"))
        templates = list(RunTemplate.objects.select_related("app", "company"))
        with queries(2):
            found = missing_by_template(templates)
        assert set(map(tuple, found.values())) == {()}


class TestHealing:
    def test_gives_a_forgotten_one_its_next_slot(self, company, app, clock):
        one = unscheduled(company, app, interv="h")
        assert healing.heal(clock.instant) == 1
        one.refresh_from_db()
        assert one.next_schedule == NEXT

    @pytest.mark.parametrize(
        ("model", "change"),
        [
            (RunTemplate, {"active": False}),
            (RunTemplate, {"complete": False}),
            (RunTemplate, {"interv": "n"}),
            (RunTemplate, {"archived_at": NOON}),
            (Company, {"enabled": False}),
            (Company, {"archived_at": NOON}),
            (Application, {"enabled": False}),
            (Application, {"retired_at": NOON}),
        ],
    )
    @pytest.mark.parametrize("due", [NOON - timedelta(days=1), NEXT])
    def test_takes_it_from_one_that_is_not_schedulable(self, model, change, due, company, app, clock):
        one = unscheduled(company, app, interv="h", next_schedule=due)
        model.objects.update(**change)
        healing.heal(clock.instant)
        one.refresh_from_db()
        assert one.next_schedule is None

    @pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=1), timedelta(days=400)])
    def test_moves_nothing_that_is_due(self, late, company, app, clock):
        one = unscheduled(company, app, interv="h", next_schedule=NOON - late)
        assert healing.heal(clock.instant) == 0
        one.refresh_from_db()
        assert one.next_schedule == NOON - late

    @pytest.mark.parametrize(
        ("code", "plausible", "implausible"),
        [
            ("i", timedelta(minutes=1), timedelta(minutes=3)),
            ("h", timedelta(hours=1), timedelta(hours=3)),
            ("d", timedelta(hours=24), timedelta(days=3)),
            ("w", timedelta(days=7), timedelta(days=15)),
            ("m", timedelta(days=31), timedelta(days=70)),
            ("y", timedelta(days=366), timedelta(days=800)),
        ],
    )
    def test_moves_only_what_is_farther_than_two_periods(self, code, plausible, implausible, company, app, clock):
        near = unscheduled(company, app, interv=code, next_schedule=NOON + plausible)
        far = unscheduled(company, app, interv=code, next_schedule=NOON + implausible)
        assert healing.heal(clock.instant) == 1
        near.refresh_from_db()
        far.refresh_from_db()
        assert near.next_schedule == NOON + plausible
        assert NOON < far.next_schedule <= NOON + plausible

    def test_leaves_a_late_beginning_alone(self, company, app, clock):
        one = template(company, app, interv="h", valid_from=NOON + timedelta(days=30))
        assert healing.heal(clock.instant) == 0
        one.refresh_from_db()
        assert one.next_schedule == NOON + timedelta(days=30)

    def test_deletes_nothing(self, company, app, clock):
        one = unscheduled(company, app, interv="m", next_schedule=NOON - timedelta(days=5))
        queue(one, after=NOON + timedelta(days=4000))
        for _ in range(2):
            healing.heal(clock.instant)
        assert (Job.objects.count(), one.queue_entries.count()) == (1, 1)

    def test_is_done_in_parts(self, company, app, clock, monkeypatch):
        monkeypatch.setattr(healing, "HEAL_AT_MOST", 2)
        due_templates(company, app, 5, NOON, next_schedule=None)
        assert [healing.heal(clock.instant) for _ in range(4)] == [2, 2, 1, 0]

    def test_comes_to_the_others_when_many_cannot_be_healed(self, company, app, clock, monkeypatch):
        """Rows without any slot must not use up every part for themselves."""
        monkeypatch.setattr(healing, "HEAL_AT_MOST", 2)
        due_templates(company, app, 5, NOON, next_schedule=None, interv="c", cron="nonsense")
        good = unscheduled(company, app, interv="h")
        for _ in range(5):
            healing.heal(clock.instant)
        good.refresh_from_db()
        assert good.next_schedule == NEXT

"""What holds secrets in these tests."""

from __future__ import annotations

import pytest

from multiflexi.models import Application, Company, RunTemplate


def make_template(company: Company) -> RunTemplate:
    app, _ = Application.objects.get_or_create(
        code="bank",
        defaults={"name": "Bank", "executable": "/bin/true", "uuid": "44444444-4444-4444-8444-444444444444"},
    )
    return RunTemplate.objects.create(app=app, company=company, name=f"Bank of {company.name}")


@pytest.fixture
def template(ring: None, acme: Company) -> RunTemplate:
    return make_template(acme)

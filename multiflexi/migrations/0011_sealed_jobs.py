"""The few ended jobs that hold sealed values are found without reading all; MariaDB has no such index and reads."""

from django.db import migrations, models

from multiflexi.models.sealed import EndedWithEnvelopes


class Migration(migrations.Migration):
    dependencies = (("multiflexi", "0010_credential_checks"),)

    operations = (
        migrations.AddIndex(
            "job", models.Index(fields=("id",), condition=models.Q(EndedWithEnvelopes()), name="job_sealed")
        ),
    )

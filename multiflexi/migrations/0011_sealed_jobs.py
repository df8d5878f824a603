"""The few jobs that hold sealed values are found without reading all of them; MariaDB has no such index and reads."""

from django.db import migrations

from multiflexi.models.sealed import sealed_index


class Migration(migrations.Migration):
    dependencies = (("multiflexi", "0010_credential_checks"),)

    operations = (
        migrations.AddIndex("job", sealed_index("env", "job_sealed_env")),
        migrations.AddIndex("job", sealed_index("overrides", "job_sealed_overrides")),
    )

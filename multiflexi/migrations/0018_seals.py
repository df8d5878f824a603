"""The chain over the audit entries."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("multiflexi", "0016_sign_in")]
    operations = [
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("created_at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ("entries", models.JSONField()),
                ("first_id", models.BigIntegerField(db_index=True)),
                ("last_id", models.BigIntegerField(db_index=True)),
                ("prev_hash", models.CharField(max_length=64, unique=True)),
                ("seal_hash", models.CharField(max_length=64, unique=True)),
                ("exported_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={"db_table": "audit_seal"},
        )
    ]

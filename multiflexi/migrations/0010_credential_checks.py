"""Who checks a credential now, and which job was started with which credential."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("multiflexi", "0009_fast_compression")]
    operations = [
        migrations.AddField("credential", "checking_by", models.CharField(blank=True, max_length=32, null=True)),
        migrations.AddField("credential", "checking_until", models.DateTimeField(blank=True, null=True)),
        migrations.CreateModel(
            name="CredentialUse",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "job_id", "credential_id", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("version", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                (
                    "credential",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="uses",
                        to="multiflexi.credential",
                    ),
                ),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="credential_uses",
                        to="multiflexi.job",
                    ),
                ),
            ],
            options={
                "db_table": "credential_use",
                "indexes": [models.Index(fields=["credential", "at"], name="credential_use_at")],
            },
        ),
    ]

"""Files uploaded for fields of credentials, and files that runs hand on to each other."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("multiflexi", "0011_sealed_jobs")]
    operations = [
        migrations.RemoveConstraint("filestore", "file_store_owner"),
        migrations.AddField(
            "filestore",
            "credential_value",
            models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="upload",
                to="multiflexi.credentialvalue",
            ),
        ),
        migrations.AddConstraint(
            "filestore",
            models.CheckConstraint(
                condition=models.Q(
                    ("job__isnull", False),
                    ("runtemplate__isnull", False),
                    ("credential_value__isnull", False),
                    _connector="OR",
                ),
                name="file_store_owner",
            ),
        ),
        migrations.CreateModel(
            name="KeptFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("variable", models.CharField(max_length=64)),
                ("owner", models.CharField(max_length=64)),
                ("content", models.TextField(blank=True, default="")),
                ("is_encrypted", models.BooleanField(default=False)),
                ("updated_at", models.DateTimeField(blank=True, null=True)),
                (
                    "company",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="kept_files",
                        to="multiflexi.company",
                    ),
                ),
            ],
            options={
                "db_table": "kept_file",
                "constraints": [
                    models.UniqueConstraint(fields=("company", "variable", "owner"), name="kept_file_owner")
                ],
            },
        ),
    ]

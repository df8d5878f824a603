"""Passkeys beside the codes of an app."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("multiflexi", "0021_data_exports")]
    operations = [
        migrations.AddField(
            "SecondFactor",
            "passkeys_since",
            models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            "SecondFactor",
            "handle",
            models.CharField(blank=True, max_length=86, null=True, unique=True),
        ),
        migrations.CreateModel(
            "Passkey",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=64)),
                ("domain", models.CharField(max_length=253)),
                ("credential_hash", models.CharField(max_length=64, unique=True)),
                ("credential", models.TextField()),
                ("sign_count", models.BigIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="passkeys",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"db_table": "passkey"},
        ),
    ]

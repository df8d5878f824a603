"""A second factor, the codes that stand in for it, and the limits of OAuth2 clients."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

KEY = models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")


class Migration(migrations.Migration):
    dependencies = [("multiflexi", "0015_events")]
    operations = [
        migrations.CreateModel(
            "SecondFactor",
            [
                ("id", KEY),
                ("secret", models.TextField(blank=True, default="")),
                ("last_step", models.BigIntegerField(default=0)),
                ("failures", models.IntegerField(default=0)),
                ("locked_until", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="second_factor",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"db_table": "second_factor"},
        ),
        migrations.CreateModel(
            "OAuthClient",
            [
                ("id", KEY.clone()),
                ("client_id", models.CharField(max_length=255, unique=True)),
                ("scopes", models.JSONField(default=list)),
                (
                    "account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="oauth_clients",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={"db_table": "oauth_client"},
        ),
        migrations.CreateModel(
            "RecoveryCode",
            [
                ("id", KEY.clone()),
                ("code_hash", models.CharField(max_length=64)),
                ("used_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recovery_codes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "recovery_code",
                "constraints": [
                    models.UniqueConstraint(fields=("user", "code_hash"), name="recovery_code_of_user"),
                ],
            },
        ),
    ]

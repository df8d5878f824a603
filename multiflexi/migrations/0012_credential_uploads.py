"""Files uploaded for fields of credentials."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("multiflexi", "0010_credential_checks")]
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
    ]

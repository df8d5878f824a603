"""An index of the waiting rows by the instant they come due; where it cannot be partial the owner comes first in it."""

from django.db import migrations, models


def widen(apps, schema_editor):
    _replace(schema_editor, "`worker_id`, `after`")


def narrow(apps, schema_editor):
    _replace(schema_editor, "`after`")


def _replace(schema_editor, columns):
    if schema_editor.connection.vendor == "mysql":
        schema_editor.execute(
            f"ALTER TABLE `schedule` DROP INDEX `schedule_upcoming`, ADD INDEX `schedule_upcoming` ({columns})"
        )


class Migration(migrations.Migration):
    atomic = False  # MariaDB cannot roll back data definition
    dependencies = [("multiflexi", "0004_roles")]
    operations = [
        migrations.AddIndex(
            model_name="queueentry",
            index=models.Index(
                condition=models.Q(("worker__isnull", True)), fields=["after"], name="schedule_upcoming"
            ),
        ),
        migrations.RunPython(widen, narrow),
    ]

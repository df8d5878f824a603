"""The queue row knows the application, and waiting rows are found by company in the order they are taken."""

import django.db.models.deletion
from django.db import migrations, models


def application(**more):
    return models.ForeignKey(
        "multiflexi.application",
        on_delete=django.db.models.deletion.DO_NOTHING,
        db_constraint=False,
        db_index=False,
        related_name="+",
        **more,
    )


def drop_ready(apps, schema_editor):
    """The index that stands for the partial one where there are none."""
    if schema_editor.connection.vendor == "mysql":
        schema_editor.execute("DROP INDEX `schedule_ready` ON `schedule`")


def add_ready(apps, schema_editor):
    if schema_editor.connection.vendor == "mysql":
        schema_editor.execute("CREATE INDEX `schedule_ready` ON `schedule` (`worker_id`, `priority`, `after`, `id`)")


class Migration(migrations.Migration):
    atomic = False  # MariaDB cannot roll back data definition, PostgreSQL not change a table with pending checks
    dependencies = [("multiflexi", "0006_wall_seconds")]
    operations = [
        migrations.AddField("queueentry", "app", application(null=True)),
        migrations.RunSQL(
            "UPDATE schedule SET app_id = (SELECT job.app_id FROM job WHERE job.id = schedule.job_id)",
            migrations.RunSQL.noop,
        ),
        migrations.AlterField("queueentry", "app", application()),
        migrations.RemoveIndex("queueentry", "schedule_waiting"),
        migrations.RunPython(drop_ready, add_ready),
        migrations.AddIndex(
            "queueentry",
            models.Index(
                condition=models.Q(("worker__isnull", True)),
                fields=["company", "priority", "after", "id"],
                name="schedule_company_waiting",
            ),
        ),
    ]

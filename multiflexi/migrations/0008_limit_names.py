"""Names of limits without company are unique among themselves; NULLs never collide, so the key of both cannot tell."""

from django.db import migrations, models


def add(apps, schema_editor):
    """Where indexes cannot be partial, a generated column that is NULL where this one would not look."""
    if schema_editor.connection.vendor == "mysql":
        schema_editor.execute(
            "ALTER TABLE `named_limit` "
            "ADD COLUMN `shared_name` VARCHAR(190) GENERATED ALWAYS AS (IF(`company_id` IS NULL, `name`, NULL)) VIRTUAL, "
            "ADD UNIQUE INDEX `named_limit_shared_name` (`shared_name`)"
        )


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "mysql":
        schema_editor.execute(
            "ALTER TABLE `named_limit` DROP INDEX `named_limit_shared_name`, DROP COLUMN `shared_name`"
        )


class Migration(migrations.Migration):
    atomic = False  # MariaDB cannot roll back data definition
    dependencies = [("multiflexi", "0007_queue_application")]
    operations = [
        migrations.AddConstraint(
            "namedlimit",
            models.UniqueConstraint(
                condition=models.Q(("company__isnull", True)), fields=("name",), name="named_limit_shared_name"
            ),
        ),
        migrations.RunPython(add, remove),
    ]

"""MariaDB and MySQL have no partial indexes; what those would serve and guard is done by other means there."""

from django.db import migrations

INDEXES = {
    "schedule_ready": ("schedule", "`worker_id`, `priority`, `after`, `id`"),
}

# A generated column that is NULL where the partial unique index would not look, because NULLs never collide.
UNIQUE = {
    "company_slug": ("company", "slug_key", "VARCHAR(64)", "NULLIF(`slug`, '')"),
}


def add(apps, schema_editor):
    if schema_editor.connection.vendor != "mysql":
        return
    for name, (table, columns) in INDEXES.items():
        schema_editor.execute(f"CREATE INDEX `{name}` ON `{table}` ({columns})")
    for name, (table, column, kind, expression) in UNIQUE.items():
        schema_editor.execute(
            f"ALTER TABLE `{table}` ADD COLUMN `{column}` {kind} GENERATED ALWAYS AS ({expression}) VIRTUAL, "
            f"ADD UNIQUE INDEX `{name}` (`{column}`)"
        )


def remove(apps, schema_editor):
    if schema_editor.connection.vendor != "mysql":
        return
    for name, (table, _columns) in INDEXES.items():
        schema_editor.execute(f"DROP INDEX `{name}` ON `{table}`")
    for name, (table, column, _kind, _expression) in UNIQUE.items():
        schema_editor.execute(f"ALTER TABLE `{table}` DROP INDEX `{name}`, DROP COLUMN `{column}`")


class Migration(migrations.Migration):
    atomic = False  # MariaDB cannot roll back data definition
    dependencies = [("multiflexi", "0002_schema")]
    operations = [migrations.RunPython(add, remove)]

"""MariaDB and MySQL have no partial indexes; what those would serve gets a plain index there."""

from django.db import migrations

INDEXES = {
    "schedule_ready": ("schedule", "`worker_id`, `priority`, `after`, `id`"),
    "company_slug": ("company", "`slug`"),
}


def add(apps, schema_editor):
    if schema_editor.connection.vendor == "mysql":
        for name, (table, columns) in INDEXES.items():
            schema_editor.execute(f"CREATE INDEX `{name}` ON `{table}` ({columns})")


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "mysql":
        for name, (table, _columns) in INDEXES.items():
            schema_editor.execute(f"DROP INDEX `{name}` ON `{table}`")


class Migration(migrations.Migration):
    atomic = False  # MariaDB cannot roll back data definition
    dependencies = [("multiflexi", "0002_schema")]
    operations = [migrations.RunPython(add, remove)]

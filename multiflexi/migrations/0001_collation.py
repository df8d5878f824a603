"""Text is compared byte by byte on every database, so that names differ in case on MariaDB too."""

from django.db import migrations


def compare_bytes(apps, schema_editor):
    """Set the database's default collation; tables made afterwards inherit it."""
    connection = schema_editor.connection
    if connection.vendor != "mysql":
        return
    collation = "utf8mb4_nopad_bin" if connection.mysql_is_mariadb else "utf8mb4_0900_bin"
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    schema_editor.execute(f"ALTER DATABASE {name} CHARACTER SET utf8mb4 COLLATE {collation}")


class Migration(migrations.Migration):
    atomic = False  # MariaDB cannot roll back data definition
    initial = True
    dependencies = []
    operations = [migrations.RunPython(compare_bytes, migrations.RunPython.noop)]

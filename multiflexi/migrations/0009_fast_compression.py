"""Contents of artifacts are compressed by a faster method where PostgreSQL has it: it takes a third of the time."""

from django.db import DatabaseError, migrations, transaction
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

COLUMNS = (("artifact_chunks", "data"), ("artifacts", "artifact"))


def compress_fast(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor != "postgresql":
        return
    for table, column in COLUMNS:
        try:
            with transaction.atomic(using=schema_editor.connection.alias):
                schema_editor.execute(f'ALTER TABLE {table} ALTER COLUMN {column} SET COMPRESSION lz4')
        except DatabaseError:
            # A server built without lz4 goes on with its own method.
            return


def compress_as_before(apps: StateApps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table, column in COLUMNS:
            schema_editor.execute(f'ALTER TABLE {table} ALTER COLUMN {column} SET COMPRESSION default')


class Migration(migrations.Migration):
    dependencies = (("multiflexi", "0008_limit_names"),)

    operations = (migrations.RunPython(compress_fast, compress_as_before),)

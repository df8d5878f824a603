"""Sources of events, and rules that make jobs of them."""
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("multiflexi", "0014_rate_windows")]

    operations = [
        migrations.CreateModel(
            name='EventSource',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('updated_at', models.DateTimeField(blank=True, null=True)),
                ('name', models.CharField(max_length=255, unique=True)),
                ('adapter_type', models.CharField(default='abraflexi-webhook', max_length=128)),
                ('db_connection', models.CharField(choices=[('mysql', 'MySQL'), ('pgsql', 'PostgreSQL'), ('sqlite', 'SQLite')], default='mysql', max_length=10)),
                ('db_host', models.CharField(blank=True, default='localhost', max_length=255)),
                ('db_port', models.CharField(blank=True, default='3306', max_length=10)),
                ('db_database', models.CharField(blank=True, max_length=255, null=True)),
                ('db_username', models.CharField(blank=True, max_length=255, null=True)),
                ('db_password', models.TextField(blank=True, null=True)),
                ('config', models.JSONField(blank=True, null=True)),
                ('enabled', models.BooleanField(db_index=True, default=True)),
                ('last_processed_id', models.BigIntegerField(default=0)),
                ('poll_interval', models.PositiveIntegerField(default=60)),
                ('last_polled_at', models.DateTimeField(blank=True, null=True)),
                ('state', models.CharField(choices=[('ok', 'In order'), ('error', 'Error'), ('paused', 'Paused'), ('unknown', 'Not polled yet')], default='unknown', max_length=16)),
                ('last_error', models.TextField(blank=True, null=True)),
                ('backlog', models.PositiveIntegerField(blank=True, null=True)),
                ('company', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='event_sources', to='multiflexi.company')),
            ],
            options={
                'db_table': 'event_source',
            },
        ),
        migrations.CreateModel(
            name='EventRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('updated_at', models.DateTimeField(blank=True, null=True)),
                ('name', models.CharField(blank=True, max_length=255, null=True)),
                ('evidence', models.CharField(blank=True, max_length=60, null=True)),
                ('operation', models.CharField(choices=[('any', 'Any'), ('create', 'Create'), ('update', 'Update'), ('delete', 'Delete')], default='any', max_length=10)),
                ('conditions', models.JSONField(blank=True, null=True)),
                ('env_mapping', models.JSONField(blank=True, null=True)),
                ('enabled', models.BooleanField(default=True)),
                ('priority', models.IntegerField(default=0)),
                ('stop_processing', models.BooleanField(default=False)),
                ('debounce_seconds', models.PositiveIntegerField(default=0)),
                ('debounce_key', models.CharField(blank=True, max_length=255, null=True)),
                ('max_per_hour', models.PositiveIntegerField(blank=True, null=True)),
                ('last_fired_at', models.DateTimeField(blank=True, null=True)),
                ('runtemplate', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='event_rules', to='multiflexi.runtemplate')),
                ('runtemplate_source', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='following_rules', to='multiflexi.runtemplate')),
                ('event_source', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='rules', to='multiflexi.eventsource')),
            ],
            options={
                'db_table': 'event_rule',
            },
        ),
        migrations.AddConstraint(
            model_name='eventsource',
            constraint=models.CheckConstraint(condition=models.Q(('db_connection__in', ['mysql', 'pgsql', 'sqlite'])), name='event_source_db_connection_known'),
        ),
        migrations.AddConstraint(
            model_name='eventsource',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['ok', 'error', 'paused', 'unknown'])), name='event_source_state_known'),
        ),
        migrations.AddIndex(
            model_name='eventrule',
            index=models.Index(fields=['evidence', 'operation'], name='event_rule_evidence'),
        ),
        migrations.AddIndex(
            model_name='eventrule',
            index=models.Index(fields=['runtemplate_source', 'enabled'], name='event_rule_chain'),
        ),
        migrations.AddIndex(
            model_name='eventrule',
            index=models.Index(fields=['event_source', 'enabled'], name='event_rule_source'),
        ),
        migrations.AddConstraint(
            model_name='eventrule',
            constraint=models.CheckConstraint(condition=models.Q(('operation__in', ['any', 'create', 'update', 'delete'])), name='event_rule_operation_known'),
        ),
        migrations.AddConstraint(
            model_name='eventrule',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('event_source__isnull', False), ('runtemplate_source__isnull', True)), models.Q(('event_source__isnull', True), ('runtemplate_source__isnull', False)), _connector='OR'), name='event_rule_one_cause'),
        ),
    ]

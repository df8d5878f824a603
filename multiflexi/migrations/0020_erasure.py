"""Requests to erase data of persons, and what was done about them."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('multiflexi', '0018_seals'),
    ]

    operations = [
        migrations.CreateModel(
            name='ErasureRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('updated_at', models.DateTimeField(blank=True, null=True)),
                ('user_login', models.CharField(max_length=150)),
                ('request_date', models.DateTimeField(default=django.utils.timezone.now)),
                ('reason', models.TextField(blank=True, null=True)),
                ('deletion_type', models.CharField(choices=[('soft', 'Disable the account'), ('anonymize', 'Replace what names the person'), ('hard', 'Delete the account where nothing depends on it')], default='soft', max_length=10)),
                ('status', models.CharField(choices=[('pending', 'Waiting for a decision'), ('approved', 'Approved'), ('scheduled', 'Scheduled'), ('completed', 'Carried out'), ('rejected', 'Rejected'), ('cancelled', 'Withdrawn')], db_index=True, default='pending', max_length=10)),
                ('review_date', models.DateTimeField(blank=True, null=True)),
                ('review_notes', models.TextField(blank=True, null=True)),
                ('due_at', models.DateTimeField(blank=True, db_index=True, null=True)),
                ('completed_date', models.DateTimeField(blank=True, null=True)),
                ('legal_basis', models.CharField(blank=True, max_length=255, null=True)),
                ('retention_period_days', models.PositiveIntegerField(blank=True, null=True)),
                ('requested_by', models.ForeignKey(blank=True, db_column='requested_by_user_id', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('reviewed_by', models.ForeignKey(blank=True, db_column='reviewed_by_user_id', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='erasure_requests', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'user_deletion_requests',
            },
        ),
        migrations.CreateModel(
            name='ErasureStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('table_name', models.CharField(db_index=True, max_length=128)),
                ('record_id', models.BigIntegerField(blank=True, null=True)),
                ('rows', models.PositiveIntegerField(db_column='row_count', default=0)),
                ('action', models.CharField(choices=[('deleted', 'Deleted'), ('anonymized', 'Anonymised'), ('retained', 'Kept')], max_length=10)),
                ('reason', models.CharField(blank=True, max_length=255, null=True)),
                ('performed_date', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ('deletion_request', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='multiflexi.erasurerequest')),
                ('performed_by', models.ForeignKey(blank=True, db_column='performed_by_user_id', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'db_table': 'user_deletion_audit',
            },
        ),
        migrations.AddConstraint(
            model_name='erasurerequest',
            constraint=models.CheckConstraint(condition=models.Q(('deletion_type__in', ['soft', 'anonymize', 'hard'])), name='erasure_request_deletion_type_known'),
        ),
        migrations.AddConstraint(
            model_name='erasurerequest',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ['pending', 'approved', 'scheduled', 'completed', 'rejected', 'cancelled'])), name='erasure_request_status_known'),
        ),
        migrations.AddConstraint(
            model_name='erasurestep',
            constraint=models.CheckConstraint(condition=models.Q(('action__in', ['deleted', 'anonymized', 'retained'])), name='erasure_step_action_known'),
        ),
    ]

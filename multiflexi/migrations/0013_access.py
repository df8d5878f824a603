"""Memberships may end; who only runs things retries and cancels no more than their own jobs."""

from django.db import migrations, models

OWN = ("retry", "cancel")


def narrow(apps, schema_editor):
    def model(name):
        return apps.get_model("multiflexi", name).objects

    user = model("Role").get(name="user")
    for action in OWN:
        model("RolePermission").filter(role=user, permission__name=f"jobs.{action}").delete()
        own = model("Permission").create(
            name=f"jobs.{action}_own", resource="jobs", action=f"{action}_own", is_system=True
        )
        for role in model("Role").filter(is_system=True).exclude(name="viewer"):
            model("RolePermission").create(role=role, permission=own)


def widen(apps, schema_editor):
    def model(name):
        return apps.get_model("multiflexi", name).objects

    user = model("Role").get(name="user")
    for action in OWN:
        model("Permission").filter(name=f"jobs.{action}_own").delete()
        model("RolePermission").create(role=user, permission=model("Permission").get(name=f"jobs.{action}"))


class Migration(migrations.Migration):
    dependencies = [("multiflexi", "0010_credential_checks")]
    operations = [
        migrations.AddField("companyuser", "expires_at", models.DateTimeField(blank=True, null=True)),
        migrations.RunPython(narrow, widen),
    ]

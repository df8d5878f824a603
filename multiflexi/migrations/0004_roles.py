"""System roles with their permissions, and the technical account of the daemons."""

from django.db import migrations

ROLES = {
    "super_admin": ("S", "Super administrator", "All rights in all companies"),
    "admin": ("A", "Administrator", "Runs the installation"),
    "editor": ("E", "Editor", "Changes what runs"),
    "user": ("U", "User", "Runs and configures"),
    "viewer": ("V", "Viewer", "Looks on"),
}

# Permission names to the initials of the roles that hold them by default.
GRANTS = {
    "system": {"admin": "S", "config": "SA", "backup": "S", "logs": "SA"},
    "users": {"create": "SA", "read": "SA", "update": "SA", "delete": "SA", "impersonate": "S"},
    "roles": {"create": "S", "read": "SA", "update": "S", "delete": "S", "assign": "SA"},
    "companies": {"create": "SA", "read": "SAEUV", "update": "SAE", "delete": "SA", "members": "SAEU"},
    "applications": {"create": "SA", "read": "SAEUV", "update": "SAE", "delete": "SA"},
    "runtemplates": {"create": "SAEU", "update": "SAEU", "activate": "SAEU", "delete": "SAE"},
    "jobs": {
        "create": "SAEU",
        "read": "SAEUV",
        "update": "SAEU",
        "delete": "SA",
        "execute": "SAE",
        "retry": "SAEU",
        "cancel": "SAEU",
        "stop": "SAE",
    },
    "artifacts": {"read": "SAEUV"},
    "credentials": {
        "read": "SAEUV",
        "assign": "SAEU",
        "check": "SAEU",
        "write": "SAEU",
        "override": "SAE",
        "reveal": "SA",
    },
    "actions": {"custom_command": "SA", "retry": "SAE"},
    "security": {"audit": "SA", "config": "SA", "whitelist": "S"},
    "audit": {"export": "SA"},
    "privacy": {"manage": "SA"},
    "profile": {"read": "SAEUV", "update": "SAEU"},
}


def add(apps, schema_editor):
    def model(name):
        return apps.get_model("multiflexi", name).objects

    roles = {
        initial: model("Role").create(name=name, display_name=title, description=text, is_system=True)
        for name, (initial, title, text) in ROLES.items()
    }
    for resource, actions in GRANTS.items():
        for action, holders in actions.items():
            permission = model("Permission").create(
                name=f"{resource}.{action}", resource=resource, action=action, is_system=True
            )
            for initial in holders:
                model("RolePermission").create(role=roles[initial], permission=permission)
    # An unusable password: nobody can sign in as the technical account.
    model("User").create(login="multiflexi", is_system=True, enabled=False, password="!")


def remove(apps, schema_editor):
    apps.get_model("multiflexi", "Role").objects.all().delete()
    apps.get_model("multiflexi", "Permission").objects.all().delete()
    apps.get_model("multiflexi", "User").objects.filter(login="multiflexi", is_system=True).delete()


class Migration(migrations.Migration):
    dependencies = [("multiflexi", "0003_plain_indexes")]
    operations = [migrations.RunPython(add, remove)]

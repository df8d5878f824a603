"""What web processes change in the applications they install."""

from django.apps import AppConfig
from django.core.signals import request_started
from django.db.models.signals import post_migrate


class ServingConfig(AppConfig):
    name = "multiflexi.serving"
    label = "serving"

    def ready(self) -> None:
        from django.contrib.contenttypes.management import create_contenttypes

        from multiflexi.serving.connections import spare_checks

        # Rights are those of multiflexi.access; the tables of Django's own would be filled for nobody.
        post_migrate.disconnect(create_contenttypes)
        post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
        request_started.connect(spare_checks)

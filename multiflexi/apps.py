"""The one Django application of the platform."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MultiFlexiConfig(AppConfig):
    name = "multiflexi"
    label = "multiflexi"
    verbose_name = _("MultiFlexi")
    default_auto_field = "django.db.models.BigAutoField"

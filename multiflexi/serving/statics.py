"""Static files: with a hash in their names where they were collected, else as they are installed."""

from __future__ import annotations

from django.conf import settings
from django.urls import get_script_prefix
from whitenoise.storage import CompressedManifestStaticFilesStorage


class StaticFiles(CompressedManifestStaticFilesStorage):
    """Addresses below the prefix of the request at hand, of whatever files there are."""

    @property
    def base_url(self) -> str:
        """Read for each address, since it begins with the prefix of the request."""
        address = str(settings.STATIC_URL)
        return get_script_prefix() + address.lstrip("/") if address.startswith("/") else address

    def stored_name(self, name: str) -> str:
        """The name with its hash, or the plain one before the files were collected."""
        return str(super().stored_name(name)) if self.hashed_files else name

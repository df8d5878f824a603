"""The WSGI application; `gunicorn multiflexi.serving.wsgi` serves it."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "multiflexi.serving.settings")
application = get_wsgi_application()

"""Django settings of web processes, and of migrations and tests, which need the tables of all that they install."""

from django.utils.functional import SimpleLazyObject

from multiflexi.serving.secret_key import derived
from multiflexi.settings import *  # noqa: F403
from multiflexi.settings import INSTALLED_APPS as _PLATFORM
from multiflexi.settings import _values

INSTALLED_APPS = [
    *_PLATFORM,
    "multiflexi.serving.apps.ServingConfig",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]
MIDDLEWARE = [
    "multiflexi.http.requests.identify",
    "multiflexi.http.prefixes.strip_prefix",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "multiflexi.http.denials.record_denials",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "multiflexi.serving.urls"
WSGI_APPLICATION = "multiflexi.serving.wsgi.application"
# POST bodies would be lost in a redirect: every address is routed with and without its final slash.
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
SECRET_KEY = _values["SECRET_KEY"] or SimpleLazyObject(derived)
ALLOWED_HOSTS = _values["MULTIFLEXI_ALLOWED_HOSTS"]
STATIC_URL = _values["MULTIFLEXI_STATIC_URL"] or "static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = True
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "multiflexi.http.authentication.Basic",
        "multiflexi.http.authentication.Bearer",
        "multiflexi.http.authentication.ApiKey",
        "multiflexi.http.authentication.Session",
        "multiflexi.http.authentication.ApiKeyParameter",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "MultiFlexi",
    "DESCRIPTION": "Applications, companies, run templates, jobs and what became of them.",
    "VERSION": "2",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v2",
    "COMPONENT_SPLIT_REQUEST": True,
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        f"{name}Enum": f"multiflexi.models.{name}"
        for name in (
            "TaskState",
            "WorkerState",
            "Availability",
            "CompanyRole",
            "WorkerRole",
            "StopLevel",
            "SourceState",
        )
    },
}

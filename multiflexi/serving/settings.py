"""Django settings of web processes, and of migrations and tests, which need the tables of all that they install."""

import socket
import warnings
from pathlib import Path

from django.utils.functional import SimpleLazyObject

from multiflexi.environ import mail
from multiflexi.serving.secret_key import derived
from multiflexi.settings import *  # noqa: F403
from multiflexi.settings import INSTALLED_APPS as _PLATFORM
from multiflexi.settings import _values

_WEB = Path(__file__).parents[1] / "web"
INSTALLED_APPS = [
    *_PLATFORM,
    "multiflexi.serving.apps.ServingConfig",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "oauth2_provider",
]
MIDDLEWARE = [
    "multiflexi.http.requests.identify",
    "multiflexi.http.proxies.tell_scheme",
    "multiflexi.http.prefixes.strip_prefix",
    "multiflexi.http.request_log.log_requests",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "multiflexi.http.cookies.harden",
    "multiflexi.http.headers.protect",
    "multiflexi.http.cors.share",
    "multiflexi.http.bodies.limit_body",
    "multiflexi.http.compression.Compress",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "multiflexi.http.addresses.admit",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "multiflexi.http.sessions.watch",
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
        "DIRS": [_WEB / "templates"],
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
# The full name may take a look-up: only who answers requests waits for it.
ALLOWED_HOSTS = _values["MULTIFLEXI_ALLOWED_HOSTS"] or [
    socket.gethostname(),
    socket.getfqdn(),
    "localhost",
    "127.0.0.1",
    "[::1]",
]
STATIC_URL = _values["MULTIFLEXI_STATIC_URL"] or "/static/"
STATIC_ROOT = _values["MULTIFLEXI_STATIC_ROOT"]
STATICFILES_DIRS = [_WEB / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "multiflexi.serving.statics.StaticFiles"},
}
WHITENOISE_USE_FINDERS = not (STATIC_ROOT / "staticfiles.json").exists()
if WHITENOISE_USE_FINDERS:
    warnings.filterwarnings("ignore", "No directory at")
# Longer bodies are refused by multiflexi.http.bodies, with a reason.
DATA_UPLOAD_MAX_MEMORY_SIZE = _values["API_BODY_MAX_BYTES"]
AUTHENTICATION_BACKENDS = ["multiflexi.http.sessions.Accounts"]
LOGIN_URL = "sign_in"
PASSWORD_RESET_TIMEOUT = 3600
EMAIL_BACKEND, EMAIL_HOST, EMAIL_PORT, EMAIL_HOST_USER, EMAIL_HOST_PASSWORD, EMAIL_USE_TLS, EMAIL_USE_SSL = mail.server(
    _values["MULTIFLEXI_MAIL_URL"]
)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = _values["MULTIFLEXI_MAIL_FROM"]
SESSION_COOKIE_AGE = _values["MULTIFLEXI_SESSION_REMEMBER_DAYS"] * 24 * 3600
SESSION_ENGINE = "django.contrib.sessions.backends.db"
# The other storages sign, and /healthz must answer without the key that is derived from the database.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# Only told on encrypted connections.
SECURE_HSTS_SECONDS = 365 * 24 * 3600
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "multiflexi.http.failures.csrf_failure"
OAUTH2_PROVIDER = {
    "SCOPES_BACKEND_CLASS": "multiflexi.http.oauth.scopes.ClientScopes",
    "OAUTH2_VALIDATOR_CLASS": "multiflexi.http.oauth.validator.Validator",
    "ACCESS_TOKEN_GENERATOR": "multiflexi.http.oauth.validator.new_token",
    "REFRESH_TOKEN_GENERATOR": "multiflexi.http.oauth.validator.new_token",
    "OAUTH2_GRANT_TYPES_SUPPORTED": ["authorization_code", "client_credentials", "refresh_token"],
    "OAUTH2_RESPONSE_TYPES_SUPPORTED": ["code"],
    "AUTHORIZATION_CODE_EXPIRE_SECONDS": 60,
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 30 * 24 * 3600,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "PKCE_REQUIRED": True,
    "COMPLIANT_BCP_RFC9700_IMPLICIT_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PASSWORD_GRANT": True,
    "COMPLIANT_BCP_RFC9700_PKCE_METHOD": True,
    "COMPLIANT_BCP_RFC9700_ACCESS_TOKEN_TRANSPORT": True,
    "COMPLIANT_BCP_RFC9700_AUTHZ_RESPONSE_ISS": True,
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True,
    "COMPLIANT_BCP_RFC9700_REFRESH_TOKEN": True,
}
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
    "ENUM_NAME_OVERRIDES": {"FormatEnum": "multiflexi.models.application.DataFormat"}
    | {
        f"{name}Enum": f"multiflexi.models.{name}"
        for name in (
            "TaskState",
            "WorkerState",
            "Availability",
            "CompanyRole",
            "WorkerRole",
            "StopLevel",
            "SourceState",
            "DataExportFormat",
            "DataExportState",
            "ErasureAction",
            "ErasureStatus",
            "ErasureType",
        )
    },
}

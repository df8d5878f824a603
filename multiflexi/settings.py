"""Django settings: every variable of the environment is declared here, exactly once.

Values come from the process environment, then the settings file, then the default (see ``multiflexi.environ``).
Every declared variable is a Django setting of the same name with a typed value.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

from multiflexi import environ
from multiflexi.environ import CONNECTIONS, ROLES, Setting, group

_KIB, _MIB, _GIB = 1 << 10, 1 << 20, 1 << 30
_STATE = Path("/var/lib/multiflexi")
_HOST = socket.gethostname()
_LEVELS = ("debug", "info", "warning", "error")

declared = (
    *group(
        "Database",
        Setting("DB_CONNECTION", "choice", None, "kind of database; required", choices=CONNECTIONS),
        Setting("DB_HOST", "str", None, "host name or socket directory of the database server"),
        Setting("DB_PORT", "int", None, "port of the database server", minimum=1, maximum=65535),
        Setting("DB_DATABASE", "str", None, "name of the database; for sqlite the path of its file"),
        Setting("DB_USERNAME", "str", None, "account at the database server"),
        Setting("DB_PASSWORD", "str", None, "password of that account; may be empty", secret=True, keeps_empty=True),
        Setting("DB_SETTINGS", "options", {}, "driver options: name=value;name=value or a JSON object", secret=True),
        Setting("DB_POOL", "int", 0, "connections in the pool of a web process, PostgreSQL only; 0 = none", minimum=0),
        Setting("DB_CONN_MAX_AGE", "int", 600, "seconds an idle connection is kept", minimum=0),
        Setting("DB_PERSISTENT", "str", None, "accepted for old files, no effect"),
        Setting("DB_SETUP", "str", None, "accepted for old files, no effect"),
        Setting("DB_DEBUG", "str", None, "accepted for old files, no effect"),
        Setting("DB_TYPE", "str", None, "accepted for old files, no effect"),
        Setting(
            "MULTIFLEXI_SQLITE_SYNCHRONOUS",
            "choice",
            "full",
            "full: what is committed survives a power cut; normal: faster, the last commits may be forgotten",
            choices=("full", "normal"),
        ),
    ),
    *group(
        "Encryption",
        Setting(
            "ENCRYPTION_MASTER_KEY",
            "str",
            None,
            "secret that wraps the data keys",
            secret=True,
            shortest=32,
            aliases=("MULTIFLEXI_MASTER_KEY",),
        ),
        Setting(
            "ENCRYPTION_MASTER_KEY_PREVIOUS",
            "str",
            None,
            "the master key before, while it is being changed (encryption:rotate --master)",
            secret=True,
        ),
        Setting("MULTIFLEXI_MASTER_KEY_FILE", "path", None, "file holding the master key, mode 0400"),
        Setting("DATA_ENCRYPTION_ENABLED", "bool", True, "no effect: secrets are always encrypted"),
        Setting("MULTIFLEXI_CREDENTIAL_REVEAL", "bool", True, "whether credential:get --reveal shows stored secrets"),
    ),
    *group(
        "Installation",
        Setting("MULTIFLEXI_ENV_FILE", "path", None, "settings file; read from the process environment only"),
        Setting("MULTIFLEXI_TIMEZONE", "zone", None, "time zone of the installation", default_text="zone of the host"),
        Setting("MULTIFLEXI_TMP", "path", _STATE / "tmp", "directory of the job directories"),
        Setting("MULTIFLEXI_SPOOL", "path", _STATE / "spool", "root of the executors' spool directories, local disk"),
        Setting(
            "MULTIFLEXI_RUNTIME",
            "path",
            None,
            "directory of locks and sockets",
            default_text="RUNTIME_DIRECTORY of the unit, else run below MULTIFLEXI_TMP",
        ),
        Setting("RUNTIME_DIRECTORY", "path", None, "set by the service manager"),
        Setting(
            "MULTIFLEXI_MIN_FREE_MB", "int", 512, "free space below which nothing is claimed", minimum=0, live=True
        ),
        Setting(
            "MULTIFLEXI_ARTIFACT_STORAGE",
            "str",
            None,
            "storage shared by all hosts; unset = in the database (no effect yet)",
        ),
    ),
    *group(
        "Daemons",
        Setting(
            "MULTIFLEXI_DAEMONIZE",
            "bool",
            True,
            "loop; off = one cycle",
            roles=ROLES,
            role_defaults={"housekeeper": False},
        ),
        Setting(
            "MULTIFLEXI_CYCLE_PAUSE",
            "seconds",
            10,
            "longest pause between polls of executor and eventor",
            minimum=0.05,
            maximum=86400,
            roles=("executor", "eventor"),
            live=True,
        ),
        Setting(
            "MULTIFLEXI_MEMORY_LIMIT_MB",
            "int",
            0,
            "memory at which a daemon stops to be restarted; 0 = off",
            minimum=0,
            roles=ROLES,
            live=True,
        ),
        Setting("MULTIFLEXI_SCHEDULER_NAME", "str", _HOST, "name of the instance", default_text="host name"),
        Setting("MULTIFLEXI_EXECUTOR_NAME", "str", _HOST, "name of the instance", default_text="host name"),
    ),
    *group(
        "Logging",
        Setting("MULTIFLEXI_LOG_FORMAT", "choice", "keyvalue", "form of a log line", choices=("keyvalue", "json")),
        Setting(
            "MULTIFLEXI_LOG_LEVEL", "choice", "info", "least level logged", choices=_LEVELS, roles=ROLES, live=True
        ),
        Setting("APP_DEBUG", "bool", False, "log debug lines", live=True),
        Setting("DEBUG", "bool", False, "log debug lines", attribute="LOG_DEBUG", live=True),
        Setting("EASE_LOGGER", "list", [], "handed to jobs", separator="|"),
        Setting("LOG_DIRECTORY", "path", None, "directory of log files beside standard error; unset = none"),
        Setting("API_DEBUG", "bool", False, "log the HTTP traffic of actions, masked (no effect yet)"),
    ),
    *group(
        "Scheduler",
        Setting("INITIALIZE_SCHEDULING_INTERVAL", "seconds", 60, "pause between healing passes", minimum=1, live=True),
        Setting(
            "MULTIFLEXI_SCHEDULER_CYCLE_PAUSE", "seconds", 1, "longest pause", minimum=0.05, maximum=3600, live=True
        ),
        Setting(
            "MULTIFLEXI_SCHEDULER_BATCH", "int", 1000, "most run templates per transaction", minimum=1, maximum=10000
        ),
        Setting("MULTIFLEXI_CATCHUP_LIMIT", "int", 24, "most jobs per run template and pass, catch_up all", minimum=1),
        Setting("MULTIFLEXI_BACKFILL_LIMIT", "int", 1000, "most missed tasks per run template and pass", minimum=0),
        Setting(
            "MULTIFLEXI_MISFIRE_GRACE", "seconds", 60, "lateness that still counts as on time", minimum=0, live=True
        ),
    ),
    *group(
        "Executor",
        Setting(
            "MULTIFLEXI_MAX_PARALLEL",
            "int",
            max(4, 2 * (os.cpu_count() or 1)),
            "places of this instance, its most running jobs; 0 = unlimited",
            minimum=0,
            maximum=100_000,
            default_text="twice the processors, at least 4",
            live=True,
        ),
        Setting("MULTIFLEXI_EXECUTORS", "list", [], "modules this instance serves", default_text="all usable"),
        Setting(
            "MULTIFLEXI_STOP_MODE",
            "choice",
            "detach",
            "what SIGTERM does to running jobs",
            choices=("detach", "drain", "kill"),
            live=True,
        ),
        Setting(
            "MULTIFLEXI_POLL", "seconds", 0.25, "pause of the queue poll while work is near", minimum=0.01, live=True
        ),
        Setting("MULTIFLEXI_SHUTDOWN_GRACE", "seconds", 300, "longest drain; 0 = no limit", minimum=0, live=True),
        Setting("MULTIFLEXI_DETACH_SECONDS", "seconds", 86400, "leases of detached jobs", minimum=60, live=True),
        Setting("MULTIFLEXI_KILL_GRACE", "seconds", 10, "from SIGTERM to SIGKILL", minimum=0, live=True),
        Setting("MULTIFLEXI_LEASE_SECONDS", "seconds", 60, "length of a lease", minimum=5),
        Setting(
            "MULTIFLEXI_HEARTBEAT_SECONDS",
            "seconds",
            20,
            "renewal of leases and heartbeat",
            minimum=1,
            below="MULTIFLEXI_LEASE_SECONDS",
        ),
        Setting("MULTIFLEXI_FENCE_SECONDS", "seconds", 600, "how long a job may be alive unseen", minimum=1),
        Setting(
            "MULTIFLEXI_DEFER_MAX", "int", 100, "most deferrals of a job whose credentials cannot be used", minimum=1
        ),
        Setting(
            "MULTIFLEXI_DEFER_MAX_HOURS", "float", 24, "longest deferral of a job without task, in hours", minimum=0
        ),
        Setting("NATIVE_RUN_AS", "str", None, "account of Native jobs; company = mf-c<company id>; unset = our own"),
        Setting(
            "NATIVE_CONTROL_GROUP",
            "str",
            None,
            "directory of a control group (cgroup v2) delegated to the executor; none = use none",
            default_text="that of the unit where it is delegated",
        ),
        Setting("KUBECONFIG", "path", None, "access to the cluster (no effect yet)", default_text="~/.kube/config"),
        Setting("AZURE_RESOURCE_GROUP", "str", None, "resource group of container instances (no effect yet)"),
        Setting("AZURE_LOCATION", "str", "westeurope", "region of container instances (no effect yet)"),
        Setting("AZURE_CPU", "float", 1, "processors of a container instance (no effect yet)", minimum=0.1),
        Setting("AZURE_MEMORY", "float", 1.5, "memory of a container instance in GB (no effect yet)", minimum=0.1),
    ),
    *group(
        "Jobs",
        Setting(
            "MULTIFLEXI_JOB_TIMEOUT", "int", 32767, "default time limit in seconds; 0 = none", minimum=0, live=True
        ),
        Setting("MULTIFLEXI_JOB_MEMORY_MB", "int", None, "default memory limit of Native jobs", minimum=1, live=True),
        Setting("MULTIFLEXI_JOB_PROCESSES", "int", None, "default process limit of Native jobs", minimum=1, live=True),
        Setting("MULTIFLEXI_JOB_CPUS", "float", None, "default CPU limit of Native jobs", minimum=0.01, live=True),
        Setting("MULTIFLEXI_JOB_FILE_MB", "int", None, "default size limit of a job's files", minimum=1, live=True),
        Setting("MULTIFLEXI_JOB_ENV_DENY", "list", [], "further names never passed to jobs"),
        Setting("MULTIFLEXI_KEEP_JOB_SECRETS", "bool", False, "keep sealed secrets in the job after its end"),
        Setting(
            "MULTIFLEXI_KEEP_FAILED_DIRS",
            "float",
            0,
            "hours to keep the directory of a failed job",
            minimum=0,
            live=True,
        ),
        Setting("MULTIFLEXI_OUTPUT_MAX_BYTES", "bytes", 4 * _MIB, "most live lines of a job"),
        Setting("MULTIFLEXI_OUTPUT_TAIL_BYTES", "bytes", 64 * _KIB, "tail of each stream kept in the job"),
        Setting("MULTIFLEXI_OUTPUT_ARTIFACT_MAX_BYTES", "bytes", 256 * _MIB, "most kept of each stream, marked cut"),
        Setting("MULTIFLEXI_SPOOL_MAX_BYTES", "bytes", 4 * _GIB, "output at which a job is stopped"),
        Setting("MULTIFLEXI_ARTIFACT_MAX_BYTES", "bytes", 64 * _MIB, "most kept of one result file"),
        Setting("RUNTEMPLATE_ID", "int", 0, "run template of a one-shot run", minimum=0),
        Setting("JOB_ID", "int", 0, "job of a one-shot run", minimum=0),
        Setting("RESULT_FILE", "str", None, "file for the output of a one-shot run", default_text="standard output"),
        Setting(
            "RUNTEMPLATE_WAIT_TIMEOUT",
            "seconds",
            300,
            "longest wait of a one-shot run of a run template; 0 = ever",
            minimum=0,
        ),
        Setting("RUNTEMPLATE_WAIT_POLL", "seconds", 2, "pause between its looks", minimum=1),
    ),
    *group(
        "Credentials",
        Setting(
            "MULTIFLEXI_CHECK_ALLOW",
            "list",
            [],
            "names, addresses and networks of this host that checks of credentials may connect to all the same, such "
            "as localhost or 127.0.0.0/8",
        ),
        Setting(
            "MULTIFLEXI_CREDENTIAL_FILES",
            "path",
            None,
            "directory of the files that credentials may name: those in shared are for all companies, those in the "
            "folder with the number of a company for that one; unset = none",
        ),
    ),
    *group(
        "Web",
        Setting(
            "SECRET_KEY",
            "str",
            None,
            "key that web processes sign with",
            secret=True,
            default_text="derived from a data key",
        ),
        Setting(
            "MULTIFLEXI_ALLOWED_HOSTS",
            "list",
            [],
            "names and addresses this installation may be called by",
            default_text="host name, its full name and those of the loopback",
        ),
        Setting("MULTIFLEXI_PREFIXES", "list", ["/multiflexi"], "path prefixes that everything answers under as well"),
        Setting(
            "MULTIFLEXI_TRUSTED_PROXIES",
            "list",
            ["unix"],
            "proxies whose forwarded headers count: addresses, networks, and unix for a Unix socket",
        ),
        Setting("MULTIFLEXI_PUBLIC_URL", "url", None, "address in links of mails", default_text="from the request"),
        Setting(
            "MULTIFLEXI_STATIC_ROOT",
            "path",
            Path("/usr/share/multiflexi/static"),
            "directory of collected static files; as long as it holds none, they come from where they are installed",
        ),
        Setting("MULTIFLEXI_STATIC_URL", "url", None, "prefix of static files on another host", default_text="own"),
        Setting(
            "MULTIFLEXI_WEB_BIND",
            "str",
            "127.0.0.1:8000",
            "address or socket to serve at",
            default_text="socket of the service manager, else 127.0.0.1:8000",
        ),
        Setting("MULTIFLEXI_WEB_WORKERS", "int", 2, "web processes", minimum=1, maximum=256),
        Setting("MULTIFLEXI_WEB_THREADS", "int", 16, "threads of a web process", minimum=1, maximum=256),
        Setting("MULTIFLEXI_SESSION_IDLE", "int", 14_400, "seconds without a request that end a sign-in", minimum=60),
        Setting("MULTIFLEXI_SESSION_HOURS", "int", 12, "hours that a sign-in lasts at most", minimum=1, maximum=8760),
        Setting(
            "MULTIFLEXI_SESSION_REMEMBER_DAYS",
            "int",
            14,
            "days that a sign-in lasts where somebody wants to stay signed in",
            minimum=1,
            maximum=366,
        ),
        Setting(
            "MULTIFLEXI_SECOND_FACTOR_ROLES",
            "list",
            ["super_admin", "admin"],
            "system roles whose holders must set up a second factor",
        ),
        Setting(
            "MULTIFLEXI_SECOND_FACTOR_GRACE",
            "int",
            14,
            "days after such a role was given within which that can wait",
            minimum=0,
        ),
        Setting(
            "MULTIFLEXI_MAIL_URL",
            "str",
            None,
            "server that sends mail: smtp://, smtps:// or smtp+tls://account:password@host:port; unset = no mail",
            secret=True,
        ),
        Setting(
            "MULTIFLEXI_MAIL_FROM", "str", f"multiflexi@{_HOST}", "sender of mails", default_text="multiflexi@host name"
        ),
        Setting(
            "CACHE_URL",
            "url",
            None,
            "Redis server that counts requests, such as redis://:password@host:6379/0; ?prefix=NAME for installations "
            "that share one; unset = the database",
            secret=True,
            schemes=("redis", "rediss", "unix"),
        ),
    ),
    *group(
        "Sign-in",
        Setting("PASSWORD_MIN_LENGTH", "int", 8, "least length of a password", minimum=1, maximum=256),
        Setting(
            "PASSWORD_RULES",
            "choice",
            "classes",
            "classes: four kinds of characters below 15; length: at least 12 of any kind, which is recommended",
            choices=("classes", "length"),
        ),
        Setting(
            "MULTIFLEXI_SETUP_CODE",
            "str",
            None,
            "code that /setup/ asks for before it makes the first administrator, at least 8 letters and digits",
            secret=True,
            default_text="made from the data keys; setup:code shows it",
        ),
    ),
    *group(
        "REST API",
        Setting("API_RATE_LIMITING_ENABLED", "bool", True, "count requests and refuse those above the limit"),
        Setting("API_RATE_LIMIT_REQUESTS", "int", 6000, "requests of one user or token in the window", minimum=1),
        Setting("API_RATE_LIMIT_WINDOW", "int", 3600, "seconds of that window", minimum=1),
        Setting(
            "API_RATE_LIMIT_CLIENTS",
            "counts",
            {},
            "requests of single OAuth2 applications in the window, for all their users together and in place of the "
            "limit of users: client_id=number;client_id=number",
        ),
        Setting("API_CORS_ORIGINS", "list", [], "origins whose pages may call the API; unset = none"),
        Setting("API_BODY_MAX_BYTES", "bytes", 10 * _MIB, "longest body of a request"),
        Setting(
            "MULTIFLEXI_METRICS_NETWORKS", "list", [], "addresses and networks that may read /api/v2/metrics unasked"
        ),
        Setting("API_TOKEN_IN_QUERY", "bool", False, "accept ?api_key= and passwords of /login in the query"),
    ),
    *group(
        "Privacy",
        Setting(
            "MULTIFLEXI_DATA_CONTROLLER",
            "str",
            "",
            "who is responsible for personal data, as exports name it",
            default_text="the operator",
        ),
        Setting(
            "MULTIFLEXI_PRIVACY_CONTACT",
            "str",
            "",
            "whom people write to about their data, as exports name it",
            default_text="the administrator",
        ),
    ),
    *group(
        "Event processor",
        Setting("MULTIFLEXI_CLI_PATH", "str", "multiflexi-cli", "accepted for old files, no effect"),
    ),
    *group(
        "Housekeeper",
        Setting("MULTIFLEXI_HOUSEKEEPER_DRY_RUN", "bool", False, "no writes, no deletions (no effect yet)"),
        Setting(
            "MULTIFLEXI_HOUSEKEEPER_CYCLE_PAUSE",
            "seconds",
            3600,
            "pause in loop mode (no effect yet)",
            minimum=1,
            live=True,
        ),
        Setting(
            "MULTIFLEXI_HOUSEKEEPER_LOG_KEEP", "int", 100_000, "rows kept in the log table (no effect yet)", minimum=0
        ),
        Setting(
            "MULTIFLEXI_HOUSEKEEPER_TMP_AGE_HOURS",
            "float",
            24,
            "least age of deleted temporary files (no effect yet)",
            minimum=0,
        ),
        Setting(
            "MULTIFLEXI_HOUSEKEEPER_STALE_JOB_AGE",
            "float",
            60,
            "minutes until a job is a ghost (no effect yet)",
            minimum=0,
        ),
        Setting("MULTIFLEXI_HOUSEKEEPER_SKIP_DUTIES", "list", [], "names of duties left out (no effect yet)"),
        Setting("MULTIFLEXI_HOUSEKEEPER_CREDENTIAL_CHECK", "bool", True, "check credentials regularly (no effect yet)"),
    ),
    *group(
        "Monitoring",
        Setting("ZABBIX_SERVER", "list", [], "servers or proxies; unset = off (no effect yet)"),
        Setting("ZABBIX_HOST", "str", _HOST, "monitored host (no effect yet)", default_text="host name"),
        Setting("USE_ZABBIX_SENDER", "bool", False, "accepted for old files, no effect"),
        Setting(
            "OTEL_ENABLED",
            "bool",
            False,
            "send OpenTelemetry metrics and traces; as yet telemetry:test alone sends something",
        ),
        Setting("OTEL_SDK_DISABLED", "bool", False, "switch telemetry off, whatever OTEL_ENABLED says"),
        Setting("OTEL_SERVICE_NAME", "str", "multiflexi", "service name"),
        Setting("OTEL_EXPORTER_OTLP_ENDPOINT", "url", "http://localhost:4318", "collector"),
        Setting(
            "OTEL_EXPORTER_OTLP_PROTOCOL",
            "choice",
            "http/protobuf",
            "protocol of the exporter (no effect yet)",
            choices=("http/protobuf", "http/json", "grpc"),
        ),
    ),
)

globals().update(environ.load_settings(declared))
_values = environ.state().values

DEBUG = False
INSTALLED_APPS = ["multiflexi"]
AUTH_USER_MODEL = "multiflexi.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = environ.databases(_values)
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
    "multiflexi.models.passwords.FormerBcrypt",
    "multiflexi.models.passwords.FormerMd5",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "multiflexi.services.password_policy.Length"},
    {"NAME": "multiflexi.services.password_policy.Classes"},
    {"NAME": "multiflexi.services.password_policy.Likeness"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("cs", "Čeština")]
LOCALE_PATHS = [Path(__file__).parent / "locale"]
# Programs set logging up themselves (monitoring.logs), each with its own name and instance.
LOGGING_CONFIG = None

"""The settings of the demo and of development; production reads on from here (prod.py)."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import available_timezones

from csp.constants import NONE, SELF

from backoffice.settings.database import database
from backoffice.settings.environment import Environment, refuse

BASE_DIR = Path(__file__).resolve().parent.parent.parent
LOCAL_DIR = BASE_DIR / ".local"

env = Environment()

# What comes from outside (environment.py)

SECRET_KEY = env.text("SECRET_KEY")
DEBUG = env.flag("DEBUG")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS")
PLATFORM_URL = env.text("PLATFORM_URL").rstrip("/")
PLATFORM_SIGNING_SECRET = env.signing_secrets("PLATFORM_SIGNING_SECRET")[0]
INTAKE_SIGNING_SECRETS = env.signing_secrets("INTAKE_SIGNING_SECRETS")
AUDIT_HMAC_KEY = env.text("AUDIT_HMAC_KEY")
AUDIT_ANCHOR_KEY = env.text("AUDIT_ANCHOR_KEY")
AUDIT_ANCHOR_DIR = BASE_DIR / env.text("AUDIT_ANCHOR_DIR")
EXPORT_DIR = BASE_DIR / env.text("EXPORT_DIR")
ENVIRONMENT_NAME = env.text("ENVIRONMENT_NAME")
TIME_ZONE_DEFAULT = env.text("TIME_ZONE_DEFAULT")
DATABASES = {"default": database(env.text("DATABASE_URL"))}

if TIME_ZONE_DEFAULT not in available_timezones():
    refuse(f"TIME_ZONE_DEFAULT is “{TIME_ZONE_DEFAULT}”, which is not a time zone; it looks like Asia/Karachi.")

# The rooms

PRODUCT_APPS = [
    "backoffice",
    "backoffice.reports",
    "backoffice.gateway",
    "compliance",
    "exceptions",
    "transactions",
    "audit",
    "accounts",
]
DEMO_APPS = ["backoffice.demo"]
FOUNDATION_APPS = [
    "backoffice.admin_config.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.forms",
    "allauth",
    "allauth.account",
    "csp",
    "django_filters",
    "guardian",
    "procrastinate.contrib.django",
    "simple_history",
]
INSTALLED_APPS = PRODUCT_APPS + DEMO_APPS + FOUNDATION_APPS

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "backoffice.urls"
WSGI_APPLICATION = "backoffice.wsgi.application"
ASGI_APPLICATION = "backoffice.asgi.application"

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",  # pads each answer at random, so that its length tells nothing
    "csp.middleware.CSPMiddleware",
    "backoffice.middleware.Headers",
    "backoffice.middleware.RequestContext",
    "backoffice.middleware.Health",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.sessions.SessionLimits",
    "accounts.sessions.TemporaryPasswords",
    "backoffice.middleware.TimeZone",
    "django.contrib.messages.middleware.MessageMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "backoffice.middleware.Refusals",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "backoffice.context.shell",
            ],
        },
    },
]

FORM_RENDERER = "backoffice.forms.Renderer"

# People and rights

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "guardian.backends.ObjectPermissionBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "/login/"
LOGIN_REDIRECT_URL = "/start/"
LOGOUT_REDIRECT_URL = "/login/"

ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_RATE_LIMITS = False  # allauth counts per process, in the cache; our own lock counts in the database
ACCOUNT_USER_MODEL_EMAIL_FIELD = "email"

GUARDIAN_MONKEY_PATCH_USER = False
GUARDIAN_AUTO_PREFETCH = False
ANONYMOUS_USER_NAME = None

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_IDLE_SECONDS = 900  # without a request by the person; what the page does by itself does not count
SESSION_ABSOLUTE_SECONDS = 43_200
SESSION_COOKIE_AGE = SESSION_ABSOLUTE_SECONDS
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "backoffice.errors.csrf_failure"
CSRF_COOKIE_SAMESITE = "Lax"

# What the worker does by the clock

PROCRASTINATE_IMPORT_PATHS = ["backoffice.worker"]

# What was changed in a row

SIMPLE_HISTORY_REVERT_DISABLED = True
SIMPLE_HISTORY_ENFORCE_HISTORY_MODEL_PERMISSIONS = True
SIMPLE_HISTORY_HISTORY_CHANGE_REASON_USE_TEXT_FIELD = True
SIMPLE_HISTORY_DATE_INDEX = "composite"

# What a browser is told

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"

# Files

STATIC_URL = "/static/"
STATIC_ROOT: Path | None = LOCAL_DIR / "static"
STATICFILES_DIRS = [folder for folder in (BASE_DIR / "static",) if folder.exists()]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "backoffice.static_files.LenientManifestStorage"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 0  # for a name without a hash; a hashed one may be kept for a year or more

# Language and time: stored in UTC, shown in the person's own zone

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
DATE_FORMAT, TIME_FORMAT, DATETIME_FORMAT = "j M Y", "H:i", "j M Y, H:i:s T"  # Django admin's; ours are tags

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "backoffice.logs.Line", "format": "{asctime} {levelname} {name} {message}", "style": "{"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "procrastinate": {"level": "WARNING"},
    },
}

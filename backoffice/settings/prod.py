"""Production: everything is said from outside, everything goes over HTTPS, nothing of the demo is installed."""

from __future__ import annotations

from backoffice.settings.environment import Environment, refuse

Environment(production=True)

from backoffice.settings.build import *  # noqa: E402

if DEBUG:
    refuse("DEBUG must be false in production: its error pages show source code and data.")
if len(SECRET_KEY) < 50:
    refuse("SECRET_KEY must have 50 characters or more in production.")
if AUDIT_HMAC_KEY == AUDIT_ANCHOR_KEY:
    refuse("AUDIT_ANCHOR_KEY must not equal AUDIT_HMAC_KEY: one key alone must not be able to rewrite the trail.")
if not PLATFORM_URL.startswith("https://"):
    refuse("PLATFORM_URL must begin with https:// in production.")

SECURE_SSL_REDIRECT = True
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # asked from inside, without the proxy
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # the proxy sets it and drops a client's own
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-session"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrf"
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if not host.startswith(".")]

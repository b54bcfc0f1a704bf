"""What an image is built with: production's apps and static files, and no secret. prod.py reads on from here."""

from __future__ import annotations

from backoffice.settings.base import *

INSTALLED_APPS = [app for app in INSTALLED_APPS if app not in DEMO_APPS]

STATIC_ROOT = LOCAL_DIR / "collected"
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}}
WHITENOISE_USE_FINDERS = False
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

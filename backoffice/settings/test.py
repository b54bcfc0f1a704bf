"""The settings of the tests: a server of their own, a fast hasher, nothing else but what is needed to look inside.

The server starts here and not in a conftest, since the databases are read from the settings before any conftest.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from backoffice.localpg import LocalPg, sweep_test_folders

if not os.environ.get("DATABASE_URL"):  # the workers of a parallel run inherit it
    sweep_test_folders()
    _server = LocalPg.for_tests().start(child=True)
    atexit.register(_server.destroy)
    os.environ["DATABASE_URL"] = _server.url_for("app")
    os.environ["DATABASE_OWNER_URL"] = _server.url_for("owner")

from backoffice.settings.base import *

TESTING = True
AUDIT_ANCHOR_DIR = Path(tempfile.mkdtemp(prefix="openremit-anchors-"))  # not among the demo's
EXPORT_DIR = Path(tempfile.mkdtemp(prefix="openremit-exports-"))
for _folder in (AUDIT_ANCHOR_DIR, EXPORT_DIR):
    atexit.register(shutil.rmtree, _folder, ignore_errors=True)
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT = None
WHITENOISE_AUTOREFRESH = True  # straight from their folders
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]

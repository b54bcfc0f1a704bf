"""The pages as a WSGI application, for any WSGI server."""

import os

from django.core.wsgi import get_wsgi_application

from backoffice.localpg import ensure

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backoffice.settings.base")
os.environ.setdefault("PROCESS_NAME", "web")

if os.environ["DJANGO_SETTINGS_MODULE"] == "backoffice.settings.base":
    ensure()

application = get_wsgi_application()

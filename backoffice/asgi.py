"""What uvicorn serves: the pages through a pool of threads.

Pages are synchronous: as WSGI in threads they answer about twice as many requests as through Django's asynchronous
handler. Whatever must be native, such as a stream, branches off here by its path.
"""

from __future__ import annotations

from typing import Any, cast

from a2wsgi import WSGIMiddleware

from backoffice.wsgi import application as pages

THREADS = 8  # below the pool's size, so that no thread waits for a connection

application = WSGIMiddleware(cast("Any", pages), workers=THREADS)

"""The entry of AWS Lambda: API Gateway, function URL and ALB events, answered by the app.

The bundle is opened when the module is imported, which Lambda does once, before the first event: a bundle that cannot
be had or trusted fails the start, and the log says why; where none was published yet, an empty collection answers. What
takes time at a start goes on side by side: files are fetched and hashed in one thread, opened in a second, while the
main thread imports what uses them.
"""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

from handler.store.hashes import HashesAhead

if TYPE_CHECKING:
    from collections.abc import Callable

    from handler.web.events import Answer, Event

# Lambda freezes a function between two requests, and a check of the pointer with it.
WAIT_FOR_CHECK_S = 1.0


def _create(hashes: HashesAhead) -> Callable[[Event, object], Answer]:
    """The function; its imports are here because of their order, and because other things happen meanwhile."""
    import logging

    from handler.settings import Settings
    from handler.store.store import deliver, open_store

    logging.getLogger(__package__).setLevel(logging.INFO)
    settings = Settings.from_environment(os.environ)
    store = open_store(settings, os.environ, hashes)
    delivery = deliver(store)

    from handler.bundle.bundle import OpeningBundle

    opening = OpeningBundle(delivery)

    from handler.search.pictures.vision import Vision
    from handler.service import Service, first_bundle
    from handler.web.app import create_app
    from handler.web.events import create_handler

    vision = Vision.find(settings.vision)
    bundle = first_bundle(opening.bundle)
    service = Service(store, bundle, media_url=settings.media_url, vision=vision, wait_s=WAIT_FOR_CHECK_S)
    return create_handler(create_app(service, settings), settings.base_path)


# Collecting garbage while nothing but modules is made finds none, and takes a tenth of the time.
gc.disable()
# One thread answers; numpy's BLAS would start another for each further core when it is loaded, and have it spin.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
handler = _create(HashesAhead(os.environ.get("THINLENS_BUNDLE") or "bundle"))
gc.freeze()
gc.enable()

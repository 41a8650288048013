"""The entry of AWS Lambda: API Gateway, function URL and ALB events, answered by the app.

The bundle is opened when the module is imported, which Lambda does once, before the first event: a bundle that cannot
be had or trusted fails the start, and the log says why.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from handler.settings import Settings
from handler.store import Store, deliver, open_store

if TYPE_CHECKING:
    from mangum import Mangum

    from handler.delivery import Delivery

# One thread answers; numpy's BLAS would start another for each further core when it is loaded, and have it spin.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Lambda freezes a function between two requests, and a check of the pointer with it.
WAIT_FOR_CHECK_S = 1.0

logging.getLogger("handler").setLevel(logging.INFO)


def _create(settings: Settings, store: Store, delivery: Delivery) -> Mangum:
    """The function; its imports are here because they are to happen while the delivery is on its way."""
    from mangum import Mangum
    from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

    from handler.app import create_app
    from handler.service import Service

    service = Service(store, delivery, media_url=settings.media_url, wait_s=WAIT_FOR_CHECK_S)
    # Other types than these are sent in base64; Mangum runs a lifespan per event, so it is off.
    return Mangum(
        create_app(service, settings),
        lifespan="off",
        text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, "application/problem+json", "image/svg+xml"],
    )


_settings = Settings.from_environment(os.environ)
_store = open_store(_settings, os.environ)
handler = _create(_settings, _store, deliver(_store))

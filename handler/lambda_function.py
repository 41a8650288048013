"""The entry of AWS Lambda: API Gateway, function URL and ALB events, answered by the app.

The bundle is opened when the module is imported, which Lambda does once, before the first event:
a bundle that cannot be trusted fails the start, and the log says why.
"""

from __future__ import annotations

import logging
import os

from mangum import Mangum
from mangum.adapter import DEFAULT_TEXT_MIME_TYPES

from handler.app import create_app
from handler.bundle import Bundle
from handler.searcher import Searcher
from handler.settings import Settings

logging.getLogger("handler").setLevel(logging.INFO)

_settings = Settings.from_environment(os.environ)
_searcher = Searcher(Bundle.open(_settings.bundle), media_url=_settings.media_url)

# Other types than these are sent in base64; Mangum runs a lifespan per event, so it is off.
handler = Mangum(
    create_app(lambda: _searcher, _settings),
    lifespan="off",
    text_mime_types=[*DEFAULT_TEXT_MIME_TYPES, "application/problem+json", "image/svg+xml"],
)

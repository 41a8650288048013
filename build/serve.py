"""The container's one command: answer Lambda where Lambda runs the container, and HTTP on $PORT everywhere else.

Lambda says where its runtime interface is in AWS_LAMBDA_RUNTIME_API; Cloud Run, Knative and their like set PORT.
"""

from __future__ import annotations

import logging
import os
import sys

DEFAULT_PORT = "8080"
# A search takes milliseconds: a client behind so many is better told at once to come again (503).
MOST_AT_ONCE = 256
# For how many seconds a client may send a picture.
BODY_WITHIN_S = 10.0
# For how many seconds requests in flight may go on after the process was told to end.
LAST_REQUESTS_S = 5


def serve(port: int) -> None:
    """Answer HTTP until the process is told to end; a bundle that can't be had or trusted ends it at once."""
    # One thread answers, and numpy's BLAS need not start others when it is loaded.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import uvicorn

    from handler.bundle.bundle import Bundle
    from handler.search.pictures.vision import Vision
    from handler.service import Service, first_bundle
    from handler.settings import Settings
    from handler.store.store import deliver, open_store
    from handler.web.app import create_app

    # The handler writes a JSON line for each request itself.
    logging.basicConfig(stream=sys.stdout, format="%(message)s")
    logging.getLogger("handler").setLevel(logging.INFO)
    settings = Settings.from_environment(os.environ)
    store = open_store(settings, os.environ)
    bundle = first_bundle(lambda: Bundle.receive(deliver(store)))
    service = Service(store, bundle, media_url=settings.media_url, vision=Vision.find(settings.vision))
    app = create_app(service, settings, body_within_s=BODY_WITHIN_S)
    uvicorn.run(
        app,
        host="0.0.0.0",
        port=port,
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        limit_concurrency=MOST_AT_ONCE,
        timeout_graceful_shutdown=LAST_REQUESTS_S,
    )


def main() -> None:
    """Become the Lambda runtime client, or serve."""
    if "AWS_LAMBDA_RUNTIME_API" in os.environ:
        os.execv(sys.executable, [sys.executable, "-m", "awslambdaric", "handler.lambda_function.handler"])
    port = os.environ.get("PORT") or DEFAULT_PORT
    if not port.isdecimal() or int(port) > 65_535:
        sys.exit(f"serve: PORT is {port!r} (expected 0 to 65535)")
    serve(int(port))


if __name__ == "__main__":
    main()

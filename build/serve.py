"""The container's one command: answer Lambda where Lambda runs the container, and HTTP on $PORT everywhere else.

Lambda says where its runtime interface is in AWS_LAMBDA_RUNTIME_API; Cloud Run, Knative and their like set PORT. HOST
names one address to listen at; without it, it is every one that the machine has, of IPv4 and IPv6.
"""

from __future__ import annotations

import logging
import os
import socket
import sys

DEFAULT_PORT = "8080"
# For how many seconds a client may send a picture.
BODY_WITHIN_S = 10.0
# zlib's own choice between size and time: a page of results takes a millisecond.
COMPRESSION = 6
# For how many seconds requests in flight may go on after the process was told to end.
LAST_REQUESTS_S = 5


def serve(listener: socket.socket) -> None:
    """Answer HTTP until the process is told to end; a bundle that can't be had or trusted ends it at once."""
    # One thread answers, and numpy's BLAS need not start others when it is loaded.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import uvicorn
    from slow_clients import BoundedProtocol
    from starlette.middleware.gzip import GZipMiddleware

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
    config = uvicorn.Config(
        # Answers are text, and go out a third as long.
        GZipMiddleware(app, compresslevel=COMPRESSION),
        http=BoundedProtocol,
        lifespan="off",
        access_log=False,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=LAST_REQUESTS_S,
    )
    uvicorn.Server(config).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens: at "::" for IPv4 and IPv6, at "" for as much of both as the machine has.

    Raises:
        OSError: The address is none of this machine, or is taken.
    """
    if host == "" and not _has_ipv6():
        host = "0.0.0.0"
    if host in ("", "::"):
        return socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    return socket.create_server(address, family=family)


def _has_ipv6() -> bool:
    """Whether sockets of IPv6 can be had here, and take IPv4 too: containers often have none."""
    if not socket.has_dualstack_ipv6():
        return False
    try:
        with socket.create_server(("::", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


def main() -> None:
    """Become the Lambda runtime client, or serve."""
    if "AWS_LAMBDA_RUNTIME_API" in os.environ:
        os.execv(sys.executable, [sys.executable, "-m", "awslambdaric", "handler.lambda_function.handler"])
    port = os.environ.get("PORT") or DEFAULT_PORT
    if not port.isdecimal() or int(port) > 65_535:
        sys.exit(f"serve: PORT is {port!r} (expected 0 to 65535)")
    host = os.environ.get("HOST", "")
    try:
        listener = listen(host, int(port))
    except OSError as error:
        sys.exit(
            f"serve: HOST {host!r} and PORT {port}: {error.strerror or error} (expected an address of this machine)"
        )
    serve(listener)


if __name__ == "__main__":
    main()

"""A session with Ray: on this machine without any set-up, or on a cluster that is there.

Ray's own messages are kept from the terminal, and nobody is told that it runs: no usage statistics, no dashboard, and
on this machine a token that nobody else knows, without which its ports answer nothing.
"""

from __future__ import annotations

import logging
import os
import secrets
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType

from export.errors import ClusterError, installing
from handler.errors import in_words

OBJECTS_BYTES = 128 << 20
"""What Ray may hold in memory on this machine: nothing but outcomes of a few batches goes through it."""
_CONNECT_TIMEOUT_S = 10.0
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # it prints that a worker has died, which is told in other words
    "RAY_worker_niceness": "0",  # as the workers of one machine
}


@contextmanager
def ray_session(address: str | None, *, readers: int | None = None) -> Iterator[ModuleType]:
    """Ray, for as long as the block lasts; a session that is there already is used, and stays.

    Args:
        address: Of the head of a cluster, "host:port"; "auto" for the one that this machine belongs to. None for a
            session of its own on this machine.
        readers: How many processes read photos on this machine; None for as many as there are cores.

    Raises:
        ClusterError: Ray isn't installed, or there is no cluster.
    """
    ray = _import_ray(token=address is None)
    if ray.is_initialized():
        yield ray
        return
    if address is not None:
        _check_address(address)
    with _started(ray, readers) if address is None else _joined(ray, address):
        yield ray


@contextmanager
def _started(ray: ModuleType, readers: int | None) -> Iterator[None]:
    """A session on this machine, of which nothing is left in the end, nor of its logs."""
    # Not in TMPDIR: the names of sockets in it may not be long.
    with tempfile.TemporaryDirectory(prefix="thinlens-ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        try:
            ray.init(
                "local",
                num_cpus=readers,
                object_store_memory=OBJECTS_BYTES,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                _temp_dir=folder,
            )
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            raise ClusterError(f"Ray can't be started here: {in_words(error)}") from error
        try:
            yield
        finally:
            ray.shutdown()


@contextmanager
def _joined(ray: ModuleType, address: str) -> Iterator[None]:
    """A session on a cluster, which stays."""
    try:
        ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise ClusterError(
            f"the Ray cluster at {address!r} can't be used: {in_words(error)}; if it asks for a token, set "
            "RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or ~/.ray/auth_token to its token"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _import_ray(*, token: bool) -> ModuleType:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if token and "RAY_AUTH_MODE" not in os.environ and "ray" not in sys.modules:  # which reads it when it is imported
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
    try:
        import ray
    except ImportError as error:
        raise _needs_extra(error.name) from error
    return ray


def check_installed() -> None:
    """Raise ClusterError where what --engine ray needs isn't there; nothing is imported."""
    for name in ("ray", "pyarrow"):
        if find_spec(name) is None:
            raise _needs_extra(name)


def _needs_extra(name: str | None) -> ClusterError:
    return ClusterError(f"--engine ray needs {name}; {installing('ray')}")


def _check_address(address: str) -> None:
    """Ray itself tries for minutes to reach what isn't there."""
    if address == "auto":
        return
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not (colon and host and port.isdecimal()):
        raise ClusterError(f"{address!r} is no address of a Ray cluster (expected host:port, or auto)")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_TIMEOUT_S).close()
    except (OSError, OverflowError) as error:
        raise ClusterError(f"the Ray cluster at {address!r} can't be reached: {in_words(error)}") from error

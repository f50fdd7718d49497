"""A connection to a Ray cluster, for as long as a command takes."""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from showtell._util.console import tell
from showtell.errors import ShowtellError

# How long a machine may take to answer
_SECONDS = 10.0


def require_ray() -> None:
    """Check that the extra `cluster` is installed.

    Raises:
        ShowtellError: it is not.
    """
    if not (find_spec("ray") and find_spec("pyarrow")):
        raise ShowtellError("--ray needs Ray: pip install 'showtell[cluster]'")


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Connect to Ray, and disconnect in the end; what was started is stopped.

    Ray is started without a dashboard and without reports to its makers. Who can reach its ports may run code there, so
    an address that other machines can reach is told.

    Args:
        address: `local` to start Ray on this machine, `auto` for the cluster that this machine belongs to, or
            HOST:PORT of a cluster.

    Raises:
        ShowtellError: the extra `cluster` is missing, or there is no cluster at the address.
    """
    require_ray()
    if address.startswith("ray://"):
        raise ShowtellError(f"--ray {address}: is a client's address; run this on a machine of the cluster, --ray auto")
    if address not in ("local", "auto"):
        _check_reachable(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # what Ray would print here is about its own ways: GPUs that nobody asks for, actors that it starts for itself
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    alone = {"include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, **alone)
    except (ConnectionError, RuntimeError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise ShowtellError(f"--ray {address}: there is no cluster ({said}); start one, or use --ray local") from error
    try:
        host = ray.get_runtime_context().gcs_address.rpartition(":")[0]
        if not _is_loopback(host):
            tell(f"Ray at {host}: who can reach its ports can run code there; keep it on a network that you trust")
        yield
    finally:
        ray.shutdown()


def _check_reachable(address: str) -> None:
    """Check that somebody listens at HOST:PORT: Ray would try for minutes."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS).close()
    except (OSError, ValueError) as error:
        raise ShowtellError(
            f"--ray {address}: nobody listens there ({error}); give the HOST:PORT that ray start said, or local or auto"
        ) from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"

"""Real S3 implementations on the loopback interface: Ceph's radosgw, and moto's server."""

from __future__ import annotations

import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import boto3
import pytest

from tests.e2e.processes import free_port, running

CEPH_PROGRAMS = ("ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
ACCESS_KEY, SECRET_KEY = "THINLENSTESTKEY", "thinlens-test-secret"
REGION = "us-east-1"
COMMAND_LIMIT_S = 60

# One monitor and one disk in memory; the programs know each other by keys (cephx) and listen on this machine alone.
CEPH_CONF = """
[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{mon_port}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
keyring = {folder}/keyring
run dir = {folder}
admin socket = {folder}/$name.asok
log file = {folder}/$name.log
mon data = {folder}/mon
mon data avail crit = 1
osd data = {folder}/osd
rgw data = {folder}/rgw
osd objectstore = memstore
memstore device bytes = {room_bytes}
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw dynamic resharding = false
"""
KEYS = (
    ("mon.", ("mon", "allow *")),
    ("client.admin", ("mon", "allow *", "osd", "allow *")),
    ("osd.0", ("mon", "allow profile osd", "osd", "allow *")),
    ("client.rgw", ("mon", "allow rw", "osd", "allow rwx")),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Server:
    """A running server, and whose it is."""

    name: str
    endpoint: str

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables by which every client of S3 finds the server."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def make_bucket(self, name: str) -> None:
        boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        ).create_bucket(Bucket=name)


@contextmanager
def moto_server(folder: Path) -> Iterator[S3Server]:
    """Moto's server: it knows every condition of a write, and believes every key."""
    for package in ("moto", "flask", "flask_cors"):
        if find_spec(package) is None:
            pytest.skip(f"moto's S3 server can't be started: {package} is not installed")
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    with running(command, ready=endpoint, log=folder / "moto.log"):
        yield S3Server(name="moto", endpoint=endpoint)


@contextmanager
def ceph_server(folder: Path, *, room_bytes: int = 1 << 30) -> Iterator[S3Server]:
    """Ceph's gateway, with so much room in memory: it checks signatures, and decides races."""
    missing = [program for program in CEPH_PROGRAMS if shutil.which(program) is None]
    if missing:
        advice = "apt install radosgw ceph-mon ceph-osd"
        pytest.skip(f"Ceph's S3 gateway can't be started: {', '.join(missing)} not installed ({advice})")
    port, mon_port = free_port(), free_port()
    endpoint = f"http://127.0.0.1:{port}"
    fsid = str(uuid.uuid4())
    conf, keyring = folder / "ceph.conf", folder / "keyring"
    conf.write_text(CEPH_CONF.format(fsid=fsid, folder=folder, mon_port=mon_port, port=port, room_bytes=room_bytes))
    for name in ("mon", "osd", "rgw"):
        (folder / name).mkdir()
    keyring.touch()
    for name, caps in KEYS:
        granted = [part for kind, cap in zip(caps[::2], caps[1::2], strict=True) for part in ("--cap", kind, cap)]
        _run("ceph-authtool", keyring, "--gen-key", "-n", name, *granted)
    _run("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{mon_port}]", "--fsid", fsid, folder / "monmap")
    _run("ceph-mon", "-c", conf, "--mkfs", "-i", "a", "--monmap", folder / "monmap", "--keyring", keyring)
    with _daemon("ceph-mon", "-c", conf, "-i", "a", "-f", log=folder / "mon.out"):
        _run("ceph", "-c", conf, "auth", "import", "-i", keyring)  # waits for the monitor
        disk = str(uuid.uuid4())
        _run("ceph", "-c", conf, "osd", "new", disk, "0")
        _run("ceph", "-c", conf, "auth", "import", "-i", keyring)  # the disk's key, which "osd new" has replaced
        _run("ceph-osd", "-c", conf, "-i", "0", "--mkfs", "--osd-uuid", disk)
        with (
            _daemon("ceph-osd", "-c", conf, "-i", "0", "-f", log=folder / "osd.out"),
            running(["radosgw", "-c", str(conf), "-n", "client.rgw", "-f"], ready=endpoint, log=folder / "radosgw.out"),
        ):
            keys = ("--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY)
            _run("radosgw-admin", "-c", conf, "user", "create", "--uid", "tests", "--display-name", "tests", *keys)
            yield S3Server(name="ceph", endpoint=endpoint)


def _run(*command: str | Path) -> None:
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=COMMAND_LIMIT_S, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"


@contextmanager
def _daemon(*command: str | Path, log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(list(map(str, command)), stdout=output, stderr=subprocess.STDOUT)
    try:
        yield
    finally:
        process.kill()  # what it holds lies in memory, or in the test's folder
        process.wait()

"""What is wrong with this machine or configuration, in words, each with its remedy.

Every check is a function that yields findings and raises nothing; libraries are tried in a child process, so that one
that crashes on import is a finding too. Nothing is changed on the machine.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gateway.config import Config, load_config
from gateway.desk import load_policy
from gateway.doctor_database import examine_database
from gateway.documents import DocumentError
from gateway.errors import RecordingError
from gateway.findings import Finding, Verdict
from sip.types import Transport

_LIBRARIES = {
    "pjsua2": "SIP signalling",
    "aiortc": "WebRTC",
    "av": "codecs",
    "pylibsrtp": "media encryption",
    "uvloop": "the event loop",
    "fastapi": "the API",
    "sqlalchemy": "the database",
    "psycopg": "the database server",
    "cryptography": "recordings",
    "aiomqtt": "events",
    "amqtt": "the in-process broker",
}
_CODECS = {"libx264": "w", "h264": "r", "libvpx": "w", "vp8": "r", "libopus": "w", "pcm_mulaw": "w", "pcm_alaw": "w"}
_PROBE = """
import importlib, json, sys
module, codecs = sys.argv[1], json.loads(sys.argv[2])
found = importlib.import_module(module)
missing = []
for name, mode in codecs.items():
    try:
        found.codec.Codec(name, mode)
    except Exception:
        missing.append(name)
print(json.dumps(missing))
"""
_SOCKETS_A_VISIT = 8  # two RTP pairs, ICE, and the page's connections
_SOCKETS_AT_REST = 256
_PORTS_A_VISIT = 4
_CLOCK_UNSYNCHRONISED = 5  # adjtimex(2): TIME_ERROR
_FREE_RECORDING_BYTES = 10 * 1024**3


def examine(config: Path | None) -> Iterator[Finding]:
    """The machine, and the configuration if there is one to look at."""
    yield _python()
    yield from _libraries()
    yield _clock()
    yield _time_zones()
    if config is None:
        yield Finding(Verdict.WARNING, "no configuration was looked at", "name one: kinbridge doctor --config FILE")
        return
    found = yield from _documents(config)
    if found is not None:
        yield from _ports(found)
        yield from _media_ports(found)
        yield from examine_database(found.store.url)
        yield _open_files(found)
        yield from _secrets(found)
        yield from _recording(found)


def _python() -> Finding:
    version = ".".join(str(part) for part in sys.version_info[:3])
    if (3, 11) <= sys.version_info[:2] < (3, 13):
        return Finding(Verdict.OK, f"Python {version}")
    return Finding(Verdict.FAULT, f"Python {version} has no pjsua2", "use Python 3.11 or 3.12")


def _libraries() -> Iterator[Finding]:
    for module, purpose in _LIBRARIES.items():
        codecs = _CODECS if module == "av" else {}
        command = [sys.executable, "-c", _PROBE, module, json.dumps(codecs)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            yield Finding(Verdict.FAULT, f"{module} ({purpose}) cannot be loaded: {last}", "run `make setup` again")
            continue
        missing = json.loads(done.stdout)
        if missing:
            what = f"{module} lacks the codecs {', '.join(missing)}"
            yield Finding(Verdict.FAULT, what, "install the PyAV wheel of constraints.txt, not one built by hand")
        else:
            yield Finding(Verdict.OK, f"{module} ({purpose})")


def _clock() -> Finding:
    if time.gmtime().tm_year < 2026:
        what = "the clock is years behind; every CDR would be wrong"
        return Finding(Verdict.FAULT, what, "set it: install chrony, or timedatectl set-ntp true")
    buffer = ctypes.create_string_buffer(256)  # struct timex with modes 0: read only
    try:
        state = ctypes.CDLL(None).adjtimex(buffer)
    except (OSError, AttributeError):
        state = -1
    if state == _CLOCK_UNSYNCHRONISED:
        what = "the kernel does not know its clock as synchronised; CDR times may drift"
        return Finding(Verdict.WARNING, what, "install chrony (in a container: on its host)")
    return Finding(Verdict.OK, "clock")


def _time_zones() -> Finding:
    try:
        ZoneInfo("America/Chicago")
    except ZoneInfoNotFoundError:
        return Finding(Verdict.FAULT, "there is no time zone data", "install the Debian package tzdata")
    return Finding(Verdict.OK, "time zone data")


def _documents(path: Path) -> Generator[Finding, None, Config | None]:
    """Yields findings and returns the configuration, if it can be used at all."""
    try:
        config = load_config(path)
    except DocumentError as error:
        yield from _problems(error)
        return None
    yield Finding(Verdict.OK, f"configuration {path}")
    try:
        _, tariffs = load_policy(config)
    except DocumentError as error:
        yield from _problems(error)
    else:
        yield Finding(Verdict.OK, f"dialplan and {len(tariffs)} tariffs")
    return config


def _problems(error: DocumentError) -> Iterator[Finding]:
    for each in error.problems:
        yield Finding(Verdict.FAULT, str(each), "mend this line")


def _ports(config: Config) -> Iterator[Finding]:
    kinds = {Transport.UDP: socket.SOCK_DGRAM, Transport.TCP: socket.SOCK_STREAM, Transport.TLS: socket.SOCK_STREAM}
    wanted = [("http.port", config.http.host, config.http.port, socket.SOCK_STREAM)]
    for agent in range(config.sip.agents):
        for transport in config.sip.transports:
            port = config.sip.port + 2 * agent + (transport is Transport.TLS)
            wanted.append(("sip.port", config.sip.host, port, kinds[transport]))
    if not config.mqtt.url:
        wanted.append(("mqtt.embedded_port", config.mqtt.embedded_host, config.mqtt.embedded_port, socket.SOCK_STREAM))
    for field, host, port, kind in wanted:
        yield _port(field, host, port, kind)


def _port(field: str, host: str, port: int, kind: socket.SocketKind) -> Finding:
    name = f"{field} {port}/{'udp' if kind is socket.SOCK_DGRAM else 'tcp'}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, kind) as probe:
            if kind is socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except PermissionError:
        return Finding(Verdict.FAULT, f"{name}: ports below 1024 are for root", f"set {field} above 1023")
    except OSError as error:
        what = f"{name}: {error.strerror or error}"
        return Finding(Verdict.FAULT, what, f"stop what uses it (a gateway that runs already?), or change {field}")
    return Finding(Verdict.OK, name)


def _media_ports(config: Config) -> Iterator[Finding]:
    media = config.media
    ranges = [("media.sip_ports", media.sip_ports, _PORTS_A_VISIT)]
    if media.web_port is None:
        ranges.append(("media.web_ports", media.web_ports, 1))
    else:
        yield _browser_port(config)
    for field, (low, high), each in ranges:
        wanted = config.limits.max_visits * each
        if high == 0:
            yield Finding(Verdict.OK, f"{field}: the system chooses")
        elif high - low + 1 < wanted:
            what = f"{field} has {high - low + 1} ports; limits.max_visits needs {wanted}"
            yield Finding(Verdict.WARNING, what, f"widen {field}")
        else:
            yield Finding(Verdict.OK, f"{field} {low}-{high}")


def _browser_port(config: Config) -> Finding:
    """The one UDP port that all browsers share."""
    media, (low, high) = config.media, config.media.web_ports
    if media.web_port:
        return _port("media.web_port", media.host, media.web_port, socket.SOCK_DGRAM)
    found = Finding(Verdict.OK, "media.web_port: the system chooses")
    for port in range(low, high + 1) if high else ():
        found = _port("media.web_ports", media.host, port, socket.SOCK_DGRAM)
        if found.verdict is Verdict.OK:
            return Finding(Verdict.OK, f"media.web_port {port}/udp, the first free one of media.web_ports")
    return found


def _open_files(config: Config) -> Finding:
    wanted = _SOCKETS_AT_REST + config.limits.max_visits * _SOCKETS_A_VISIT
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        what = f"{soft} open files are allowed; limits.max_visits needs {wanted}"
        return Finding(Verdict.WARNING, what, f"ulimit -n {wanted}, or LimitNOFILE={wanted} in the service")
    return Finding(Verdict.OK, "open files")


def _recording(config: Config) -> Iterator[Finding]:
    if config.recording is None:
        return
    from gateway.recording.keys import KeyRing, complaint  # noqa: PLC0415 - where cryptography loads, see _LIBRARIES

    path, folder = Path(config.recording.keys), Path(config.recording.folder)
    try:
        KeyRing.load(path)
    except RecordingError as error:
        yield Finding(Verdict.FAULT, str(error), "make a key: kinbridge recording new-key")
    else:
        wrong = complaint(path)
        if wrong:
            what = f"recording.keys: {wrong}; with the database it opens every recording"
            yield Finding(Verdict.FAULT, what, f"chown it to the gateway's user, and chmod 600 {path}")
        else:
            yield Finding(Verdict.OK, "keys of recordings")
    place = next(each for each in (folder, *folder.parents) if each.exists())
    if not os.access(place, os.W_OK):
        yield Finding(Verdict.FAULT, f"recording.folder: {place} cannot be written", "chown it, or change the setting")
    elif shutil.disk_usage(place).free < _FREE_RECORDING_BYTES:
        what = f"less than 10 GB free in {place}: a day of one terminal's recordings"
        yield Finding(Verdict.WARNING, what, "make room, purge what is past its time, or use another disk")
    else:
        yield Finding(Verdict.OK, "recordings can be written")


def _secrets(config: Config) -> Iterator[Finding]:
    for field, secret in (("http.staff_token", config.http.staff_token), ("http.link_secret", config.http.link_secret)):
        value = secret.get_secret_value()
        if not value:
            yield Finding(
                Verdict.FAULT, f"{field} is empty", "write a long random text, e.g. of `openssl rand -hex 24`"
            )
        elif value.startswith("change-me") or len(value) < 16:
            yield Finding(Verdict.WARNING, f"{field} is easy to guess", "write the output of `openssl rand -hex 24`")

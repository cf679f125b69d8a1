"""The few functions of pjsip's C API that we need and pjsua2 does not wrap; the wheel's library exports them."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable

from sip.rawrequest import VERSION, RawRequest, read

_log = logging.getLogger(__name__)

_REFUSED_METHODS = {"SUBSCRIBE", "NOTIFY", "REFER", "MESSAGE", "PUBLISH"}
_REFUSED_EXTENSIONS = {"replaces", "norefersub", "trickle-ice"}
_UNTRUTHS = {"Allow": (4, _REFUSED_METHODS), "Supported": (36, _REFUSED_EXTENSIONS)}
"""By header name: its number (`pjsip_hdr_e`), and what the library claims though we refuse it or cannot do it."""
_MOST_VALUES = 32  # PJSIP_GENERIC_ARRAY_MAX_COUNT


_ON_REQUEST = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)
_BEFORE_ALL_OTHERS = 1  # PJSIP_MOD_PRIORITY_TRANSPORT_LAYER is 8, the log of messages 7
_AFTER_ALL_OTHERS = 80  # PJSIP_MOD_PRIORITY_APPLICATION is 64
_OF_A_DIALOG = {"BYE", "CANCEL", "PRACK", "UPDATE", "INFO", "NOTIFY"}


class _Text(ctypes.Structure):
    """`pj_str_t`"""

    _fields_ = (("text", ctypes.c_void_p), ("length", ctypes.c_ssize_t))

    def read(self) -> str:
        return ctypes.string_at(self.text, self.length).decode("ascii", "replace") if self.text else ""


class _ListHeader(ctypes.Structure):
    """`pjsip_generic_array_hdr`"""

    _fields_ = (
        ("previous", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("kind", ctypes.c_int),
        ("name", _Text),
        ("short_name", _Text),
        ("functions", ctypes.c_void_p),
        ("count", ctypes.c_uint),
        ("values", _Text * _MOST_VALUES),
    )


class _Module(ctypes.Structure):
    """`pjsip_module`"""

    _fields_ = (
        ("previous", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("name", _Text),
        ("id", ctypes.c_int),
        ("priority", ctypes.c_int),
        ("load", ctypes.c_void_p),
        ("start", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("unload", ctypes.c_void_p),
        ("on_rx_request", _ON_REQUEST),
        ("on_rx_response", ctypes.c_void_p),
        ("on_tx_request", ctypes.c_void_p),
        ("on_tx_response", ctypes.c_void_p),
        ("on_tsx_state", ctypes.c_void_p),
    )


class _Frame(ctypes.Structure):
    """`pjmedia_frame`"""

    _fields_ = (
        ("kind", ctypes.c_int),
        ("samples", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
        ("timestamp", ctypes.c_uint64),
        ("bit_info", ctypes.c_uint32),
    )


class Pjsip:
    """library_path: the shared object that holds pjsua2 and pjsip."""

    def __init__(self, library_path: str) -> None:
        library = ctypes.CDLL(library_path)
        pointer = ctypes.c_void_p
        self._dialog_of = library.pjsip_rdata_get_dlg
        self._dialog_of.argtypes, self._dialog_of.restype = [pointer], pointer
        self._respond = library.pjsip_dlg_respond
        self._respond.argtypes = [pointer, pointer, ctypes.c_int, pointer, pointer, pointer]
        self._respond.restype = ctypes.c_int
        self._endpoint = library.pjsua_get_pjsip_endpt
        self._endpoint.argtypes, self._endpoint.restype = [], pointer
        self._capability = library.pjsip_endpt_get_capability
        self._capability.argtypes = [pointer, ctypes.c_int, pointer]
        self._capability.restype = ctypes.POINTER(_ListHeader)

        self._describe = library.pjsip_rx_data_get_info
        self._describe.argtypes, self._describe.restype = [pointer], ctypes.c_char_p
        self._respond_stateless = library.pjsip_endpt_respond_stateless
        self._respond_stateless.argtypes = [pointer, pointer, ctypes.c_int, pointer, pointer, pointer]
        self._respond_stateless.restype = ctypes.c_int
        self._register = library.pjsip_endpt_register_module
        self._register.argtypes, self._register.restype = [pointer, ctypes.POINTER(_Module)], ctypes.c_int
        self._no_sound_device = library.pjsua_set_no_snd_dev
        self._no_sound_device.argtypes, self._no_sound_device.restype = [], pointer
        self._pull = library.pjmedia_port_get_frame
        self._pull.argtypes, self._pull.restype = [pointer, ctypes.POINTER(_Frame)], ctypes.c_int
        self._mixer: int | None = None
        self._samples = ctypes.create_string_buffer(0)
        self._module = _Module(id=-1, priority=_AFTER_ALL_OTHERS, on_rx_request=_ON_REQUEST(self._unclaimed))
        self._version = library.pj_get_version
        self._version.argtypes, self._version.restype = [], pointer
        self._close_connection = library.pjsip_transport_shutdown2
        self._close_connection.argtypes, self._close_connection.restype = [pointer, ctypes.c_int], ctypes.c_int
        self._judge: Callable[[RawRequest], int] = lambda _: 0
        self._gate = _Module(id=-1, priority=_BEFORE_ALL_OTHERS, on_rx_request=_ON_REQUEST(self._guarded))
        self._gate_name = ctypes.create_string_buffer(b"mod-gate")
        self._list = (_ListHeader(), _ListHeader())
        self._module_name = ctypes.create_string_buffer(b"mod-unclaimed")

    def open_no_sound_device(self, tick_bytes: int) -> None:
        """To be called once, when the library has been initialised. Then `turn` does what a sound device would do.

        tick_bytes: 16-bit samples of one tick of the mixer, as configured; another size ends the process.
        """
        self._samples = ctypes.create_string_buffer(tick_bytes)
        self._mixer = self._no_sound_device()

    def turn(self) -> None:
        """Let the library's audio mixer do what it has put off.

        It gives back the places of ended calls only at a tick of its clock, which a sound device would drive; without
        one they were never given back, and the 254th call of a process got 488 (pjproject pull request 4253).
        """
        frame = _Frame(0, ctypes.addressof(self._samples), len(self._samples), 0, 0)
        self._pull(self._mixer, ctypes.byref(frame))

    def answer_the_unclaimed(self) -> None:
        """Requests that the library knows nothing about would stay without any answer, and be sent eleven times."""
        self._module.name = _Text(ctypes.addressof(self._module_name), len(b"mod-unclaimed"))
        self._register(self._endpoint(), ctypes.byref(self._module))

    def _unclaimed(self, rdata: int) -> int:
        """481 for what belongs to no dialog of ours, 405 with Allow for methods we have not (RFC 3261, 8.2.1)."""
        info: bytes = self._describe(rdata)  # "Request msg BYE/cseq=2 (rdata0x...)"
        method = info.removeprefix(b"Request msg ").partition(b"/")[0].decode("ascii", "replace")
        if method == "ACK":
            return 0
        code = 481 if method in _OF_A_DIALOG else 405
        allow = self._allow_list() if code == 405 else None
        self._respond_stateless(self._endpoint(), rdata, code, None, allow, None)
        return 1

    def _allow_list(self) -> ctypes.c_void_p | None:
        """A pj_list of one copy of our Allow; the library copies it again."""
        kind, _ = _UNTRUTHS["Allow"]
        found = self._capability(self._endpoint(), kind, None)
        if not found:
            return None
        copy = self._list[1]
        ctypes.memmove(ctypes.byref(copy), found, ctypes.sizeof(_ListHeader))
        for each, other in ((0, 1), (1, 0)):
            self._list[each].previous = self._list[each].next = ctypes.addressof(self._list[other])
        return ctypes.c_void_p(ctypes.addressof(self._list[0]))

    def guard(self, judge: Callable[[RawRequest], int]) -> bool:
        """Asks `judge` about every request before the library does anything with it: 0 lets it pass, a status is
        answered at once and without state, below 0 it is as if it had never come (a connection is closed).

        To be called once. False: another version of the library, whose memory we cannot read; nothing is guarded.
        """
        if ctypes.cast(self._version(), ctypes.c_char_p).value != VERSION.encode():
            return False
        self._judge = judge
        self._gate.name = _Text(ctypes.addressof(self._gate_name), len(self._gate_name.value))
        return bool(self._register(self._endpoint(), ctypes.byref(self._gate)) == 0)

    def _guarded(self, rdata: int) -> int:
        """An exception must not unwind through C; the library's own refusals stand behind us."""
        try:
            request = read(rdata)
            verdict = self._judge(request) if request else 0
            if verdict > 0:
                self._respond_stateless(self._endpoint(), rdata, verdict, None, None, None)
            elif verdict < 0 and request and request.transport:
                self._close_connection(request.transport, 1)
        except Exception as error:  # noqa: BLE001 - see above
            _log.error("the gate failed: %s", type(error).__name__)
            return 0
        return int(verdict != 0)

    def respond(self, rdata: int, code: int) -> None:
        """Answer a request in a dialog before pjsua does. rdata: the `pjsip_rx_data` of the running callback.

        pjsua knows only INFO with application/dtmf-relay: it answers application/dtmf with 500 and media_control
        with 400 (measured with 2.15.1). It leaves a request alone whose transaction is complete when we return.
        """
        dialog = self._dialog_of(rdata)
        if dialog:
            self._respond(dialog, rdata, code, None, None, None)

    def tell_the_truth(self) -> None:
        """Take out of Allow and Supported what we refuse; to be called once, after the library has started.

        A header that does not look as expected (another build of the library) is left alone.
        """
        for name, (kind, untrue) in _UNTRUTHS.items():
            found = self._capability(self._endpoint(), kind, None)
            if not found or found.contents.name.read() != name or found.contents.count > _MOST_VALUES:
                continue
            header = found.contents
            true = [(each.text, each.length) for each in header.values[: header.count] if each.read() not in untrue]
            for index, (text, length) in enumerate(true):
                header.values[index].text, header.values[index].length = text, length
            header.count = len(true)

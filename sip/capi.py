"""The two functions of pjsip's C API that we need and pjsua2 does not wrap; the wheel's library exports them."""

from __future__ import annotations

import ctypes


class Responder:
    """Answers a request in a dialog before pjsua does.

    pjsua knows only INFO with application/dtmf-relay: it answers application/dtmf with 500 and media_control with 400
    (measured with 2.15.1). It leaves a request alone whose transaction is complete when our callback returns.
    """

    def __init__(self, library_path: str) -> None:
        library = ctypes.CDLL(library_path)
        self._dialog_of = library.pjsip_rdata_get_dlg
        self._dialog_of.argtypes, self._dialog_of.restype = [ctypes.c_void_p], ctypes.c_void_p
        self._respond = library.pjsip_dlg_respond
        self._respond.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, *[ctypes.c_void_p] * 3]
        self._respond.restype = ctypes.c_int

    def respond(self, rdata: int, code: int) -> None:
        """rdata: the address of the `pjsip_rx_data` that the running callback was given."""
        dialog = self._dialog_of(rdata)
        if dialog:
            self._respond(dialog, rdata, code, None, None, None)

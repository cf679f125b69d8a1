"""pjsua2, the only file that imports it: its directors, its settings, its errors. sip.stack puts them together.

    socket -> pjsip -> Call / Account callbacks -> Stack.report(value)
    Stack.execute(command) -> Call methods -> pjsip -> socket

Three properties of the library shape this file. Media: `useLoopMedTp` opens no socket, and `onCallSdpCreated` swaps
the library's description for ours. Assertions are compiled in, so what goes in is checked first (sip.description).
An exception in a callback would unwind through C++, so every callback is guarded.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pjsua2 as pj

from sip import message, wire
from sip.address import contact_of_ipv6, identity, target_uri
from sip.description import media_kinds, ours
from sip.errors import BadDescription, SipConfigError, SipPortTaken
from sip.events import (
    Answered,
    ConferenceSeen,
    DialogEvent,
    Dtmf,
    Ended,
    Info,
    Offered,
    OfferRefused,
    Progress,
    RegistrationChanged,
    TransferRefused,
)
from sip.phrases import phrase
from sip.types import EndedBy, Registration, SipSettings, TlsFiles, Transport, Trunk

if TYPE_CHECKING:
    from sip.stack import Stack

_log = logging.getLogger(__name__)

OFFER_PATIENCE_S = 2.0
_ADDRESS_IN_USE = 120098  # PJ_ERRNO_START_SYS + EADDRINUSE
_TRANSPORTS = {  # for an address of IPv4, of IPv6
    Transport.UDP: (pj.PJSIP_TRANSPORT_UDP, pj.PJSIP_TRANSPORT_UDP6),
    Transport.TCP: (pj.PJSIP_TRANSPORT_TCP, pj.PJSIP_TRANSPORT_TCP6),
    Transport.TLS: (pj.PJSIP_TRANSPORT_TLS, pj.PJSIP_TRANSPORT_TLS6),
}
PjError = pj.Error
LIBRARY: str = pj._pjsua2.__file__
_SOL_SOCKET, _SO_REUSEADDR = 1, 2
TICK_BYTES = 8000 * 20 // 1000 * 2  # of the mixer: 16-bit samples, see `engine_config`
_TSX_TRYING = 2  # pjsip_tsx_state_e: the state in which pjsua would answer a request itself

Callback = TypeVar("Callback", bound=Callable[..., None])


def _guarded(method: Callback) -> Callback:
    """No exception may leave a callback: it would unwind through C++ and end the agent with all its calls."""

    @functools.wraps(method)
    def call(self: object, parameters: object) -> None:
        try:
            method(self, parameters)
        except Exception as error:  # noqa: BLE001 - see above
            _log.error("callback %s failed: %s", method.__name__, type(error).__name__)

    return cast("Callback", call)


class Call(pj.Call):  # type: ignore[misc]  # the library has no types
    """One dialog. `sdp`: our description in force, or about to be."""

    def __init__(
        self,
        stack: Stack,
        account: Account,
        handle: str,
        call_id: int = pj.PJSUA_INVALID_ID,
        offer: str | None = None,
    ) -> None:
        super().__init__(account, call_id)
        self.stack = stack
        self.handle = handle
        self.incoming = call_id != pj.PJSUA_INVALID_ID
        self.offer = offer  # of the far side, in the INVITE
        self.sdp: str | None = None
        self.early_sdp_sent = False
        self.confirmed = False
        self.ending_locally = False
        self.offering = False
        self.awaits_ack_sdp = False
        self.remote_sdp: str | None = None
        self.local_code = 0
        self.last_request = "INVITE"
        self.stranger = False
        self.call_id = ""
        self.conference_seen = False

    def report(self, event: DialogEvent) -> None:
        if not self.stranger:
            self.stack.report(wire.Happened(self.handle, event))

    # callbacks

    @_guarded
    def onCallState(self, prm: Any) -> None:  # noqa: N802 - the library's name
        info = self.getInfo()
        received = _received(prm.e)
        if received and received.sdp:
            self.remote_sdp = received.sdp
        if info.state == pj.PJSIP_INV_STATE_CONFIRMED and not self.confirmed:
            self.confirmed = True
            self.report(Answered(None if self.incoming and self.offer is not None else self.remote_sdp))
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.report(self._ended(info.lastStatusCode, received))
            self.stack.forget(self)

    def _ended(self, code: int, received: message.Message | None) -> Ended:
        if self.ending_locally:
            code = 200 if self.confirmed else self.local_code
            return Ended(EndedBy.LOCAL, code, phrase(code))
        if code == 487 and self.incoming:
            return Ended(EndedBy.REMOTE, code, phrase(code))  # CANCEL; the event is our own 487
        if self.incoming and not self.confirmed and not received and code != 408:
            return Ended(EndedBy.LOCAL, code, phrase(code))  # the library refused: our answer, or a full endpoint
        return Ended(EndedBy.REMOTE if received else EndedBy.TIMEOUT, code, phrase(code))

    @_guarded
    def onCallTsxState(self, prm: Any) -> None:  # noqa: N802 - the library's name
        event = prm.e.body.tsxState
        received = _received(prm.e)
        if received is None:
            return
        self.look_for_conference(received)
        if event.tsx.role == pj.PJSIP_ROLE_UAS:
            self.last_request = event.tsx.method
            if event.tsx.method == "INFO" and event.tsx.state == _TSX_TRYING:
                self.stack.pjsip.respond(int(event.src.rdata.pjRxData), 200)
                self._info(received)
        elif event.tsx.method == "INVITE":
            self._invite_answered(event.tsx.statusCode, received)

    def look_for_conference(self, received: message.Message) -> None:
        if not self.conference_seen and message.is_conference(received):
            self.conference_seen = True
            self.report(ConferenceSeen())

    def _info(self, received: message.Message) -> None:
        key = message.key_press(received.content_type, received.body)
        if key:
            self.report(Dtmf(*key))
        elif received.body:
            self.report(Info(received.content_type, received.body))

    def _invite_answered(self, code: int, received: message.Message) -> None:
        if not self.confirmed:
            if received.sdp:
                self.remote_sdp = received.sdp
            if 100 < code < 200:
                self.report(Progress(code, received.sdp))
        elif self.offering and 200 <= code < 300:
            self.offering = False
            self.report(Answered(received.sdp))
        elif self.offering and code >= 300 and code not in (401, 407):  # those two are answered by the library
            self.offering = False
            self.report(OfferRefused(code, phrase(code)))

    @_guarded
    def onCallSdpCreated(self, prm: Any) -> None:  # noqa: N802 - the library's name
        """Before our first word to an INVITE the library's own description stands; answer() replaces it unsent."""
        remote = prm.remSdp.wholeSdp
        if self.sdp is not None and (not remote or media_kinds(remote) == media_kinds(self.sdp)):
            prm.sdp.wholeSdp = self.sdp

    @_guarded
    def onCallTxOffer(self, prm: Any) -> None:  # noqa: N802 - the library's name
        """A re-INVITE without SDP: we offer in the 200. Without an answer in time we offer what is in force."""
        self._ask(Offered(None, "INVITE"), None)
        self.awaits_ack_sdp = True
        _count_lines(prm.opt, self.sdp)

    @_guarded
    def onCallRxOffer(self, prm: Any) -> None:  # noqa: N802 - the library's name
        offer = prm.offer.wholeSdp
        prm.statusCode = self._ask(Offered(offer, self.last_request), offer)

    def _ask(self, offered: Offered, offer: str | None) -> int:
        """200 with `sdp` set, or the code of the refusal. Blocks this agent (at most four calls) for two seconds."""
        self.report(offered)
        reply = self.stack.replies.reply_to(self.handle, OFFER_PATIENCE_S)
        if isinstance(reply, wire.AnswerOffer):
            with contextlib.suppress(BadDescription):
                self.sdp = ours(reply.sdp, offer)
                return 200
        return reply.code if isinstance(reply, wire.RefuseOffer) else 488

    @_guarded
    def onCallTransferRequest(self, prm: Any) -> None:  # noqa: N802 - the library's name
        prm.statusCode = 603
        self.report(TransferRefused(prm.dstUri))

    @_guarded
    def onCallReplaceRequest(self, prm: Any) -> None:  # noqa: N802 - the library's name
        """An INVITE with Replaces (RFC 3891) would take a running visit over: a transfer by another name."""
        prm.statusCode = 603
        self.report(TransferRefused(""))

    # commands

    def place(self, uri: str, caller: str, sdp: str | None) -> None:
        """Our INVITE. caller "": the account's own identity. sdp None: the far side shall offer."""
        op = pj.CallOpParam(True)
        if sdp is None:
            op.opt.flag |= pj.PJSUA_CALL_NO_SDP_OFFER
        else:
            self.sdp = ours(sdp)
            _count_lines(op.opt, self.sdp)
        op.txOption.localUri = caller
        self.makeCall(uri, op)

    def ring(self, code: int, sdp: str | None) -> None:
        op = pj.CallOpParam()  # without call settings: with them the library would make an offer of its own here
        op.statusCode = code
        if sdp is not None and self.offer is not None:
            op.sdp.wholeSdp = self.sdp = ours(sdp, self.offer)
            self.early_sdp_sent = True
        elif code == 183:
            op.statusCode = 180  # 183 without a description says nothing, and the library would put its own in
        self.answer(op)

    def accept(self, sdp: str) -> None:
        op = pj.CallOpParam(True)
        op.statusCode = 200
        if self.offer is None:
            self.sdp = ours(sdp)
            _count_lines(op.opt, self.sdp)
        elif not self.early_sdp_sent:
            op.sdp.wholeSdp = self.sdp = ours(sdp, self.offer)
        self.answer(op)

    def send_offer(self, sdp: str) -> None:
        self.sdp = ours(sdp)
        op = pj.CallOpParam(True)
        _count_lines(op.opt, self.sdp)
        self.offering = True
        self.reinvite(op)

    def send_info(self, content_type: str, body: str) -> None:
        request = pj.CallSendRequestParam()
        request.method = "INFO"
        request.txOption.contentType = content_type
        request.txOption.msgBody = body
        self.sendRequest(request)

    def end(self, code: int, reason: str, retry_after_s: int = 0) -> None:
        """BYE, CANCEL or a final response, with the reason as RFC 3326 has it."""
        self.ending_locally = True
        self.local_code = code or (603 if self.incoming else 487)
        op = pj.CallOpParam()
        op.statusCode = code or 603
        if reason:
            text = "".join(each for each in reason if each.isascii() and each.isprintable() and each not in '"\\')
            _add_header(op, "Reason", f'SIP;cause={code or 200};text="{text}"')
        if retry_after_s:
            _add_header(op, "Retry-After", str(retry_after_s))
        self.hangup(op)

    def give_up(self) -> None:
        """End it whatever its state: the library may have ended it already."""
        with contextlib.suppress(pj.Error):
            self.end(500, "")


class Account(pj.Account):  # type: ignore[misc]  # the library has no types
    """One trunk's identity, or (trunk None) the nameless one that strangers' calls fall to."""

    def __init__(self, stack: Stack, trunk: Trunk | None) -> None:
        super().__init__()
        self._stack = stack
        self._trunk = trunk

    @_guarded
    def onIncomingCall(self, prm: Any) -> None:  # noqa: N802 - the library's name
        self._stack.came(self, prm.callId, prm.rdata)

    def ping(self, uri: str) -> None:
        request = pj.SendRequestParam()
        request.method = "OPTIONS"
        request.txOption.targetUri = uri
        self.sendRequest(request)

    @_guarded
    def onIncomingSubscribe(self, prm: Any) -> None:  # noqa: N802 - the library's name
        """The library would be a presence server."""
        prm.code, prm.reason = 489, phrase(489)

    @_guarded
    def onRegState(self, prm: Any) -> None:  # noqa: N802 - the library's name
        if self._trunk:
            up = prm.code // 100 == 2 and prm.expiration > 0
            registration = Registration(self._trunk.name, up, prm.code, phrase(prm.code))
            self._stack.registered(self, up=up)
            self._stack.report(wire.Noticed(RegistrationChanged(registration)))


class Endpoint(pj.Endpoint):  # type: ignore[misc]  # the library has no types
    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self._stack = stack

    @_guarded
    def onSelectAccount(self, prm: Any) -> None:  # noqa: N802 - the library's name
        """The library would choose by the request URI; we know trunks by where a request comes from."""
        prm.accountIndex = self._stack.account_of(prm.rdata.srcAddress).getId()


class Log(pj.LogWriter):  # type: ignore[misc]  # the library has no types
    """The library shows the ACK of a re-INVITE nowhere but in its log. Everything else in there is let go."""

    def __init__(self, stack: Stack) -> None:
        super().__init__()
        self._stack = stack

    @_guarded
    def write(self, entry: Any) -> None:
        text = entry.msg
        if "Request msg ACK/" in text:
            self._stack.saw(message.parse(text.partition("\n")[2].partition("\n--end msg--")[0]))


def _received(event: Any) -> message.Message | None:
    """The message that caused this event, if one did."""
    if event.type == pj.PJSIP_EVENT_RX_MSG:
        return message.parse(event.body.rxMsg.rdata.wholeMsg)
    if event.type == pj.PJSIP_EVENT_TSX_STATE and event.body.tsxState.type == pj.PJSIP_EVENT_RX_MSG:
        return message.parse(event.body.tsxState.src.rdata.wholeMsg)
    return None


def _add_header(op: Any, name: str, value: str) -> None:
    header = pj.SipHeader()
    header.hName, header.hValue = name, value
    op.txOption.headers.append(header)


def _count_lines(option: Any, sdp: str | None) -> None:
    """When we offer, the library must reckon with as many media as our description has lines, all as audio."""
    option.audioCount = len(media_kinds(sdp)) if sdp else 1
    option.videoCount = 0


def account_config(settings: SipSettings, trunk: Trunk | None, *, registers: bool, port: int) -> Any:
    """port: the lowest that the agent listens on."""
    config = pj.AccountConfig()
    config.sipConfig.contactForced = contact_of_ipv6(settings, port)
    config.idUri = identity(settings, trunk, _user_of(trunk))
    config.mediaConfig.useLoopMedTp = True
    config.mediaConfig.srtpUse = pj.PJMEDIA_SRTP_OPTIONAL
    config.mediaConfig.srtpSecureSignaling = 0
    config.callConfig.timerUse = pj.PJSUA_SIP_TIMER_OPTIONAL
    config.callConfig.timerSessExpiresSec = settings.session_expires_s
    config.callConfig.timerMinSESec = settings.min_se_s
    nat = config.natConfig
    nat.contactRewriteUse = nat.viaRewriteUse = nat.sdpNatRewriteUse = nat.sipOutboundUse = 0
    nat.udpKaIntervalSec = 0
    if trunk and trunk.username:
        config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", trunk.username, 0, trunk.password))
    if trunk and trunk.register and registers:
        config.regConfig.registrarUri = target_uri(trunk, "")
        config.regConfig.timeoutSec = trunk.register_expires_s
        config.regConfig.retryIntervalSec = 30
        config.regConfig.firstRetryIntervalSec = 5
    return config


def _user_of(trunk: Trunk | None) -> str:
    """A registrar knows us by our user name there."""
    if trunk is None:
        return ""
    return trunk.username if trunk.register and trunk.username else trunk.from_user


def engine_config(settings: SipSettings, log: Log) -> Any:
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 4  # level 4: messages; they go to `log` alone
    config.logConfig.msgLogging = 1
    config.logConfig.decor = 0
    config.logConfig.writer = log
    config.uaConfig.threadCnt = 0
    config.uaConfig.maxCalls = settings.calls_per_agent
    config.uaConfig.userAgent = settings.user_agent
    # its mixer has nothing to mix and only keeps count of calls; `TICK_BYTES` must be one tick of it
    config.medConfig.clockRate = 8000
    config.medConfig.channelCount = 1
    config.medConfig.audioFramePtime = 20
    return config


def listen(endpoint: Endpoint, settings: SipSettings, transport: Transport, base_port: int) -> wire.Address:
    """Raises SipPortTaken or SipConfigError."""
    port = base_port + (transport is Transport.TLS)
    config = pj.TransportConfig()
    config.port = port
    config.boundAddress = settings.host
    config.publicAddress = settings.public_host
    if transport is not Transport.UDP:
        # connections of a predecessor that died may linger; on UDP this would let two programs share a port
        config.sockOptParams.sockOpts.append(_reuse_address())
    if transport is Transport.TLS:
        _secure(config.tlsConfig, settings.tls)
    try:
        endpoint.transportCreate(_TRANSPORTS[transport][":" in settings.host], config)
    except pj.Error as error:
        where = f"{transport} {settings.host}:{port}"
        if error.status == _ADDRESS_IN_USE:
            raise SipPortTaken(f"{where} is taken by another program; stop it or choose another sip.port") from None
        raise SipConfigError(f"cannot listen on {where}: {error.reason}; check sip.host") from None
    return transport, settings.host, port


def _secure(config: Any, files: TlsFiles | None) -> None:
    if files is None:
        raise SipConfigError("sip.transports has tls, but sip.tls names no certificate and private_key")
    config.certFile, config.privKeyFile = files.certificate, files.private_key
    config.proto = pj.PJ_SSL_SOCK_PROTO_TLS1_2
    if files.ca:
        config.CaListFile = files.ca
        config.verifyServer = config.verifyClient = config.requireClientCert = True


def _reuse_address() -> Any:
    option = pj.SockOpt()
    option.level, option.optName = _SOL_SOCKET, _SO_REUSEADDR
    option.setOptValInt(1)
    return option

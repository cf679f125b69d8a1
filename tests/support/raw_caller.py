"""A caller made of datagrams: it says what the test writes, right or wrong, and shows what comes back.

caller = RawCaller(gateway.sip_port)
await caller.say(caller.request("INVITE", body=DESCRIPTION))
answer = await caller.answer("INVITE")
"""

from __future__ import annotations

import asyncio
import secrets
import socket
from dataclasses import dataclass
from typing import Self

HOST = "127.0.0.1"


def description(port: int, *, host: str = HOST) -> str:
    """Sound as PCMU, and no picture."""
    lines = ["v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0", f"m=audio {port} RTP/AVP 0"]
    return "\r\n".join([*lines, "a=rtpmap:0 PCMU/8000", ""])


@dataclass(frozen=True, slots=True)
class Heard:
    """code: 0 for a request. method: of the CSeq line."""

    code: int
    method: str
    text: str

    def header(self, name: str) -> str:
        for line in self.text.partition("\r\n\r\n")[0].split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.strip().lower() == name.lower():
                return value.strip()
        return ""

    @property
    def body(self) -> str:
        return self.text.partition("\r\n\r\n")[2]


def _read(data: bytes) -> Heard:
    text = data.decode("utf-8", "replace")
    words = text.partition("\r\n")[0].split(" ")
    code = int(words[1]) if words[0] == "SIP/2.0" else 0
    heard = Heard(code, "", text)
    return Heard(code, heard.header("CSeq").partition(" ")[2], text)


class RawCaller:
    """One call at a time, over UDP. `dialled` and `number` are the user parts of To and From."""

    def __init__(self, port: int, *, host: str = HOST, dialled: str = "1001", number: str = "2368001") -> None:
        self.remote = (HOST, port)
        self.dialled = dialled
        self.number = number
        self.call_id = secrets.token_hex(
            8
        )  # also names transactions: what garbage hits by chance must not be another's
        self.to_tag = ""
        self.sequence = 1
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.setblocking(False)
        self.host, self.port = self._socket.getsockname()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def request(
        self,
        method: str,
        *,
        body: str = "",
        sequence: int | None = None,
        headers: tuple[str, ...] = (),
        contact: bool = True,
        sender: str = "",
        branch: str = "",
    ) -> str:
        number = self.sequence if sequence is None else sequence
        branch = branch or f"z9hG4bK-{self.call_id}-{number}" + ("" if method != "ACK" else "-ack")
        lines = [
            f"{method} sip:{self.dialled}@{self.remote[0]}:{self.remote[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch={branch};rport",
            f"From: {sender or f'<sip:{self.number}@{self.host}:{self.port}>'};tag=raw",
            f"To: <sip:{self.dialled}@{self.remote[0]}>" + (f";tag={self.to_tag}" if self.to_tag else ""),
            f"Call-ID: {self.call_id}",
            f"CSeq: {number} {method}",
            "Max-Forwards: 70",
            *([f"Contact: <sip:raw@{self.host}:{self.port}>"] if contact else []),
            *headers,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body.encode())}",
        ]
        return "\r\n".join(lines) + "\r\n\r\n" + body

    async def say(self, text: str | bytes) -> None:
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        await asyncio.get_running_loop().sock_sendto(self._socket, data, self.remote)

    async def hear(self, timeout_s: float = 5.0) -> Heard:
        async with asyncio.timeout(timeout_s):
            return _read(await asyncio.get_running_loop().sock_recv(self._socket, 65536))

    async def answer(self, method: str = "INVITE", *, least: int = 200, timeout_s: float = 8.0) -> Heard:
        """The next response of at least this code to `method`. Requests that come meanwhile are answered with 200."""
        async with asyncio.timeout(timeout_s):
            while True:
                heard = await self.hear(timeout_s)
                if heard.code == 0:
                    await self.agree(heard)
                elif heard.method == method and heard.code >= least:
                    self.to_tag = heard.header("To").partition(";tag=")[2] or self.to_tag
                    return heard

    async def agree(self, request: Heard) -> None:
        """200 to a request of theirs."""
        names = ("Via", "From", "To", "Call-ID", "CSeq")
        if request.method != "ACK":
            head = "".join(f"{name}: {request.header(name)}\r\n" for name in names)
            await self.say(f"SIP/2.0 200 OK\r\n{head}Content-Length: 0\r\n\r\n")

    async def call(self, body: str) -> None:
        await self.say(self.request("INVITE", body=body))

    async def acknowledge(self, answer: Heard) -> None:
        """The ACK of a refusal belongs to its INVITE's transaction, that of a 200 does not (RFC 3261, 17.1.1.3)."""
        branch = f"z9hG4bK-{self.call_id}-{self.sequence}" if answer.code >= 300 else ""
        await self.say(self.request("ACK", branch=branch))

    async def give_up(self) -> int:
        """CANCEL, unless it was refused already; the final code of the INVITE."""
        await self.say(self.request("CANCEL"))
        return await self.end_of_invite()

    async def end_of_invite(self) -> int:
        final = await self.answer()
        await self.acknowledge(final)
        return final.code

    async def hang_up(self) -> int:
        self.sequence += 1
        await self.say(self.request("BYE"))
        return (await self.answer("BYE")).code

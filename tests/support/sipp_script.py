"""A call of SIPp's written as steps, for scenarios that change a visit many times.

script = Script(audio_port=4000, video_port=4002)
script.invite().reinvite("a=recvonly", flow="sendonly").pause(1.0).update("a=sendrecv", flow="sendrecv").bye()
script.write(tmp_path, "changes")
await Sipp("changes", tmp_path, gateway.sip_port, scenarios=tmp_path).run()
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

_HEAD = """{method} {target} SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: "Station 7" <sip:station7@[local_ip]:[local_port]>;tag=[pid]s[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {number} {method_of_number}
Contact: <sip:station7@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
"""
_FIRST, _LATER = "sip:[service]@[remote_ip]:[remote_port]", "[next_url]"


class Script:
    """Each step changes what it names; the rest of the description stays as it was."""

    def __init__(self, audio_port: int, video_port: int) -> None:
        self._steps: list[str] = []
        self._number = 0
        self._variables: list[str] = []
        self._described: dict[str, str | int] = {
            "audio_port": audio_port,
            "video_port": video_port,
            "flow": "sendrecv",
            "codec": 0,
            "address": "[media_ip]",
        }

    def invite(self, expect: str = "", **changes: str | int) -> Self:
        return self._offer("INVITE", expect, changes)

    def reinvite(self, expect: str = "", **changes: str | int) -> Self:
        return self._offer("INVITE", expect, changes)

    def update(self, expect: str = "", **changes: str | int) -> Self:
        return self._offer("UPDATE", expect, changes)

    def info(self, content_type: str, body: str) -> Self:
        self._number += 1
        self._send(self._request("INFO", self._number) + f"Content-Type: {content_type}\n", body)
        self._steps.append('<recv response="200"/>')
        return self

    def pause(self, seconds: float) -> Self:
        self._steps.append(f'<pause milliseconds="{round(seconds * 1000)}"/>')
        return self

    def bye(self) -> Self:
        self._number += 1
        self._send(self._request("BYE", self._number), "")
        self._steps.append('<recv response="200"/>')
        return self

    def hears_bye(self) -> Self:
        answer = (
            "SIP/2.0 200 OK\n[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0\n"
        )
        self._steps += ['<recv request="BYE"/>', f"<send><![CDATA[\n{answer}\n]]></send>"]
        return self

    def write(self, folder: Path, name: str) -> None:
        used = f'<Reference variables="{",".join(self._variables)}"/>' if self._variables else ""
        lines = ['<?xml version="1.0"?>', f'<scenario name="{name}">', *self._steps, used, "</scenario>"]
        (folder / f"{name}.xml").write_text("\n".join(lines))

    def _offer(self, method: str, expect: str, changes: dict[str, str | int]) -> Self:
        self._described |= changes
        self._number += 1
        self._send(self._request(method, self._number) + "Content-Type: application/sdp\n", self._description())
        if method == "INVITE":
            self._steps += [f'<recv response="{code}" optional="true"/>' for code in (100, 180, 183)]
        action = ""
        if expect:
            self._variables.append(f"found{len(self._variables)}")
            found = f'<ereg regexp="{expect}" search_in="msg" check_it="true" assign_to="{self._variables[-1]}"/>'
            action = f"<action>{found}</action>"
        self._steps.append(f'<recv response="200" rrs="true">{action}</recv>')
        if method == "INVITE":
            self._send(self._request("ACK", self._number), "", repeat=False)
        return self

    def _request(self, method: str, number: int) -> str:
        first = method == "INVITE" and number == 1
        return _HEAD.format(
            method=method,
            method_of_number=method,
            number=number,
            target=_FIRST if first else _LATER,
            tag="" if first else "[peer_tag_param]",
        )

    def _send(self, head: str, body: str, *, repeat: bool = True) -> None:
        retransmit = ' retrans="500"' if repeat else ""
        self._steps.append(f"<send{retransmit}><![CDATA[\n{head}Content-Length: [len]\n\n{body}\n]]></send>")

    def _description(self) -> str:
        said = self._described
        kind = "6" if ":" in str(said["address"]) else "[media_ip_type]"
        law = "PCMA" if said["codec"] == 8 else "PCMU"
        return f"""v=0
o=station 53655765 {self._number} IN IP4 [media_ip]
s=-
c=IN {f"IP{kind}" if kind == "6" else "IP4"} {said["address"]}
t=0 0
m=audio {said["audio_port"]} RTP/AVP {said["codec"]} 101
a=rtpmap:{said["codec"]} {law}/8000
a=rtpmap:101 telephone-event/8000
a={said["flow"]}
m=video {said["video_port"]} RTP/AVP 97
a=rtpmap:97 H264/90000
a={said["flow"]}
"""

"""An officer's browser made of packets: it offers to receive two pictures and a sound, and keeps what arrives."""

from __future__ import annotations

from bridge.legs.web_sdp import LinePlan, LocalTransport, Offer
from bridge.rtp import packet as rtp
from bridge.types import Kind
from tests.support.raw_peer import RawPeer

OPUS, PCMU, VP8, VP8_RTX, H264, H264_RTX = 111, 0, 96, 97, 102, 103
_VIDEO = {
    "VP8": (VP8, VP8_RTX, "VP8/90000", ""),
    "H264": (H264, H264_RTX, "H264/90000", "packetization-mode=1;profile-level-id=42e01f"),
}


class WatchingPeer(RawPeer):
    """`sound`, `station` and `family` are the payloads of what each line got, in the order of arrival."""

    async def wish(self, *, audio: tuple[str, ...] = ("opus", "PCMU"), video: tuple[str, ...] = ("VP8", "H264")) -> str:
        nobody = Offer((), "none", "none", (("sha-256", "none"),), setup="passive")
        return watching_offer(await self._transport.gather(nobody), audio=audio, video=video)

    def got(self, index: int) -> list[rtp.RtpHeader]:
        """The headers of what came for one m-line of the answer."""
        assert self.answer is not None
        ssrc = self.answer.lines[index].ssrc
        headers = [rtp.parse(each) for each in self.packets]
        return [each for each in headers if each is not None and each.ssrc == ssrc]

    def payloads(self, index: int) -> list[bytes]:
        assert self.answer is not None
        ssrc = self.answer.lines[index].ssrc
        headers = [(each, rtp.parse(each)) for each in self.packets]
        return [each[found.payload_start :] for each, found in headers if found is not None and found.ssrc == ssrc]


def watching_offer(
    local: LocalTransport, *, audio: tuple[str, ...] = ("opus", "PCMU"), video: tuple[str, ...] = ("VP8", "H264")
) -> str:
    """Shaped as Chromium's, with less of everything: line 0 the sound, 1 the station, 2 the family."""
    lines = ["v=0", "o=- 4611731400430051336 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1 2"]
    numbers = [{"opus": OPUS, "PCMU": PCMU}[each] for each in audio]
    lines += _line(local, Kind.AUDIO, 0, numbers)
    lines += ["a=rtpmap:111 opus/48000/2"] if "opus" in audio else []
    lines += ["a=rtpmap:0 PCMU/8000"] if "PCMU" in audio else []
    for mid in (1, 2):
        lines += _line(local, Kind.VIDEO, mid, [number for name in video for number in _VIDEO[name][:2]])
        for name in video:
            number, rtx, text, fmtp = _VIDEO[name]
            lines += [f"a=rtpmap:{number} {text}", f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={number}"]
            lines += [f"a=fmtp:{number} {fmtp}"] if fmtp else []
            lines += [f"a=rtcp-fb:{number} {each}" for each in ("nack", "nack pli", "ccm fir", "goog-remb")]
    return "\r\n".join(lines) + "\r\n"


def _line(local: LocalTransport, kind: Kind, mid: int, numbers: list[int]) -> list[str]:
    lines = [f"m={kind} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, numbers))}", "c=IN IP4 0.0.0.0"]
    lines += [f"a=candidate:{each}" for each in local.candidates]
    lines += [f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.password}"]
    lines += [f"a=fingerprint:{name} {value}" for name, value in local.fingerprints]
    return [*lines, "a=setup:actpass", f"a=mid:{mid}", "a=recvonly", "a=rtcp-mux", "a=rtcp-rsize"]


def carried(plans: tuple[LinePlan | None, ...]) -> list[str]:
    """What each line carries, as words."""
    return [f"{each.stream} {each.codec.name}" if each else "nothing" for each in plans]

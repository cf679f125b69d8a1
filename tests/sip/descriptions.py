"""Session descriptions as terminals write them."""

from __future__ import annotations


def description(port: int, *, video: bool = True, direction: str = "sendrecv", audio: str = "PCMU") -> str:
    payload_type = {"PCMU": 0, "PCMA": 8, "G722": 9}[audio]
    lines = [
        "v=0",
        f"o=- {port} 1 IN IP4 127.0.0.1",
        "s=-",
        "c=IN IP4 127.0.0.1",
        "t=0 0",
        f"m=audio {port} RTP/AVP {payload_type} 101",
        f"a=rtpmap:{payload_type} {audio}/8000",
        "a=rtpmap:101 telephone-event/8000",
        f"a={direction}",
    ]
    if video:
        lines += [f"m=video {port + 2} RTP/AVP 97", "a=rtpmap:97 H264/90000", f"a={direction}"]
    return "\r\n".join(lines) + "\r\n"


def without_origin(sdp: str | None) -> str:
    """The SIP stack writes the o= line's numbers (RFC 3264 section 8 wants them counted); all else is as given."""
    assert sdp is not None
    return "\r\n".join(line for line in sdp.splitlines() if not line.startswith("o=")) + "\r\n"


STATION = description(40000)
GATEWAY = description(30000)

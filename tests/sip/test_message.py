"""What is read from messages, and what is not believed."""

from __future__ import annotations

import pytest

from sip import SipSettings, Transport, Trunk
from sip.address import identity, target_uri
from sip.message import display_of, key_press, parse, user_of
from sip.trust import Trust

INVITE = (
    "INVITE sip:1001@gw.example SIP/2.0\r\n"
    "Via: SIP/2.0/TCP 10.1.2.3:5060;branch=z9hG4bK1\r\n"
    'f: "O\\"Neill, Ann" <sip:a%20b%3bc@jail.example;user=phone>;tag=1\r\n'
    "t: <sip:1001@gw.example>\r\n"
    "i: abc@10.1.2.3\r\n"
    "Subject: one\r\n two\r\n"
    "P-Asserted-Identity: <sip:7001@jail.example>\r\n"
    "c: application/sdp\r\n"
    "\r\n"
    "v=0\r\n"
)


def test_headers_long_compact_and_folded() -> None:
    message = parse(INVITE)
    assert (message.request_uri, message.transport, message.sdp) == ("sip:1001@gw.example", Transport.TCP, "v=0\r\n")
    assert message.header("call-id") == "abc@10.1.2.3"
    assert message.header("Subject") == "one two"
    assert user_of(message.header("from")) == "a b;c"
    assert display_of(message.header("from")) == 'O"Neill, Ann'
    assert user_of(message.header("p-asserted-identity")) == "7001"
    assert message.headers[1][0] == "f"  # as sent


def test_a_description_inside_a_multipart_body() -> None:
    isup, sdp = "Content-Type: application/isup\r\n\r\n\x01\r\n", "Content-Type: application/sdp\r\n\r\nv=0\r\n"
    body = f"--x\r\n{isup}--x\r\n{sdp}--x--\r\n"
    assert parse(f'INVITE sip:a SIP/2.0\r\nContent-Type: multipart/mixed;boundary="x"\r\n\r\n{body}').sdp == "v=0\r\n"


@pytest.mark.parametrize(
    "text", ["", "\r\n\r\n", "INVITE", ":\r\n:\r\n\r\n", "A\r\nContent-Type: multipart/mixed\r\n\r\nx", "\udcff"]
)
def test_nonsense_is_read_as_nothing(text: str) -> None:
    message = parse(text)
    assert message.sdp is None
    assert message.request_uri == ""
    message.start.encode()  # no lone surrogates go further


@pytest.mark.parametrize(
    ("content_type", "body", "key"),
    [
        ("application/dtmf-relay", "Signal=5\r\nDuration=200\r\n", ("5", 200)),
        ("application/dtmf-relay", "Signal= *\n", ("*", 160)),
        ("application/dtmf-relay", "signal=11\nduration=9999999\n", ("#", 160)),
        ("application/dtmf-relay", "Signal=a\r\nDuration=60000\r\n", ("A", 10000)),
        ("application/dtmf-relay", "Duration=1\r\n", None),
        ("application/dtmf", "7\r\n", ("7", 160)),
        ("application/dtmf", "77", None),
        ("text/plain", "7", None),
    ],
)
def test_key_presses(content_type: str, body: str, key: tuple[str, int] | None) -> None:
    assert key_press(content_type, body) == key


def test_the_narrowest_source_block_wins_and_strangers_have_no_trunk() -> None:
    trust = Trust([Trunk("carrier", sources=("10.0.0.0/8", "2001:db8::/32")), Trunk("jail", sources=("10.1.2.3",))])
    assert trust.trunk_of("10.1.2.3:5060") == "jail"
    assert trust.trunk_of("10.1.2.4:5060") == "carrier"
    assert trust.trunk_of("[2001:db8::7]:5060") == "carrier"
    assert trust.trunk_of("[::ffff:10.1.2.3]:5060") == "jail"
    assert trust.trunk_of("192.0.2.1:5060") == ""
    assert trust.trunk_of("nonsense") == ""


def test_addresses_that_we_write() -> None:
    tcp = Trunk("pbx", server="pbx.example:5070", transport=Transport.TCP, username="kin7")
    assert target_uri(tcp, "a b") == "sip:a%20b@pbx.example:5070;transport=tcp"
    assert target_uri(tcp, "sip:x@y;transport=tls") == "sip:x@y;transport=tls"
    assert identity(SipSettings(), tcp, "kin7") == "<sip:kin7@pbx.example>"
    assert identity(SipSettings(public_host="203.0.113.1"), Trunk("carrier"), "7001") == "<sip:7001@203.0.113.1>"

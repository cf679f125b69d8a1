"""One attempt: where it may go, whom it trusts, and what a receiver can do to it."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from gateway.config_webhooks import key_of
from gateway.errors import StartError
from gateway.reaching import Outcome, Post
from gateway.reaching.posting import is_private
from gateway.reaching.signature import headers_of
from tests.support.receiver import WebhookReceiver

BODY = b"{}"


async def sent(url: str, *, private: bool = True, ca: str = "", timeout_s: float = 5.0) -> Outcome:
    async with Post(timeout_s=timeout_s, ca=ca) as post:
        return await post(url, {"webhook-id": "msg_1"}, BODY, private=private)


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("127.0.0.1", True), ("10.1.2.3", True), ("172.16.0.1", True), ("192.168.1.1", True), ("169.254.169.254", True),
        ("100.64.0.1", True), ("0.0.0.0", True), ("224.0.0.1", True), ("239.1.1.1", True), ("255.255.255.255", True),
        ("::1", True), ("::", True), ("fe80::1", True), ("fd00::1", True), ("ff02::1", True), ("ff0e::1", True),
        ("::ffff:127.0.0.1", True), ("::ffff:8.8.8.8", False), ("64:ff9b::7f00:1", True), ("64:ff9b::808:808", False),
        ("2002:7f00:1::", True), ("2002:a00:1::1", True), ("8.8.8.8", False), ("2606:4700::1111", False),
    ],
)  # fmt: skip
def test_which_addresses_are_our_own(address: str, private: bool) -> None:
    assert is_private(ipaddress.ip_address(address)) is private


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "0.0.0.0"])
async def test_a_public_receiver_is_never_looked_for_in_our_own_network(host: str) -> None:
    async with WebhookReceiver() as there:
        outcome = await sent(f"http://{host}:{there.port}/hook", private=False)
    assert outcome == Outcome("address")
    assert there.got == []


async def test_a_private_one_is_not_looked_for_outside() -> None:
    assert await sent("https://8.8.8.8/hook") == Outcome("address")


async def test_a_name_that_changes_between_check_and_call_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is resolved once: what was checked is what is called."""
    asked: list[str] = []

    async def resolve(self: object, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        return [(2, 1, 6, "", ("127.0.0.1" if len(asked) > 1 else "203.0.113.9", port))]

    monkeypatch.setattr(type(asyncio.get_running_loop()), "getaddrinfo", resolve)
    async with WebhookReceiver() as there:
        outcome = await sent(f"http://rebind.example:{there.port}/", private=False, timeout_s=0.5)
    assert (outcome.taken, there.got) == (False, [])
    assert "rebind.example" in asked


async def test_nobody_listens_and_no_such_name() -> None:
    async with WebhookReceiver() as there:
        port = there.port
    assert await sent(f"http://127.0.0.1:{port}/") == Outcome("connection")
    assert await sent("https://no-such-host.invalid/", private=False) == Outcome("connection")


async def test_a_redirect_is_not_followed() -> None:
    async with WebhookReceiver() as inside:
        moved = f"HTTP/1.1 307 Moved\r\nLocation: {inside.url}\r\nContent-Length: 0\r\n\r\n".encode()
        async with WebhookReceiver([moved]) as there:
            assert await sent(there.url) == Outcome("307")
    assert inside.got == []


async def test_a_wish_to_wait_is_heard() -> None:
    busy = b"HTTP/1.1 429 Slow down\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n"
    odd = b"HTTP/1.1 503 Later\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n"
    async with WebhookReceiver([busy, odd]) as there:
        assert await sent(there.url) == Outcome("429", retry_after_s=17)
        assert await sent(there.url) == Outcome("503")


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with WebhookReceiver() as proxy, WebhookReceiver() as there:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert (await sent(there.url)).taken
    assert proxy.got == []


def authority(folder: Path, *, host: str = "127.0.0.1", days: int = 1) -> tuple[ssl.SSLContext, str]:
    """A server's context with a certificate of its own making, and that certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=2))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file, secret = folder / "receiver.pem", folder / "receiver.key"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, plain)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, secret)
    return context, str(file)


async def test_a_certificate_is_verified(tmp_path: Path) -> None:
    context, file = authority(tmp_path)
    async with WebhookReceiver(tls=context) as there:
        assert await sent(there.url) == Outcome("certificate")
        assert there.got == []
        assert (await sent(there.url, ca=file)).taken


@pytest.mark.parametrize("wrong", [{"host": "127.0.0.2"}, {"days": -1}])
async def test_one_of_another_host_or_out_of_date_is_none(tmp_path: Path, wrong: dict[str, object]) -> None:
    context, file = authority(tmp_path, **wrong)  # type: ignore[arg-type]
    async with WebhookReceiver(tls=context) as there:
        assert await sent(there.url, ca=file) == Outcome("certificate")


def test_a_file_of_authorities_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(StartError, match=r"webhooks.ca: .* holds no PEM certificate"):
        Post(timeout_s=1, ca=str(tmp_path / "ca.pem"))


def test_the_signature_is_that_of_the_specification() -> None:
    """The example that libraries of Standard Webhooks are tested with."""
    old = b"an older key, of which there may be one"
    key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = datetime.fromtimestamp(1614265330, UTC)
    headers = headers_of("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', [key, old])
    assert headers["webhook-timestamp"] == "1614265330"
    present, before = headers["webhook-signature"].split(" ")
    assert present == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert before.startswith("v1,")
    assert before != present

"""`webhooks:` in the configuration: mistakes are told with file, line and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.documents import DocumentError
from gateway.errors import StartError
from gateway.reaching import receivers_of
from tests.reaching.stage import KEY, SECRET
from tests.reaching.test_commands import config


def receiver(**fields: str) -> str:
    given = {"name": "push", "url": "https://push.example/hook", "secret": SECRET} | fields
    lines = [f"{key}: {value}" for key, value in given.items() if value]
    return "    - " + "\n      ".join(lines) + "\n"


@pytest.mark.parametrize(
    ("more", "line", "said"),
    [
        (receiver(name="sms"), 13, "a receiver named 'sms' stands above"),
        (receiver(url="http://push.example/"), 13, "http:// is readable on its way"),
        (receiver(url="push.example"), 14, "write https://sms.example/kinbridge"),
        (receiver(url="https://me:pw@push.example/"), 14, "would reach logs"),
        (receiver(url="https://push.example/#a"), 14, "what follows #"),
        (receiver(secret="hunter2"), 15, "openssl rand -base64 32"),
        (receiver(secret="whsec_c2hvcnQ="), 15, "24 to 64 random bytes"),
        (receiver(secret=""), 13, "write either secret_env"),
        (receiver(secret_env="PUSH"), 13, "write either secret_env"),
        (receiver(kinds="[visit.over]"), 16, "'visit.ringing' or 'visit.reminder'"),
        (receiver(devices="9"), 16, "less than or equal to 8"),
        (receiver(secrets="x"), 16, "did you mean 'secret'?"),
        ("  paralel: 3\n", 13, "did you mean 'parallel'?"),
        ("  ca: nowhere.pem\n", 13, "there is no file 'nowhere.pem'"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, more: str, line: int, said: str) -> None:
    file = config(tmp_path, more=more)
    with pytest.raises(DocumentError) as raised:
        load_config(file)
    text = str(raised.value)
    assert f"{file}:{line}: webhooks" in text
    assert said in text
    assert "hunter2" not in text
    assert "me:pw" not in text


def test_a_secret_comes_from_the_environment_and_changes_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = receiver(secret="", secret_env="PUSH_SECRET", previous_secret=SECRET)
    loaded = load_config(config(tmp_path, more=more))
    with pytest.raises(StartError, match=r"receiver push: \$PUSH_SECRET is no secret"):
        receivers_of(loaded.webhooks)
    monkeypatch.setenv("PUSH_SECRET", "whsec_" + "bmV3" * 10)
    sms, push = receivers_of(loaded.webhooks)
    assert sms.keys == (KEY,)
    assert push.keys == (b"new" * 10, KEY)
    assert SECRET not in repr(loaded) + repr(push)

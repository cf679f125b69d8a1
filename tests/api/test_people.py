"""Residents, contacts and lists through the API: by administrators, with a log for auditors."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from gateway.app import Gateway
from gateway.config import HttpConfig, StaffConfig, StaffRole
from gateway.demo.facility import demo_config
from sip import FakeSipEndpoint

TOKENS = {"ADMINISTRATOR": "administrator-of-the-test", "AUDITOR": "auditor-of-the-test", "OFFICER": "officer-of-test"}
PEOPLE = "/api/v1/people"
SAM = {"name": "Sam Inside", "unit": "B2", "max_minutes": 15}
ANN = {"name": "<b>Ann</b>", "number": "5553330001", "account": "ann", "telephone": "+1 303 555 0142", "also": ["bob"]}


async def test_people_are_kept_by_administrators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, token in TOKENS.items():
        monkeypatch.setenv(name, f"{token}-0123456789")
    staff = tuple(StaffConfig(name=name.lower(), token_env=name, roles=(StaffRole(name.lower()),)) for name in TOKENS)
    config = demo_config(tmp_path)
    http = config.http.model_copy(update={"staff": staff})
    assert isinstance(http, HttpConfig)
    async with (
        Gateway(config.model_copy(update={"http": http}), endpoint=FakeSipEndpoint()) as gateway,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{gateway.http_port}") as client,
    ):

        async def ask(method: str, path: str, body: object = None, who: str = "ADMINISTRATOR") -> httpx.Response:
            head = {"Authorization": f"Bearer {TOKENS[who]}-0123456789"}
            return await client.request(method, path, json=body, headers=head)

        for who in ("AUDITOR", "OFFICER"):
            assert (await ask("PUT", f"{PEOPLE}/residents/demo-jail/4711", SAM, who)).status_code == 403
            assert (await ask("GET", f"{PEOPLE}/residents/demo-jail", None, who)).status_code == 403
        sam = f"{PEOPLE}/residents/demo-jail/4711"
        assert (await ask("PUT", sam, SAM)).json()["max_minutes"] == 15
        ann = (await ask("PUT", f"{PEOPLE}/contacts/ann", ANN)).json()
        assert (ann["telephone"], ann["also"]) == ("+13035550142", ["bob"])
        assert (await ask("PUT", f"{sam}/contacts/ann", {"standing": "approved"})).status_code == 204
        assert (await ask("PUT", f"{sam}/pin", {"pin": "2580"})).status_code == 204
        whole = (await ask("GET", sam)).json()
        assert (whole["pin"], whole["list"]) == (
            True,
            [{"contact": "ann", "name": ANN["name"], "standing": "approved"}],
        )
        listed = (await ask("GET", f"{PEOPLE}/residents/demo-jail")).json()
        assert ([each["id"] for each in listed["items"]], listed["next_after"]) == (["4711"], "4711")

        number = {"number": "_1900XXXXXXX", "act": "block", "reason": "premium"}
        assert (await ask("PUT", f"{PEOPLE}/numbers", number)).status_code == 204
        assert (await ask("GET", f"{PEOPLE}/numbers")).json() == [{"facility": "", **number}]
        assert (await ask("POST", f"{PEOPLE}/numbers/free", number)).status_code == 204
        assert (await ask("GET", f"{PEOPLE}/numbers")).json() == []

        for method, path, body, words in (
            ("PUT", f"{PEOPLE}/residents/nowhere/4711", SAM, "the dialplan has no facility 'nowhere'"),
            ("PUT", f"{PEOPLE}/contacts/cleo", ANN, "is that of contact 'ann'"),
            ("PUT", f"{PEOPLE}/contacts/cleo", ANN | {"telephone": "911"}, "telephone:"),
            ("PUT", f"{sam}/contacts/nobody", {"standing": "approved"}, "no contact 'nobody'"),
            ("PUT", f"{sam}/pin", {"pin": "1234"}, "guessed first"),
            ("GET", f"{PEOPLE}/residents/demo-jail/4712", None, "no resident '4712'"),
            ("PUT", f"{PEOPLE}/numbers", {"number": "_1900[", "act": "block"}, "[1-5]"),
        ):
            refused = await ask(method, path, body)
            assert (refused.status_code, refused.json()["type"]) == (422, "urn:kinbridge:problem:people-refused"), path
            assert words in refused.json()["detail"], path
        assert (await ask("PUT", f"{PEOPLE}/residents/demo-jail/x1", SAM)).status_code == 422

        log = (await ask("GET", "/api/v1/audit/people?subject=demo-jail/4711", None, "AUDITOR")).json()
        assert [(each["who"], each["kind"]) for each in log["items"]] == [
            ("administrator", "resident"),
            ("administrator", "pin"),
        ]
        assert (await ask("GET", "/api/v1/audit/people", None, "OFFICER")).status_code == 403
        assert "2580" not in (await ask("GET", "/api/v1/audit/people", None, "AUDITOR")).text

"""A contact's link opens that contact's page, for a time, and nothing else does."""

from __future__ import annotations

import logging

import pytest

from gateway.api.links import Links
from gateway.clock import ManualClock
from gateway.errors import LinkExpired, LinkForged


def test_a_link_names_its_contact_back() -> None:
    links = Links("secret")
    assert links.verify(links.sign("family-1")) == "family-1"


async def test_a_link_ends_with_its_age() -> None:
    clock = ManualClock()
    links = Links("secret", max_age_s=3600, clock=clock)
    token = links.sign("family-1")
    await clock.advance(3600)
    assert links.verify(token) == "family-1"
    await clock.advance(1)
    with pytest.raises(LinkExpired):
        links.verify(token)


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: "x" + t, lambda t: t.split(".")[0], lambda _: ""])
def test_a_changed_link_opens_nothing(change) -> None:  # type: ignore[no-untyped-def]
    links = Links("secret")
    with pytest.raises(LinkForged):
        links.verify(change(links.sign("family-1")))


def test_another_secret_made_another_link() -> None:
    with pytest.raises(LinkForged):
        Links("secret").verify(Links("other").sign("family-1"))


def test_without_a_secret_links_work_but_the_log_warns(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        links = Links("")
    assert links.verify(links.sign("family-1")) == "family-1"
    assert "http.link_secret" in caplog.text
    with pytest.raises(LinkForged):
        Links("").verify(links.sign("family-1"))

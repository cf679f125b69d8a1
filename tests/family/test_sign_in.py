"""A contact signs in by e-mail: what it gets, how often it may try, and what nobody can learn from it."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from gateway.errors import SignInLocked, SignInRefused
from gateway.store import Work
from tests.family.stage import ADA, HERE, MONDAY, Household, code_in, household, link_in

ELSEWHERE = "203.0.113.9"


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[Household]:
    async with household(database_url) as house:
        yield house


async def test_a_code_signs_in_once(house: Household) -> None:
    started = await house.desk.start(" Ada@Example.org ", source=HERE)
    mail = await house.post.mail()
    assert (mail["To"], mail["From"]) == (ADA, "visits@visits.example")
    ticket = await house.desk.by_code(started.sign_in, code_in(mail), source=HERE)
    session = await house.desk.session(ticket.cookie)
    assert session is not None
    assert (session.contact, session.ends_at) == ("family-1", MONDAY + timedelta(days=30))
    for again in (house.desk.by_code(started.sign_in, code_in(mail), source=HERE),
                  house.desk.by_link(link_in(mail), source=HERE)):  # fmt: skip
        with pytest.raises(SignInRefused):
            await again


async def test_a_link_signs_in_once_from_any_device(house: Household) -> None:
    await house.desk.start(ADA, source=HERE, language="es")
    mail = await house.post.mail()
    assert "Su código" in mail.get_content()
    ticket = await house.desk.by_link(link_in(mail), source=ELSEWHERE)
    assert await house.desk.session(ticket.cookie) is not None
    with pytest.raises(SignInRefused):
        await house.desk.by_link(link_in(mail), source=ELSEWHERE)


async def test_two_who_come_at_once_by_one_link_are_one(house: Household) -> None:
    await house.desk.start(ADA, source=HERE)
    link = link_in(await house.post.mail())
    came = await asyncio.gather(*(house.desk.by_link(link, source=HERE) for _ in range(4)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in came) == ["SignInRefused"] * 3 + ["Ticket"]


async def test_an_address_that_nobody_has_gets_the_same_answer_and_no_mail(house: Household) -> None:
    known = await house.desk.start(ADA, source=HERE)
    unknown = await house.desk.start("nobody@example.org", source=HERE)
    assert (known.expires_at, len(known.sign_in)) == (unknown.expires_at, len(unknown.sign_in))
    await house.post.mail()
    await house.desk.close()
    assert len(house.post.mails) == 1
    with pytest.raises(SignInRefused):
        await house.desk.by_code(unknown.sign_in, "000000", source=HERE)


async def test_what_was_sent_is_over_after_ten_minutes(house: Household) -> None:
    started = await house.desk.start(ADA, source=HERE)
    mail = await house.post.mail()
    await house.clock.advance(600)
    with pytest.raises(SignInRefused):
        await house.desk.by_code(started.sign_in, code_in(mail), source=HERE)
    with pytest.raises(SignInRefused):
        await house.desk.by_link(link_in(mail), source=HERE)


async def test_five_wrong_codes_use_it_up(house: Household) -> None:
    started = await house.desk.start(ADA, source=HERE)
    code = code_in(await house.post.mail())
    for wrong in range(5):
        with pytest.raises(SignInRefused):
            await house.desk.by_code(started.sign_in, f"{(int(code) + wrong + 1) % 1_000_000:06d}", source=HERE)
    with pytest.raises(SignInRefused):
        await house.desk.by_code(started.sign_in, code, source=HERE)


async def test_a_code_without_the_page_that_asked_for_it_is_nothing(house: Household) -> None:
    await house.desk.start(ADA, source=HERE)
    other = await house.desk.start("ben@example.org", source=ELSEWHERE)
    mails = [await house.post.mail(1), await house.post.mail(2)]
    hers = next(each for each in mails if each["To"] == ADA)
    if code_in(hers) != code_in(next(each for each in mails if each is not hers)):
        with pytest.raises(SignInRefused):
            await house.desk.by_code(other.sign_in, code_in(hers), source=ELSEWHERE)


@pytest.mark.parametrize("address", [ADA, "nobody@example.org"])
async def test_an_address_is_written_to_five_times_an_hour(house: Household, address: str) -> None:
    for number in range(5):
        await house.desk.start(address, source=f"192.0.2.{number}")
    with pytest.raises(SignInLocked) as locked:
        await house.desk.start(address.upper(), source="192.0.2.99")
    assert locked.value.retry_after_s == 3600
    await house.clock.advance(3600)
    await house.desk.start(address, source="192.0.2.99")


async def test_who_guesses_links_is_locked_out_even_with_the_right_one(house: Household) -> None:
    await house.desk.start(ADA, source=HERE)
    link = link_in(await house.post.mail())
    for number in range(30):
        with pytest.raises(SignInRefused):
            await house.desk.by_link(f"guess-{number}", source=ELSEWHERE)
    with pytest.raises(SignInLocked):
        await house.desk.by_link(link, source=ELSEWHERE)
    await house.desk.by_link(link, source=HERE)


async def test_a_session_ends_by_itself_by_signing_out_and_on_every_device(house: Household) -> None:
    first, second = await house.sign_in(), await house.sign_in()
    await house.desk.end(first)
    assert await house.desk.session(first) is None
    assert await house.desk.session(second) is not None
    third = await house.sign_in()
    assert await house.desk.end_all("family-1") == 2
    assert [await house.desk.session(each) for each in (second, third)] == [None, None]
    fourth = await house.sign_in()
    await house.clock.advance(30 * 24 * 3600)
    assert await house.desk.session(fourth) is None


async def test_the_cookie_that_the_browser_had_is_over(house: Household) -> None:
    old = await house.sign_in()
    await house.desk.start(ADA, source=HERE)
    await house.desk.by_link(link_in(await house.post.mail(2)), source=HERE, before=old)
    assert await house.desk.session(old) is None


async def test_another_address_ends_what_the_old_one_began(house: Household) -> None:
    cookie = await house.sign_in()
    await house.know("family-1", "ada.new@example.org")
    assert await house.desk.session(cookie) is None


async def test_the_store_has_neither_cookie_link_nor_code(house: Household) -> None:
    started = await house.desk.start(ADA, source=HERE)
    mail = await house.post.mail()
    row = await house.store.read(lambda work: _row(work, started.sign_in))
    assert code_in(mail) not in str(row)
    assert link_in(mail) not in str(row)
    assert started.sign_in not in str(row)


def _row(work: Work, sign_in: str) -> object:
    found = work.families.sign_in(sign_in_hash=hashlib.sha256(sign_in.encode()).hexdigest())
    assert found is not None
    return found

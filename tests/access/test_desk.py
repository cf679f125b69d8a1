"""Staff accounts and sessions in the store: who gets in, for how long, and what stops guessing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from gateway.config import StaffRole
from gateway.errors import AccessError, SignInLocked, SignInRefused
from tests.access.stage import HERE, PASSWORD, House, house_on


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    async with house_on(database_url) as house:
        yield house


@pytest.fixture
async def home() -> AsyncIterator[House]:
    """For what no database does otherwise than another."""
    async with house_on("sqlite://") as house:
        yield house


async def refused(house: House, name: str, password: str, source: str = HERE) -> None:
    with pytest.raises(SignInRefused, match="no account has this name and this password"):
        await house.desk.sign_in(name, password, source=source)


async def test_who_signs_in_is_known_on_every_node(house: House) -> None:
    await house.hire("badge-1", StaffRole.OFFICER, StaffRole.AUDITOR)
    ticket = await house.desk.sign_in("badge-1", PASSWORD, source=HERE)
    session = await house.other_node().session(ticket.cookie)
    assert session is not None
    assert (session.name, session.roles) == ("badge-1", {StaffRole.OFFICER, StaffRole.AUDITOR})
    assert await house.desk.session(ticket.cookie + "x") is None
    assert await house.acts() == [("tester", "staff.added", "badge-1"), ("badge-1", "staff.signed_in", "badge-1")]


async def test_neither_password_nor_cookie_lies_in_the_store(home: House) -> None:
    await home.hire()
    ticket = await home.desk.sign_in("badge-1", PASSWORD, source=HERE)
    (account,) = await home.desk.accounts()
    assert account.password_hash.startswith("$argon2id$")
    assert await home.store.read(lambda work: work.staff.session(ticket.cookie)) is None
    assert ticket.cookie not in repr(ticket)


async def test_a_session_ends_unused_and_ends_at_all(house: House) -> None:
    await house.hire()
    used = await house.desk.sign_in("badge-1", PASSWORD, source=HERE)
    unused = await house.desk.sign_in("badge-1", PASSWORD, source=HERE)
    for _ in range(36):  # every 20 minutes for 12 hours
        assert await house.desk.session(used.cookie) is not None
        await house.clock.advance(20 * 60)
    assert await house.desk.session(used.cookie) is None
    assert await house.desk.session(unused.cookie) is None


async def test_signing_in_again_makes_a_new_session_of_the_old_one(home: House) -> None:
    await home.hire()
    first = await home.desk.sign_in("badge-1", PASSWORD, source=HERE)
    second = await home.desk.sign_in("badge-1", PASSWORD, source=HERE, before=first.cookie)
    assert second.cookie != first.cookie
    assert await home.desk.session(first.cookie) is None
    assert await home.desk.session(second.cookie) is not None


async def test_signing_out_ends_it_everywhere_and_twice_is_no_mistake(home: House) -> None:
    await home.hire()
    ticket = await home.desk.sign_in("badge-1", PASSWORD, source=HERE)
    await home.desk.end(ticket.cookie)
    await home.desk.end(ticket.cookie)
    assert await home.other_node().session(ticket.cookie) is None
    assert [act for _, act, _ in await home.acts()].count("staff.signed_out") == 1


@pytest.mark.parametrize("change", ["disable", "password"])
async def test_a_disabled_account_or_a_new_password_ends_its_sessions_and_no_others(house: House, change: str) -> None:
    await house.hire("badge-1")
    await house.hire("badge-2")
    ended = await house.desk.sign_in("badge-1", PASSWORD, source=HERE)
    stays = await house.desk.sign_in("badge-2", PASSWORD, source=HERE)
    if change == "disable":
        assert await house.desk.set_active("badge-1", "tester", active=False) == 1
        await refused(house, "badge-1", PASSWORD)
        await house.desk.set_active("badge-1", "tester", active=True)
    else:
        assert await house.desk.set_password("badge-1", "another good long one", "tester") == 1
        await refused(house, "badge-1", PASSWORD)
    assert await house.desk.session(ended.cookie) is None
    assert await house.desk.session(stays.cookie) is not None


async def test_other_roles_count_from_the_next_request_on(home: House) -> None:
    await home.hire("badge-1", StaffRole.ADMINISTRATOR)
    ticket = await home.desk.sign_in("badge-1", PASSWORD, source=HERE)
    await home.desk.set_roles("badge-1", frozenset({StaffRole.BILLING}), "tester")
    session = await home.desk.session(ticket.cookie)
    assert session is not None
    assert session.roles == {StaffRole.BILLING}


async def test_a_name_that_failed_too_often_is_locked_out_in_words_with_a_time(home: House) -> None:
    await home.hire()
    for number in range(3):
        await refused(home, "badge-1", "not the password", source=f"198.51.100.{number}")
    with pytest.raises(SignInLocked, match="too many sign-ins have failed") as locked:
        await home.other_node().sign_in("badge-1", PASSWORD, source="203.0.113.9")
    assert locked.value.retry_after_s == 15 * 60
    assert await home.acts() == [
        ("tester", "staff.added", "badge-1"),
        ("badge-1", "staff.sign_in_refused", "badge-1"),
        ("badge-1", "staff.sign_in_refused", "badge-1"),
        ("badge-1", "staff.locked_out", "badge-1"),
    ]
    await home.clock.advance(15 * 60)
    await home.desk.sign_in("badge-1", PASSWORD, source=HERE)


async def test_names_that_nobody_has_are_answered_and_locked_out_just_so(home: House) -> None:
    for _ in range(3):
        await refused(home, "nobody-at-all", "whatever it is")
    with pytest.raises(SignInLocked, match="too many sign-ins have failed"):
        await home.desk.sign_in("nobody-at-all", "whatever it is", source="203.0.113.9")
    assert {subject for _, _, subject in await home.acts()} == {"(unknown)"}, "it may have been the password"


async def test_an_address_that_failed_too_often_is_locked_out_whatever_names_it_tries(home: House) -> None:
    await home.hire()
    for number in range(8):
        await refused(home, f"guess-{number}", "whatever it is")
    with pytest.raises(SignInLocked):
        await home.desk.sign_in("badge-1", PASSWORD, source=HERE)
    await home.desk.sign_in("badge-1", PASSWORD, source="203.0.113.9")


async def test_many_tries_at_once_are_no_more_than_as_many_one_after_the_other(house: House) -> None:
    await house.hire()
    tries = [house.desk.sign_in("badge-1", f"guess {number}", source=f"10.0.0.{number}") for number in range(10)]
    found = [type(each).__name__ for each in await asyncio.gather(*tries, return_exceptions=True)]
    assert sorted(found) == ["SignInLocked"] * 7 + ["SignInRefused"] * 3


async def test_who_gets_in_is_not_counted(home: House) -> None:
    """Many share one address behind a proxy: those who know their passwords lock nobody out."""
    await home.hire()
    for _ in range(10):
        await home.desk.sign_in("badge-1", PASSWORD, source=HERE)
    for _ in range(2):
        await refused(home, "badge-1", "not the password")
    await home.desk.sign_in("badge-1", PASSWORD, source=HERE)
    for _ in range(2):
        await refused(home, "badge-1", "not the password")
    await home.desk.sign_in("badge-1", PASSWORD, source=HERE)


async def test_a_new_password_ends_the_lock_out_of_its_name(home: House) -> None:
    await home.hire()
    for number in range(3):
        await refused(home, "badge-1", "not the password", source=f"198.51.100.{number}")
    await home.desk.set_password("badge-1", "another good long one", "tester")
    await home.desk.sign_in("badge-1", "another good long one", source=HERE)


async def test_a_token_of_the_configuration_begins_a_session_and_a_wrong_one_is_counted(home: House) -> None:
    ticket = await home.desk.sign_in_by_token("desk", "ab" * 32, source=HERE)
    session = await home.desk.session(ticket.cookie)
    assert session is not None
    assert (session.name, session.roles) == ("desk", frozenset())
    assert session.token_mark not in ("", "ab" * 32)
    for _ in range(8):
        with pytest.raises(SignInRefused):
            await home.desk.sign_in_by_token("", "", source=HERE)
    with pytest.raises(SignInLocked):
        await home.desk.sign_in_by_token("desk", "ab" * 32, source=HERE)


@pytest.mark.parametrize(
    ("name", "password", "words"),
    [
        ("badge 1", PASSWORD, "name: 1 to 63 letters"),
        ("badge-1", "too short", "12 to 200 characters"),
        ("badge-1", "my Badge-1 is here", "leave the name out"),
        ("badge-1", "abababababababab", "repeat less"),
    ],
)
async def test_what_is_no_name_or_no_password_is_said(home: House, name: str, password: str, words: str) -> None:
    with pytest.raises(AccessError, match=words) as error:
        await home.desk.add(name, frozenset({StaffRole.OFFICER}), password, "tester")
    assert password not in str(error.value)
    assert await home.desk.accounts() == ()


async def test_a_name_is_taken_once_whatever_its_letters_case(house: House) -> None:
    await house.hire("badge-a")
    with pytest.raises(AccessError, match="already"):
        await house.hire("Badge-A")
    with pytest.raises(AccessError, match="there is no staff account 'other'"):
        await house.desk.set_roles("other", frozenset({StaffRole.OFFICER}), "tester")


async def test_the_same_letters_typed_otherwise_are_the_same_password(home: House) -> None:
    """A keyboard that composes an accent and one that has the letter."""
    await home.desk.add("badge-1", frozenset({StaffRole.OFFICER}), "una man\u0303ana tranquila", "tester")
    await home.desk.sign_in("badge-1", "una ma\u00f1ana tranquila", source=HERE)


async def test_an_unknown_name_costs_the_same_hash(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the time is compared but what takes it: one argon2 verification with the same parameters."""
    from argon2 import PasswordHasher

    verified: list[str] = []
    verify = PasswordHasher.verify

    def counting(self: PasswordHasher, password_hash: str, password: str) -> bool:
        verified.append(password_hash.rsplit("$", 2)[0])
        return bool(verify(self, password_hash, password))

    await home.hire()
    monkeypatch.setattr(PasswordHasher, "verify", counting)
    await refused(home, "badge-1", "not the password")
    await refused(home, "nobody-at-all", "not the password")
    known, unknown = verified
    assert known == unknown

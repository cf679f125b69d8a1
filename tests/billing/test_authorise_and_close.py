"""A visit's money from hold to receipt."""

from datetime import timedelta

import pytest

from gateway.call.summary import FlowSummary, HoldRefused
from gateway.call.termination import Fault, Reason, Termination
from gateway.errors import BillingError
from gateway.policy.decision import Refusal
from gateway.store import AccountKind
from tests.billing import stage
from tests.billing.stage import (
    START,
    accounting_on,
    accounting_with,
    assert_books_and_chain_sound,
    granted,
    intent,
    proof,
    summary,
    usd,
)

pytestmark = pytest.mark.usefixtures("each_database")


async def refused(accounting, visit_id, **changes) -> str:
    answer = await accounting.authorise(intent(visit_id, **changes))
    assert isinstance(answer, HoldRefused), answer
    return answer.refusal


async def test_a_rich_account_is_held_for_the_time_limit_and_charged_for_the_seconds():
    async with accounting_with("20.00") as accounting:
        hold = await granted(accounting, "v1")
        assert (hold.amount, hold.seconds, hold.limited_by_balance) == (usd("3.20"), 1200, False)
        assert hold.rate_per_minute == usd("0.16")
        assert (await accounting.account("family-1")).available == usd("16.80")

        receipt = await accounting.close(summary("v1", 90))

        assert (receipt.charged, receipt.balance, receipt.billable_s) == (usd("0.24"), usd("19.76"), 90)
        assert receipt.duration_s == 91
        assert (receipt.sequence, receipt.reason) == (1, "family_left")
        account = await accounting.account("family-1")
        assert (account.balance, account.held) == (usd("19.76"), usd("0"))
        await assert_books_and_chain_sound(accounting)


async def test_a_balance_for_37_seconds_grants_37_seconds_and_not_one_more():
    async with accounting_with("0.098666") as accounting:
        hold = await granted(accounting, "v1")
        assert (hold.amount, hold.seconds, hold.limited_by_balance) == (usd("0.098666"), 37, True)

        ended = Termination(Reason.BALANCE_EXHAUSTED, Fault.MONEY)
        receipt = await accounting.close(summary("v1", 37, termination=ended))

        assert (receipt.charged, receipt.balance) == (usd("0.098666"), usd("0"))
        assert receipt.reason == "balance_exhausted"


async def test_a_meter_that_ran_too_long_is_charged_no_further_than_the_hold():
    async with accounting_with("0.10") as accounting:
        hold = await granted(accounting, "v1")
        receipt = await accounting.close(summary("v1", 3600))
        assert receipt.billable_s == hold.seconds == 37
        assert receipt.charged <= hold.amount
        await assert_books_and_chain_sound(accounting)


async def test_a_visit_without_usable_media_costs_nothing_not_even_the_connection_fee():
    async with accounting_with("5.00") as accounting:
        await granted(accounting, "v1", tariff="flat-video")
        receipt = await accounting.close(summary("v1", 0, media_start_at=None, media_end_at=None, unusable_s=30))
        assert (receipt.charged, receipt.balance) == (usd("0"), usd("5.00"))
        (cdr,) = await accounting.cdrs()
        assert (cdr.total, cdr.lines, cdr.movement_id, cdr.unusable_s) == ("0.00", (), "", 30)


async def test_the_flat_price_is_one_line():
    async with accounting_with("5.00") as accounting:
        hold = await granted(accounting, "v1", tariff="flat-video")
        assert hold.amount == usd("2.50")
        await accounting.close(summary("v1", 600))
        (cdr,) = await accounting.cdrs()
        assert [(line.kind, line.amount) for line in cdr.lines] == [("connection_fee", "2.50"), ("usage", "0.00")]


async def test_what_cannot_pay_a_second_is_refused_and_still_leaves_a_record():
    async with accounting_with("0.002665") as accounting:
        assert await refused(accounting, "v1") == Refusal.BALANCE
        said_no = Termination(Reason.REFUSED, Fault.MONEY, refusal=Refusal.BALANCE, sip_code=402)
        receipt = await accounting.close(
            summary("v1", 0, termination=said_no, answer_at=None, media_start_at=None, media_end_at=None)
        )
        assert receipt.charged == usd("0")
        (cdr,) = await accounting.cdrs()
        assert (cdr.reason, cdr.fault, cdr.sip_code, cdr.hold_id) == ("refused_balance", "money", 402, "")
        assert (cdr.duration_ms, cdr.tariff_id, cdr.tariff_version) == (0, "demo-video", 1)


async def test_a_rounding_that_gives_seconds_away_does_not_open_an_empty_account():
    """0.10 a minute cut to the cent costs nothing for 5 s; an empty account is refused all the same."""
    async with accounting_with("0") as accounting:
        later = START + timedelta(days=200)
        assert await refused(accounting, "v1", tariff="first-minute-audio", setup_at=later) == Refusal.BALANCE


async def test_closed_unknown_and_foreign_accounts_are_refused():
    async with accounting_with("5.00") as accounting:
        await accounting.open_account("family-eur", "EUR")
        await accounting.close_account("family-1")
        assert await refused(accounting, "v1") == Refusal.ACCOUNT_CLOSED
        assert await refused(accounting, "v2", account="nobody") == Refusal.BALANCE
        assert await refused(accounting, "v3", account="family-eur") == Refusal.BALANCE


async def test_a_tariff_without_a_version_in_force_is_refused_by_that_name():
    async with accounting_with("5.00") as accounting:
        assert await refused(accounting, "v1", setup_at=START - timedelta(days=365)) == Refusal.TARIFF
        assert await refused(accounting, "v2", tariff="no-such") == Refusal.TARIFF


async def test_an_account_that_closes_in_mid_visit_is_still_charged():
    async with accounting_with("5.00") as accounting:
        await granted(accounting, "v1")
        await accounting.close_account("family-1")
        assert (await accounting.close(summary("v1", 60))).charged == usd("0.16")
        await assert_books_and_chain_sound(accounting)


async def test_without_an_account_the_visit_is_free():
    async with accounting_with("0") as accounting:
        hold = await granted(accounting, "v1", account="", max_seconds=600)
        assert (hold.hold_id, hold.amount, hold.seconds) == ("", usd("0"), 600)
        assert hold.rate_per_minute == usd("0")
        receipt = await accounting.close(summary("v1", 300))
        assert (receipt.charged, receipt.billable_s, receipt.balance) == (usd("0"), 300, None)
        (cdr,) = await accounting.cdrs()
        assert (cdr.account, cdr.tariff_id, cdr.total, cdr.currency) == ("", "demo-video", "0.00", "USD")


async def test_a_facility_pays_by_invoice_whatever_its_balance():
    async with accounting_with("0") as accounting:
        await accounting.open_account("county", kind=AccountKind.FACILITY)
        hold = await granted(accounting, "v1", account="county")
        assert (hold.seconds, hold.limited_by_balance) == (1200, False)
        receipt = await accounting.close(summary("v1", 60))
        assert (receipt.charged, receipt.balance) == (usd("0.16"), usd("-0.16"))
        await assert_books_and_chain_sound(accounting)


async def test_an_attempt_that_policy_refused_leaves_one_record_without_money():
    async with accounting_with("5.00") as accounting:
        nothing = {"account": "", "tariff": "", "contact": "", "rule": ""}
        await accounting.attempt(intent("v1", **nothing))
        await accounting.attempt(intent("v1", **nothing))
        hours = Termination(Reason.REFUSED, Fault.POLICY, refusal="hours", sip_code=403)
        receipt = await accounting.close(
            summary("v1", 0, termination=hours, ring_at=None, answer_at=None, media_start_at=None, media_end_at=None)
        )
        assert (receipt.charged.micros, receipt.charged.currency, receipt.balance) == (0, "XXX", None)
        (cdr,) = await accounting.cdrs()
        assert (cdr.reason, cdr.total, cdr.currency, cdr.rounding) == ("refused_hours", "0.00", "XXX", "")


async def test_asking_again_answers_as_before_and_holds_only_once():
    async with accounting_with("5.00") as accounting:
        first = await granted(accounting, "v1")
        assert await granted(accounting, "v1") == first
        assert (await accounting.account("family-1")).held == usd("3.20")
        await accounting.authorise(intent("v2", account="nobody"))
        assert await refused(accounting, "v2", account="nobody") == Refusal.BALANCE


async def test_closing_again_returns_the_same_receipt_and_charges_only_once():
    async with accounting_with("5.00") as accounting:
        await granted(accounting, "v1")
        first = await accounting.close(summary("v1", 60))
        await accounting.deposit("family-1", usd("7.00"), key="later")

        assert await accounting.close(summary("v1", 600)) == first
        assert await accounting.balance("family-1") == usd("11.84")
        assert len(await accounting.cdrs()) == 1
        await assert_books_and_chain_sound(accounting)


async def test_a_visit_that_was_never_authorised_cannot_be_closed():
    async with accounting_with("5.00") as accounting:
        with pytest.raises(BillingError, match="v1 was never authorised"):
            await accounting.close(summary("v1", 60))
        assert await accounting.cdrs() == ()


async def test_a_refused_attempt_cannot_be_authorised_afterwards():
    async with accounting_with("5.00") as accounting:
        await accounting.attempt(intent("v1"))
        with pytest.raises(BillingError, match="refused by policy"):
            await accounting.authorise(intent("v1"))


async def test_a_call_that_is_answered_first_is_authorised_with_what_was_found_out():
    async with accounting_with("5.00") as accounting:
        await accounting.receive(intent("v1", account="", contact="", tariff="", rule=""))
        await accounting.receive(intent("v1", account="", contact="", tariff="", rule=""))
        await granted(accounting, "v1")
        await accounting.receive(intent("v1", account="", contact="", tariff="", rule=""))
        receipt = await accounting.close(summary("v1", billable_s=60))
        (cdr,) = await accounting.cdrs()
        assert (cdr.contact, cdr.account, cdr.rule) == (intent("v1").contact, "family-1", intent("v1").rule)
        assert receipt.charged.micros > 0


async def test_a_call_that_is_answered_first_and_refused_stays_refused():
    async with accounting_with("5.00") as accounting:
        await accounting.receive(intent("v1", rule=""))
        await accounting.attempt(intent("v1", rule="family"))
        with pytest.raises(BillingError, match="refused by policy"):
            await accounting.authorise(intent("v1"))


async def test_a_call_that_is_answered_first_and_lost_with_its_node_is_recorded():
    async with accounting_with("5.00") as accounting:
        await accounting.receive(intent("v1", account="", contact=""))
        (receipt,) = await accounting.recover("node1", START)
        assert (receipt.reason, receipt.charged.micros) == ("node_crash", 0)


async def test_what_was_agreed_is_charged_although_the_tariff_file_changed_since():
    url = stage.new_database()
    async with accounting_on(url) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5.00"), key="first")
        await granted(accounting, "v1")
    async with accounting_on(url) as after:
        after._tariffs._versions.clear()  # the new configuration knows no tariff at all
        assert (await after.close(summary("v1", 60))).charged == usd("0.16")


async def test_older_proofs_of_life_never_replace_newer_ones():
    async with accounting_with("5.00") as accounting:
        await granted(accounting, "v1")
        await accounting.alive((proof("v1", 30),))
        await accounting.alive((proof("v1", 20),))
        (receipt,) = await accounting.recover("node1", START + timedelta(hours=1))
        assert (receipt.billable_s, receipt.reason) == (30, "node_crash")


async def test_texts_that_no_column_takes_are_stored_with_a_mark():
    async with accounting_with("5.00") as accounting:
        await accounting.attempt(intent("v1", station="31\x0001", dialled="55\udce9"))
        await accounting.close(summary("v1", 0))
        (cdr,) = await accounting.cdrs()
        assert (cdr.station, cdr.dialled) == ("31\ufffd01", "55\ufffd")
        await assert_books_and_chain_sound(accounting)


async def test_figures_that_media_could_not_measure_do_not_keep_a_visit_from_its_record():
    strange = FlowSummary("audio", "sip", "relay", "PC\udcffMU", "PCMU", 1, 0, float("nan"), mos=float("inf"))
    async with accounting_with("5.00") as accounting:
        await granted(accounting, "v1")
        await accounting.close(summary("v1", 60, flows=(strange,)))
        (cdr,) = await accounting.cdrs()
        assert (cdr.flows[0].jitter_us, cdr.flows[0].mos_hundredths, cdr.flows[0].source_codec) == (0, 0, "PC\ufffdMU")
        await assert_books_and_chain_sound(accounting)

"""A picture that nobody pays for is declined, or refused, and the sound goes on."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge import NegotiationError, sdp
from gateway.call.paid import as_paid, without_picture
from gateway.policy.decision import Medium, Terms
from tests.call.stage import AUDIO_OFFER, HOLD_OFFER, VIDEO_OFFER
from tests.support.phone_stage import PhoneStage

SOUND = Terms(
    facility="jail", facility_name="Jail", timezone="UTC", rule="family", station="1", contact="ada",
    contact_name="Ada", caller_name="Pod A", account="ada", tariff="audio", medium=Medium.AUDIO, max_seconds=600,
)  # fmt: skip
BY_TELEPHONE = replace(SOUND, telephone="+15552368001", out_trunks=("carrier",))
DECLINED = VIDEO_OFFER.replace("m=video 40002", "m=video 0")


@pytest.mark.parametrize(
    ("offer", "terms", "invited_with", "left"),
    [
        (VIDEO_OFFER, replace(SOUND, medium=Medium.VIDEO), VIDEO_OFFER, VIDEO_OFFER),
        (VIDEO_OFFER, None, VIDEO_OFFER, VIDEO_OFFER),
        (AUDIO_OFFER, SOUND, AUDIO_OFFER, AUDIO_OFFER),
        (VIDEO_OFFER, SOUND, VIDEO_OFFER, DECLINED),
        (HOLD_OFFER, BY_TELEPHONE, VIDEO_OFFER, HOLD_OFFER.replace("m=video 40002", "m=video 0")),
        (VIDEO_OFFER, BY_TELEPHONE, None, DECLINED),
        (None, SOUND, VIDEO_OFFER, None),
    ],
)
def test_what_is_left_of_it(offer: str | None, terms: Terms | None, invited_with: str | None, left: str | None) -> None:
    assert as_paid(offer, terms, invited_with) == left


@pytest.mark.parametrize(("terms", "invited_with"), [(SOUND, AUDIO_OFFER), (BY_TELEPHONE, AUDIO_OFFER), (SOUND, None)])
def test_a_picture_may_not_be_added(terms: Terms, invited_with: str | None) -> None:
    with pytest.raises(NegotiationError, match="paid for as sound"):
        as_paid(VIDEO_OFFER, terms, invited_with)


async def test_the_bridge_declines_the_picture_and_joins_the_sound() -> None:
    async with PhoneStage() as stage:
        joined = await stage.bridge.greet(without_picture(stage.terminal.describe()))
        assert [each.port > 0 for each in sdp.parse(joined.sip_sdp).media] == [True, False]
        await stage.call(video=False)
        routes = await stage.bridge.connect_telephone(sealed=False)
        assert [str(each) for each in routes][:2] == [
            "audio sip->: relay PCMU -> PCMU",
            "audio web->: relay PCMU -> PCMU",
        ]
        answer = sdp.parse(await stage.bridge.change(without_picture(stage.terminal.describe(flow="sendonly"))))
        assert [each.port > 0 for each in answer.media] == [True, False]
        assert stage.bridge.held()


async def test_a_station_that_answers_our_offer_declines_its_own_picture() -> None:
    async with PhoneStage() as stage:
        offered = await stage.bridge.greet(None)
        assert len(sdp.parse(offered.sip_sdp).media) == 2
        stage.terminal.aim(offered.sip_sdp)
        await stage.bridge.complete(without_picture(stage.terminal.describe()))
        await stage.call(video=False)
        await stage.bridge.connect_telephone(sealed=False)
        assert "video" not in stage.bridge.describe()

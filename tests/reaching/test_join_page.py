"""Join links in a real Chromium: two phones ring, one takes the visit, and nobody else sees whose it was."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from bridge.sdp import parse
from gateway.demo.station import Station
from tests.gateway.test_whole_visit import answered
from tests.reaching.test_join import House, house  # noqa: F401 - a fixture
from tests.support.chromium import ARGUMENTS, EXECUTABLE
from tests.web.conftest import Phones

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]
NOT_VALID = "This link is not valid"


async def test_one_of_two_phones_takes_the_visit_and_a_third_learns_nothing(house: House, tmp_path: Path) -> None:  # noqa: F811 - the fixture
    async with async_playwright() as playwright, Station("127.0.0.1") as station:
        browser = await playwright.chromium.launch(executable_path=EXECUTABLE, args=ARGUMENTS)
        phones = Phones(browser)
        pair = house.pairs[0]
        far = house.endpoint.call(sdp=station.offer(), trunk="demo", from_user=pair.station, to_user=pair.number)
        data = await house.invitation()
        mine, other = data["link"], data["more_links"][0]
        hers, his, thief = [await phones.new() for _ in range(3)]
        await hers.open(mine)
        await his.open(other)
        assert await hers.phase("ringing") == "ringing"
        assert await his.phase("ringing") == "ringing"

        seen = []
        for link in (mine, other[:-3] + "abc", mine.replace("/join/", "/join/x")):
            await thief.open(link)
            assert await thief.phase("refused") == "refused"
            assert await thief.text("refused-title") == NOT_VALID
            seen.append(await phones.last.evaluate("document.body.innerText"))
        assert len(set(seen)) == 1
        assert "Ada" not in seen[0]
        assert "Demo County" not in seen[0]

        await hers.click("accept")
        station.start(parse(await answered(far)))
        assert await hers.phase("visit") == "visit"
        assert await his.phase("waiting") == "waiting"
        assert "another" in (await his.text("note")).lower()
        await hers.stats_when("framesDecoded", 10)
        await hers.open(mine)  # loaded again: it is still hers, and comes back to the visit
        assert await hers.phase("waiting", "visit", "joining") != "refused"
        await thief.open(mine)
        assert await thief.phase("refused") == "refused"
        await browser.close()

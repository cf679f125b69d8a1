"""The measured process: a whole media plane that relays H.264 and PCMU between stations and browsers."""

from __future__ import annotations

import pathlib
from collections.abc import Awaitable, Callable
from typing import Any

from bridge import Media, MediaPlane, MediaSettings, Path, keep_pauses_short
from bridge.watching import Watcher
from tests.bench.tape import Tape
from tests.bench.worker import cpu_s, obey, reply


def relayed(bridges: list[Media]) -> int:
    return sum(flow.sent_packets for bridge in bridges for flow in bridge.stats().flows)


async def serve(next_request: Callable[[], Awaitable[dict[str, Any] | None]]) -> None:
    settings = MediaSettings(rtp_timeout_s=60.0, sheds_load=False)
    bridges: list[Media] = []
    watchers: list[Watcher] = []
    tape = Tape()
    async with MediaPlane(settings) as plane:
        keep_pauses_short()
        while (request := await next_request()) is not None:
            if request["what"] == "join":
                answers = []
                for each in request["offers"]:
                    bridge = plane.bridge()
                    joined = await bridge.join(each["sip"], each["web"])
                    assert all(route.path is Path.RELAY for route in joined.routes), joined.routes
                    bridges.append(bridge)
                    answers.append({"sip": joined.sip_sdp, "web": joined.web_sdp})
                reply(answers=answers)
            elif request["what"] == "watch":
                found = [
                    await plane.watch(bridge, offer, lambda reason: None)
                    for bridge, offer in zip(bridges, request["offers"], strict=True)
                ]
                watchers = [watcher for watcher, _ in found]
                reply(answers=[answer for _, answer in found])
            elif request["what"] == "record":
                tape.start(bridges, pathlib.Path(request["folder"]))
                reply()
            elif request["what"] == "unrecord":
                reply(bytes=await tape.stop())
            elif request["what"] == "unwatch":
                for watcher in watchers:
                    await watcher.close()
                reply()
            else:
                reply(cpu_s=cpu_s(), packets=relayed(bridges))


if __name__ == "__main__":
    obey(serve)

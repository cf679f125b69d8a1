"""The measured process: a whole media plane that transcodes, and relays one visit beside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from bridge import Media, MediaPlane, MediaSettings, Path, keep_pauses_short
from tests.bench.threads import ThreadWorkers
from tests.bench.worker import cpu_s, obey, reply


def counted(bridges: list[Media]) -> dict[str, int]:
    flows = [flow for bridge in bridges for flow in bridge.stats().flows if flow.path is Path.TRANSCODE]
    return {
        "encoded": sum(each.frames_encoded for each in flows),
        "dropped": sum(each.frames_dropped + each.undecodable for each in flows),
        "thinned": sum(each.frames_thinned for each in flows),
    }


async def serve(next_request: Callable[[], Awaitable[dict[str, Any] | None]]) -> None:
    bridges: list[Media] = []
    async with MediaPlane(MediaSettings(rtp_timeout_s=60.0, sheds_load=False)) as plane:
        keep_pauses_short()
        while (request := await next_request()) is not None:
            if request["what"] == "use_threads":
                threads: Any = ThreadWorkers(request["count"])
                plane._workers = threads
                reply()
            elif request["what"] == "join":
                answers = []
                for each in request["offers"]:
                    bridge = plane.bridge()
                    joined = await bridge.join(each["sip"], each["web"])
                    bridges.append(bridge)
                    answers.append({"sip": joined.sip_sdp, "web": joined.web_sdp})
                reply(answers=answers, pipelines=[each.describe() for each in bridges])
            else:
                used_s, codecs_s = cpu_s(), plane.codec_cpu_s
                reply(cpu_s=used_s + codecs_s, loop_cpu_s=used_s, codecs_cpu_s=codecs_s, **counted(bridges))


if __name__ == "__main__":
    obey(serve)

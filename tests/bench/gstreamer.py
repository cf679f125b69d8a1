"""python -m tests.bench.gstreamer [--seconds 8]: the peer to beat. GStreamer transcodes the same clips the same ways.

One `gst-launch-1.0` process of four pipelines a visit: RTP from UDP, depayload, decode, encode, payload, RTP to UDP; no
SRTP, no jitter buffer, no negotiation, so it does less than a visit. Encoders are set as ours are. Needs Debian's
gstreamer1.0-tools and its good, bad, ugly and libav plugins; says so when they are missing.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time

from bridge.rtp.ports import Ports
from tests.bench.clips import FPS, film, speech
from tests.bench.load import _sender
from tests.bench.transcode import alone_ms_per_s, codecs_alone
from tests.bench.transcode import measure as measure_ours
from tests.bench.transcode_load import _H264, _OPUS, _PCMU, _VP8, Playing, cut

_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_WARM_UP_S = 6.0  # a clip and more: decoders wait for its keyframe
_ELEMENTS = ("x264enc", "vp8enc", "opusenc", "avdec_h264", "vp8dec", "opusdec", "mulawenc", "rtph264depay")
_VP8_ENCODER = (
    "vp8enc deadline=1 cpu-used=-8 threads=1 target-bitrate=800000 lag-in-frames=0 auto-alt-ref=false "
    "keyframe-max-dist=150 min-quantizer=4 max-quantizer=63"
)
_H264_ENCODER = (
    "x264enc speed-preset=ultrafast tune=zerolatency threads=1 bitrate=800 key-int-max=150 "
    "! video/x-h264,profile=constrained-baseline"
)
_IN = 'udpsrc port={port} caps="application/x-rtp,media={media},encoding-name={name},clock-rate={hz},payload={pt}"'
_WAYS = {
    "H264": "rtph264depay ! avdec_h264 max-threads=1 ! " + _VP8_ENCODER + " ! rtpvp8pay mtu=1200",
    "VP8": "rtpvp8depay ! vp8dec threads=1 ! " + _H264_ENCODER + " ! rtph264pay mtu=1200",
    "PCMU": "rtppcmudepay ! mulawdec ! opusenc bitrate=24000 audio-type=voice frame-size=20 ! rtpopuspay",
    "OPUS": "rtpopusdepay ! opusdec ! audioresample ! audio/x-raw,rate=8000 ! mulawenc ! rtppcmupay",
}


def missing() -> str:
    """What is not there, in words; empty when all is."""
    if shutil.which("gst-launch-1.0") is None:
        return "there is no gst-launch-1.0: apt install gstreamer1.0-tools gstreamer1.0-plugins-{good,bad,ugly} -libav"
    lacking = [
        each for each in _ELEMENTS if subprocess.run(["gst-inspect-1.0", "--exists", each], check=False).returncode
    ]
    return f"GStreamer lacks {', '.join(lacking)}" if lacking else ""


def measure(visits: int, seconds: float) -> float:
    """Milliseconds of CPU a second and visit, of the whole process."""
    ports = Ports("127.0.0.1", (0, 0))
    sink, sender = ports.single(), ports.single()
    words, playing = ["gst-launch-1.0", "-q"], list[Playing]()
    for number in range(visits):
        for index, codec in enumerate((_H264, _VP8, _PCMU, _OPUS)):
            video = codec.clock_hz == 90_000
            clip = film(codec.name) if video else speech(codec.name)
            port = _free_port()
            source = _IN.format(
                port=port,
                media="video" if video else "audio",
                name=codec.name,
                hz=codec.clock_hz,
                pt=codec.payload_type,
            )
            end = f"udpsink host=127.0.0.1 port={sink.getsockname()[1]} sync=false"
            words += f"{source} ! {_WAYS[codec.name]} ! {end}".replace('"', "").split()
            send = _sender(sender, ("127.0.0.1", port))
            start_s = time.monotonic() + 1.5 + index * 0.0053 + number * 0.0037
            playing.append(Playing(send, codec, 7000 + index, clip, cut(clip, codec), start_s))
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    try:
        _play(playing, sink, _WARM_UP_S)
        before_s, began_s = _cpu_s(process.pid), time.monotonic()
        packets = _play(playing, sink, seconds)
        used_s, passed_s = _cpu_s(process.pid) - before_s, time.monotonic() - began_s
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()
    expected = visits * (100 + 2 * FPS) * seconds  # a packet for each block, at least one for each picture
    assert packets > expected, f"only {packets} packets came out of GStreamer, {expected:.0f} and more were due"
    return 1000 * used_s / passed_s / visits


def _play(playing: list[Playing], sink: socket.socket, seconds: float) -> int:
    packets, end_s = 0, time.monotonic() + seconds
    while (now_s := time.monotonic()) < end_s:
        for stream in playing:
            stream.send_due(now_s)
        with contextlib.suppress(OSError):
            while sink.recv(4096):
                packets += 1
        time.sleep(0.001)
    return packets


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def _cpu_s(process_id: int) -> float:
    with open(f"/proc/{process_id}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_A_SECOND


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gstreamer", description=__doc__)
    parser.add_argument("--visits", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=8.0)
    options = parser.parse_args()
    if lacking := missing():
        print(lacking)
        return
    bare = sum(codecs_alone(options.visits, options.seconds).values())
    peer = measure(options.visits, options.seconds)
    ours = measure_ours("video_audio", options.visits, options.seconds, alone_ms_per_s(options.seconds))
    print(f"codecs alone  {bare:6.1f} ms/s a visit, {options.visits} at once")
    print(f"GStreamer     {peer:6.1f}  {peer / bare:.2f}")
    print(
        f"Kinbridge     {ours.cpu_ms_per_s:6.1f}  {ours.cpu_ms_per_s / bare:.2f}  ({ours.dropped + ours.thinned} lost)"
    )


if __name__ == "__main__":
    main()

"""`kinbridge demo`: terminals call, families accept, until the money is used up. It is told as it happens."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from gateway.app import Gateway
from gateway.billing.cdr import Cdr
from gateway.clock import SystemClock
from gateway.demo.facility import Pair, Price, demo_config, fund, pairs
from gateway.demo.peer import Event, peer
from gateway.demo.report import Course, VisitReport, is_good, report_visit, write_report
from gateway.exports.export import Wanted, export
from gateway.exports.formats import Format
from gateway.store import Selection

_PATIENCE_S = 60.0  # beyond the visit itself, for a slow machine; a visit that hangs longer has failed
_RECORD_S = 10.0


@dataclass(frozen=True, slots=True)
class Plan:
    """seconds: what the balance pays for. blind: the families accept and never look (to prove that this is noticed)."""

    visits: int = 1
    transcode: bool = False
    seconds: int = 22
    output: Path = Path("demo-out")
    blind: bool = False

    @property
    def warning_s(self) -> int:
        """In real life 60 s; here the whole visit is shorter than that."""
        return min(8, self.seconds // 2)


async def tell_story(plan: Plan, console: Console) -> bool:
    """Whether everything was as it should be. Leaves cdr.csv, two pictures and report.json in the output folder."""
    return await _Story(plan, console).run()


class _Story:
    def __init__(self, plan: Plan, console: Console) -> None:
        self._plan = plan
        self._console = console
        self._price = Price.read()
        self._config = demo_config(plan.output, transcode=plan.transcode, warning_s=plan.warning_s)
        self._began_s = time.monotonic()
        self._changed = asyncio.Event()
        self._courses: list[Course] = []

    async def run(self) -> bool:
        self._clear()
        async with Gateway(self._config) as gateway:
            gateway.settle()
            self._began_s = time.monotonic()
            self._say(
                "gateway", f"runs: page and API on port {gateway.http_port}, SIP on {gateway.sip_addresses[0][2]}"
            )
            self._say("gateway", f"warns {self._plan.warning_s} s before the end (60 s unless configured otherwise)")
            self._courses = [Course(pair) for pair in pairs(self._config, self._plan.visits)]
            for course in self._courses:
                await self._fund(gateway, course.pair)
            await self._visits(gateway)
            cdrs = await self._records(gateway)
            wanted = Wanted(Selection(gateway.config.node))
            path = self._plan.output / "cdr.csv"
            await export(gateway.accounting, wanted, Format.CSV, path, now=SystemClock().now())
        reports = [self._report(each, cdrs) for each in self._courses]
        write_report(reports, self._plan.output / "report.json")
        self._verdict(reports, cdrs)
        return is_good(reports)

    def _clear(self) -> None:
        """What an earlier run left must not pass for this one's."""
        self._plan.output.mkdir(parents=True, exist_ok=True)
        for pattern in ("kinbridge.db*", "cdr.csv", "*-saw*.png", "report.json"):
            for file in self._plan.output.glob(pattern):
                file.unlink()

    async def _fund(self, gateway: Gateway, pair: Pair) -> None:
        amount = self._price.paying_for(self._plan.seconds)
        await fund(gateway.accounting, pair, amount, key=f"demo-{pair.account}")
        rate = self._price.of(60)
        self._say(pair.account, f"has {amount}: {self._plan.seconds} s at {rate} a minute")

    # ---- the visits ----

    async def _visits(self, gateway: Gateway) -> None:
        async with contextlib.AsyncExitStack() as stack:
            for index, course in enumerate(self._courses):
                heard = self._listener(course, course.family, course.pair.contact)
                await stack.enter_async_context(
                    peer("gateway.demo.family", self._family(gateway, course, index), heard)
                )
            await self._until(lambda: all("waiting" in each.family for each in self._courses), _PATIENCE_S)
            for index, course in enumerate(self._courses):
                heard = self._listener(course, course.terminal, course.pair.station)
                orders = self._terminal(gateway, course, index)
                await stack.enter_async_context(peer("gateway.demo.terminal", orders, heard))
            await self._until(lambda: all(each.over for each in self._courses), self._plan.seconds + _PATIENCE_S)

    def _family(self, gateway: Gateway, course: Course, index: int) -> dict[str, object]:
        return {
            "origin": f"http://127.0.0.1:{gateway.http_port}",
            "token": gateway.token(course.pair.contact),
            "picture": str(self._picture("family", index)),
            "blind": self._plan.blind,
        }

    def _terminal(self, gateway: Gateway, course: Course, index: int) -> dict[str, object]:
        _, host, port = gateway.sip_addresses[0]
        return {
            "gateway": f"{host}:{port}",
            "dialled": course.pair.number,
            "station": course.pair.station,
            "picture": str(self._picture("terminal", index)),
        }

    def _picture(self, who: str, index: int) -> Path:
        """The first pair's pictures have the plain names."""
        return (self._plan.output / f"{who}-saw{f'-{index + 1}' if index else ''}.png").resolve()

    def _listener(self, course: Course, side: dict[str, Event], who: str) -> Callable[[Event], None]:
        def heard(event: Event) -> None:
            new = side.setdefault(event.kind, event) is event
            line = _LINES.get(event.kind)
            if line is not None and (new or event.kind == "clock"):
                told = line(event)
                if event.kind == "first_picture":
                    told += f", {course.after_ms(event)} ms after the call began"
                self._say(who, told)
            self._changed.set()

        return heard

    async def _until(self, true: Callable[[], bool], within_s: float) -> None:
        """Ends when it is true, or late: what is missing then shows in the report."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not true():
                    self._changed.clear()
                    await self._changed.wait()

    # ---- afterwards ----

    async def _records(self, gateway: Gateway) -> list[Cdr]:
        """Visits are recorded a moment after they ended."""
        await gateway.drain(_RECORD_S)
        return [each async for page in gateway.accounting.cdr_pages() for each in page]

    def _report(self, course: Course, cdrs: list[Cdr]) -> VisitReport:
        own = [each for each in cdrs if each.contact == course.pair.contact]
        path = "transcode" if self._plan.transcode else "relay"
        report = report_visit(course, own[0] if own else None, self._price, self._plan.seconds, path)
        if len(own) > 1:
            return replace(report, problems=(*report.problems, f"{len(own)} CDRs for one visit"))
        return report

    def _verdict(self, reports: list[VisitReport], cdrs: list[Cdr]) -> None:
        for cdr in cdrs:
            self._print(
                f"CDR {cdr.sequence}: {cdr.contact}, {cdr.reason}, "
                f"{cdr.billable_s} s at {cdr.rate_per_minute} a minute, charged {cdr.charged}"
            )
        for report in reports:
            self._print(f"{report.contact} decoded {report.frames_decoded_by_family} pictures, ", end="")
            self._print(f"{report.station} {report.frames_decoded_by_terminal}; ", end="")
            self._print(f"tariff x seconds, computed apart: {report.expected_charge} {report.currency}; ", end="")
            self._print(", ".join(f"{way.replace('_', ' ')} {path}" for way, path in report.paths.items()))
            for problem in report.problems:
                self._print(f"[red]not as it should be:[/] {report.contact}: {problem}")
        names = sorted(each.name for each in self._plan.output.iterdir() if each.suffix in (".csv", ".png", ".json"))
        self._print(f"Written to {self._plan.output}/: {', '.join(names)}")
        self._print("[green]All as it should be.[/]" if is_good(reports) else "[red]Not all is as it should be.[/]")

    def _print(self, text: str, end: str = "\n") -> None:
        self._console.print(text, end=end, soft_wrap=True)

    def _say(self, who: str, what: str) -> None:
        self._print(f"[dim]{time.monotonic() - self._began_s:7.2f} s[/]  [bold]{who:<11}[/] {what}")


def _money(value: dict[str, str] | None) -> str:
    return f"{value['amount']} {value['currency']}" if value else "nothing"


_LINES: dict[str, Callable[[Event], str]] = {
    "calling": lambda _: "calls",
    "ring": lambda event: (
        f"it rings: {event.values['caller_name']}, {event.values['facility_name']}, "
        f"{_money(event.values['rate_per_minute'])} a minute"
    ),
    "accepted": lambda _: "accepts",
    "refused": lambda event: f"could not accept: {event.values['status']} {event.values['title']}",
    "progress": lambda event: f"hears it ring ({event.values['code']})",
    "answered": lambda _: "is answered",
    "first_picture": lambda event: f"sees the first picture, {event.values['width']}x{event.values['height']}",
    "clock": lambda event: (
        f"{event.values['seconds_left']} s left, charged {_money(event.values['charged'])}"
        + ("" if event.values["running"] else ", the meter stands")
    ),
    "warned": lambda event: f"is warned: {event.values['seconds_left']} s left ({event.values['reason']})",
    "over": lambda event: (
        f"is told it is over: {event.values['reason']}, {event.values['billable_s']} s, "
        f"charged {_money(event.values['charged'])}"
    ),
    "ended": lambda event: f"is cut off ({event.values['by']} hung up)",
}

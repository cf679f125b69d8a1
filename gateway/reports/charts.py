"""Charts as SVG. The only file that knows Matplotlib: figures and their SVG canvas, no windows, no global state.

Text becomes outlines, so that a chart looks the same in a browser, in a PDF and in a mail; what it says stands beside
it as words and as a table. Names from records are plain text: no mathematics is read into a dollar sign.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from gateway.money import Money
from gateway.reports.pages import Figure
from gateway.reports.report import Kind, Report, Table, distributions, reasons, refusals
from gateway.reports.words import Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

INK, SOFT, RULE, WASH, ACCENT = "#241a15", "#5b4a3f", "#d9cdc2", "#f7f1ea", "#8a3d12"
HEAT = (WASH, "#f4d3a1", "#e89b54", "#c4602a", "#8a3d12", "#4a1c08")
PARTS = {"revenue": "#8a3d12", "facility_share": "#e0a458", "tax": "#7d8597", "credit": "#0c5c3a"}
_STYLE: Any = {
    "text.parse_math": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "kinbridge",  # the same report is the same file
    "font.family": ["Roboto", "DejaVu Sans"],
    "font.size": 10,
    "text.color": INK,
    "axes.edgecolor": RULE,
    "axes.labelcolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}
_WIDTH_IN = 9.2
_MOST_BARS = 14
_LONGEST_NAME = 34


def charts_of(report: Report, w: Words) -> tuple[Figure, ...]:
    """What there is anything to see of; nothing for a period without an attempt."""
    tally = report.tally
    found: list[Figure] = []
    if tally.all.answered:
        found += [_hours(report, w), _days(report, w)]
    found += [_money(report, w, each) for each in tally.currencies]
    if report.kind is Kind.CARRIER and tally.all.answered and len(tally.facilities) > 1:
        found.append(_facilities(report, w))
    if tally.refusals:
        found.append(_bars("refusals", "rule", refusals(tally), w))
    if tally.all.attempts:
        found.append(_bars("reasons", "ended", reasons(tally), w))
    if tally.mos or tally.loss:
        found.append(_quality(report, w))
    return tuple(found)


def _hours(report: Report, w: Words) -> Figure:
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415 - charts alone load Matplotlib

    grid = report.tally.by_hour
    most = max(max(row) for row in grid)
    weekday, hour = next((d, h) for d, row in enumerate(grid) for h, count in enumerate(row) if count == most)
    with _drawing(3.0) as (drawing, svg):
        axes = drawing.subplots()
        heat = LinearSegmentedColormap.from_list("heat", HEAT)
        axes.pcolormesh(grid, cmap=heat, vmin=0, vmax=max(most, 1), edgecolors="white", linewidth=2)
        axes.invert_yaxis()
        axes.set_yticks([each + 0.5 for each in range(7)], w.weekdays())
        axes.set_xticks([each + 0.5 for each in range(0, 24, 2)], [f"{each}:00" for each in range(0, 24, 2)])
        axes.tick_params(length=0)
        for side in axes.spines.values():
            side.set_visible(False)
        for row, counts in enumerate(grid):
            for column, count in enumerate(counts):
                if count:
                    colour = "white" if count > 0.55 * most else INK
                    short = f"{count}" if count < 1000 else f"{count / 1000:.1f}k"
                    axes.text(column + 0.5, row + 0.5, short, ha="center", va="center", fontsize=7.5, color=colour)
    words = w.say("chart.hours_words", day=w.weekdays()[weekday], hour=hour, count=w.count(most))
    return Figure("hours", w.say("chart.hours"), svg(), words)


def _days(report: Report, w: Words) -> Figure:
    days = report.tally.days
    minutes = [each.used_s / 60 for each in days.values()]
    with _drawing(2.5) as (drawing, svg):
        axes = drawing.subplots()
        colours = [ACCENT if day.weekday() < 5 else "#d08a52" for day in days]
        axes.bar(range(len(days)), minutes, color=colours, width=0.8)
        step = max(1, len(days) // 12)
        places = range(0, len(days), step)
        names = [w.short_day(day) for day in days]
        axes.set_xticks(list(places), [names[each] for each in places])
        axes.set_xlim(-0.7, len(days) - 0.3)
        _ruled(axes)
    whole = w.count(report.tally.all.used_s // 60)
    return Figure("days", w.say("chart.days"), svg(), f"{whole} {w.say('report.minutes')}")


def _money(report: Report, w: Words, currency: str) -> Figure:
    """One bar: what stays of each dollar with whom; what was given back stands below it."""
    split = report.tally.split(currency)
    parts = [(part, micros) for part, micros in split.items() if micros > 0]
    whole = sum(micros for _, micros in parts) or 1
    taxes = 0
    with _drawing(1.25 + 0.27 * ((len(split) + 1) // 2)) as (drawing, svg):
        axes = drawing.subplots()
        left = 0.0
        for part, micros in sorted(split.items(), key=lambda each: -each[1]):
            kind, _, label = part.partition(":")
            colour = PARTS.get(kind, SOFT)
            alpha = 1.0
            if kind == "tax":
                taxes += 1
                alpha = max(0.35, 1.15 - 0.25 * taxes)
            name = f"{w.say(f'part.{kind}')} {label}".strip() + f": {w.money(Money(micros, currency))}"
            share = max(micros, 0) / whole
            axes.barh(
                0, share, left=left, color=colour, alpha=alpha, height=0.6, edgecolor="white", label=_cut(name, 60)
            )
            if share > 0.06:
                ink = INK if kind == "facility_share" else "white"
                axes.text(left + share / 2, 0, f"{100 * share:.0f} %", ha="center", va="center", color=ink)
            left += share
        axes.set_xlim(0, 1)
        axes.set_axis_off()
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.02), ncols=2, frameon=False, handlelength=1, fontsize=9.5)
    total = w.money(Money(sum(split.values()), currency))
    return Figure(
        f"money-{currency}", w.say("chart.money", currency=currency), svg(), f"{w.say('part.total')}: {total}"
    )


def _facilities(report: Report, w: Words) -> Figure:
    groups = sorted(report.tally.facilities.items(), key=lambda each: (-each[1].used_s, each[0]))[:_MOST_BARS]
    rows = [(name, each.used_s // 60) for name, each in groups]
    return _horizontal("facilities", w.say("chart.facilities"), rows, w)


def _bars(name: str, words: str, table: Table, w: Words) -> Figure:
    rows = [(w.say(f"{words}.{row[0]}"), int(str(row[1]))) for row in table.rows[:_MOST_BARS]]
    return _horizontal(name, w.say(f"chart.{name}"), rows, w)


def _horizontal(name: str, title: str, rows: Sequence[tuple[str, int]], w: Words) -> Figure:
    with _drawing(0.45 + 0.27 * len(rows)) as (drawing, svg):
        axes = drawing.subplots()
        places = range(len(rows))
        axes.barh(places, [count for _, count in rows], color=ACCENT, height=0.66)
        axes.set_yticks(list(places), [_cut(each, _LONGEST_NAME) for each, _ in rows])
        axes.invert_yaxis()
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.margins(x=0.1)
        for side in ("bottom", "left"):
            axes.spines[side].set_visible(False)
        most = max(count for _, count in rows) or 1
        for place, (_, count) in enumerate(rows):
            axes.text(count + 0.008 * most, place, w.count(count), va="center", color=INK)
    return Figure(name, title, svg(), "; ".join(f"{each}: {w.count(count)}" for each, count in rows))


def _quality(report: Report, w: Words) -> Figure:
    tables = {each.name: each for each in distributions(report.tally)}
    with _drawing(2.5) as (drawing, svg):
        for axes, (name, table) in zip(drawing.subplots(1, 3), tables.items(), strict=True):
            counts = [int(str(row[1])) for row in table.rows]
            axes.bar(range(len(counts)), counts, color=ACCENT, width=0.85)
            labels = [str(row[0]).split("–")[0].removesuffix(" %").removesuffix(" s") for row in table.rows]  # noqa: RUF001 - the dash of a range
            step = max(1, len(labels) // 7)
            axes.set_xticks(range(0, len(labels), step), labels[::step], fontsize=8)
            unit = " (%)" if name == "loss" else ""
            axes.set_title(w.say(f"chart.{name}") + unit, fontsize=9.5, color=SOFT, loc="left")
            _ruled(axes)
    said = (f"{w.say(f'chart.{name}')}: {', '.join(f'{a} {b}' for a, b in each.rows)}" for name, each in tables.items())
    return Figure("quality", w.say("chart.quality"), svg(), "; ".join(said))


def _ruled(axes: Axes) -> None:
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415 - charts alone load Matplotlib

    axes.yaxis.set_major_locator(_whole(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(axis="y", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines["left"].set_visible(False)


def _whole(bins: int) -> Any:
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415 - charts alone load Matplotlib

    return MaxNLocator(nbins=bins, integer=True)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


@contextmanager
def _drawing(height_in: float) -> Iterator[tuple[Drawing, Any]]:
    """A drawing in our style, and what makes its SVG when it is done: while the style still holds."""
    import matplotlib as mpl  # noqa: PLC0415 - half a second that statements do not need
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415 - likewise
    from matplotlib.figure import Figure as Drawing  # noqa: PLC0415 - likewise

    _register_fonts()
    with mpl.rc_context(_STYLE):
        drawing = Drawing(figsize=(_WIDTH_IN, height_in), layout="constrained")
        FigureCanvasSVG(drawing)
        made: list[bytes] = []
        yield drawing, lambda: made[0]
        out = io.BytesIO()
        drawing.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
        made.append(out.getvalue())


@lru_cache(maxsize=1)
def _register_fonts() -> None:
    from matplotlib import font_manager  # noqa: PLC0415 - charts alone load Matplotlib

    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)  # it names every glyph that is missing
    for weight in ("Regular", "Medium"):
        font_manager.fontManager.addfont(str(files("font_roboto") / "files" / f"Roboto-{weight}.ttf"))

// A facility's month, as a person would rather look at it than read it. The same report goes out as page, PDF and CSV.

import { ask, file, query } from "../api.js";
import { bars, ranks } from "../chart.js";
import { el, field, valuesOf } from "../build.js";
import { facilities } from "../places.js";
import { clock, current, money, say, word } from "../words.js";

export const roles = ["billing"];

const FORMS = { html: "asPage", pdf: "PDF", csv: "CSV" };

export async function open(place) {
  const known = await facilities();
  const result = el("div", { class: "charts" });
  const away = el("p", { class: "tools" });
  const form = el("form", { class: "filters", onsubmit: (event) => (event.preventDefault(), show()) },
    field(say("facility"), "facility", { options: known.map((each) => [each.id, each.name]), onchange: () => show() }),
    field(say("month"), "month", { type: "month", value: new Date().toISOString().slice(0, 7), onchange: () => show() }));
  place.replaceChildren(form, away, result);

  let asked = 0; // a report takes seconds: only the newest question is answered
  async function show() {
    const { facility, month } = valuesOf(form);
    if (!facility || !/^\d{4}-\d{2}$/.test(month)) return;
    const turn = ++asked;
    away.replaceChildren();
    result.replaceChildren(el("p", { class: "soft", role: "status" }, say("loading")));
    const path = `/reports/facilities/${encodeURIComponent(facility)}`;
    let tables;
    try {
      ({ tables } = await ask("GET", `${path}${query({ month, format: "json" })}`));
    } catch (error) {
      if (turn === asked) result.replaceChildren(el("p", { class: "note", role: "alert" }, error.message));
      return;
    }
    if (turn !== asked) return;
    away.replaceChildren(...Object.entries(FORMS).map(([format, words]) =>
      el("a", { href: file(`${path}${query({ month, format, language: current() })}`), target: "_blank", rel: "noopener" }, say(words))));
    result.replaceChildren(...charted(tables));
  }

  await show();
}

// Exported for its tests: a report's tables as figures.
export function charted(tables) {
  const [whole] = tables.summary;
  const day = (row) => String(Number(row.day.slice(8)));
  const counted = tables.days.filter((row) => row.attempts !== null);
  const hours = Array.from({ length: 24 }, (_, hour) => [String(hour), sum(tables.hours.filter((row) => row.hour === hour).map((row) => row.visits))]);
  const currencies = [...new Set(tables.days.map((row) => row.charged?.currency).filter(Boolean))];
  const paid = (currency) => tables.days.filter((row) => row.charged?.currency === currency).map((row) => [day(row), Number(row.charged.amount)]);
  return [
    el("dl", { class: "figures" },
      ...one(say("attempts"), whole.attempts), ...one(say("answered"), whole.visits), ...one(say("mean"), clock(whole.mean)),
      ...tables.money.filter((row) => row.part === "total").flatMap((row) => one(say("charged"), money(row.amount)))),
    bars(say("perDay"), counted.map((row) => [day(row), row.visits])),
    bars(say("minutesPerDay"), counted.map((row) => [day(row), Math.round(row.seconds / 60)])),
    ...currencies.map((each) => bars(`${say("revenue")} (${each})`, paid(each), (value) => money(String(value), each))),
    bars(say("perHour"), hours),
    bars(say("mos"), tables.mos.map((row) => [row.range, row.count])),
    ranks(say("reasons"), tables.reasons.map((row) => [word(row.reason), row.count])),
    ranks(say("refusals"), tables.refusals.map((row) => [word(row.rule), row.count])),
  ];
}

const sum = (numbers) => numbers.reduce((one, other) => one + other, 0);
const one = (name, value) => [el("div", {}, el("dt", {}, name), el("dd", {}, String(value)))];

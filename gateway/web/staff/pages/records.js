// Call-detail records: searched, read and taken away.

import { ask, file, query } from "../api.js";
import { el, facts, field, valuesOf } from "../build.js";
import { facilities } from "../places.js";
import { PAGE, listing } from "../listing.js";
import { clock, money, say, when, word } from "../words.js";

const DAYS_MS = 7 * 86_400_000;
export async function open(place) {
  const known = await facilities();
  const result = el("div", { class: "result" });
  const dialog = el("dialog", { class: "wide", "aria-label": say("records") });
  const form = el("form", { class: "filters", onsubmit: (event) => (event.preventDefault(), search()) },
    field(say("from"), "from", { type: "date", value: new Date(Date.now() - DAYS_MS).toISOString().slice(0, 10) }),
    field(say("until"), "until", { type: "date" }),
    field(say("facility"), "facility", { options: [["", say("all")], ...known.map((each) => [each.id, each.name])] }),
    field(say("trunk"), "trunk", { autocomplete: "off" }),
    field(say("account"), "account", { autocomplete: "off" }),
    el("button", { class: "button accept", type: "submit" }, say("show")));
  const away = el("p", { class: "tools" });
  place.replaceChildren(form, away, result, dialog);

  // Days as the clock here shows them; the API takes instants.
  function asked() {
    const { from, until, ...others } = valuesOf(form);
    const next = (day) => new Date(new Date(`${day}T00:00`).getTime() + 86_400_000).toISOString();
    return { ...others, from: from && new Date(`${from}T00:00`).toISOString(), until: until && next(until) };
  }

  async function search() {
    const wanted = asked();
    away.replaceChildren(`${say("download")}: `, ...["csv", "jsonl", "parquet"].map((form) =>
      el("a", { href: file(`/cdrs.${form}${query(wanted)}`), download: `records.${form}` }, form.toUpperCase())));
    await listing(result, {
      caption: say("records"),
      columns: [
        { head: say("number"), cell: (each) => String(each.sequence) },
        { head: say("when"), cell: (each) => when(each.setup_at) },
        { head: say("facility"), cell: (each) => each.facility },
        { head: say("length"), cell: (each) => clock(each.billable_s), number: true },
        { head: say("charged"), cell: (each) => money(each.total, each.currency), number: true },
        { head: say("ends"), cell: (each) => word(each.reason) },
      ],
      fetch: async (since) => {
        const page = await ask("GET", `/cdrs${query({ ...wanted, since, limit: PAGE })}`);
        return { items: page.items, next: page.next_since };
      },
      onrow: show,
    });
  }

  function show(record) {
    const told = Object.entries(record).map(([name, value]) => [name, typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "")]);
    dialog.replaceChildren(el("h2", {}, say("record", { id: record.cdr_id })), facts(told),
      el("form", { method: "dialog", class: "tools" }, el("button", { class: "button quiet" }, say("close"))));
    dialog.showModal();
  }

  await search();
}

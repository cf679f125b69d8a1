// Who did what, who watched, and every change of people. Rows that nothing can change.

import { ask, query } from "../api.js";
import { el, field, valuesOf } from "../build.js";
import { PAGE, listing } from "../listing.js";
import { say, when, word } from "../words.js";

export const roles = ["auditor", "investigator"];

const column = (head, cell) => ({ head: say(head), cell });
const text = (values) => (values ? JSON.stringify(values) : "");
const TRAILS = {
  accesses: {
    path: "/audit/accesses",
    filter: "who",
    columns: () => [
      column("when", (each) => when(each.at)), column("who", (each) => each.who), column("act", (each) => each.act),
      column("subject", (each) => each.subject), column("reason", (each) => each.reason), column("detail", (each) => each.detail),
    ],
  },
  watchings: {
    path: "/audit/watchings",
    filter: "officer",
    columns: () => [
      column("from", (each) => when(each.since)), column("until", (each) => (each.until ? when(each.until) : say("goesOn"))),
      column("officer", (each) => each.officer), column("facility", (each) => each.facility),
      column("visit", (each) => each.visit_id), column("reason", (each) => each.reason && word(each.reason)),
    ],
  },
  changes: {
    path: "/audit/people",
    filter: "subject",
    columns: () => [
      column("when", (each) => when(each.at)), column("who", (each) => each.who), column("kind", (each) => word(each.kind)),
      column("subject", (each) => each.subject), column("before", (each) => text(each.before)), column("after", (each) => text(each.after)),
    ],
  },
};

export async function open(place) {
  const result = el("div", { class: "result" });
  const form = el("form", { class: "filters", onsubmit: (event) => (event.preventDefault(), show()) },
    field(say("audit"), "trail", { options: Object.keys(TRAILS).map((each) => [each, say(each)]), onchange: () => show() }),
    field(say("subject"), "filter", { autocomplete: "off" }),
    el("button", { class: "button accept", type: "submit" }, say("show")));
  place.replaceChildren(form, result);

  async function show() {
    const { trail, filter } = valuesOf(form);
    const it = TRAILS[trail];
    form.querySelector("[for=field-filter]").textContent = say(it.filter);
    await listing(result, {
      caption: say(trail),
      columns: it.columns(),
      fetch: async (since) => {
        const page = await ask("GET", `${it.path}${query({ since, limit: PAGE, [it.filter]: filter })}`);
        return { items: page.items, next: page.next_since };
      },
    });
  }

  await show();
}

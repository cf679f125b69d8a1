// A table that is read page by page: `fetch(cursor)` gives {items, next}; next "" or 0 is the last page.

import { button, el, rowOf, table } from "./build.js";
import { say } from "./words.js";

export async function listing(place, { caption, columns, fetch, onrow = null }) {
  const note = el("p", { class: "soft", role: "status" }, say("loading"));
  place.replaceChildren(note);
  let page;
  try {
    page = await fetch(null);
  } catch (error) {
    note.textContent = error.message;
    note.className = "note";
    return;
  }
  if (!page.items.length) {
    note.textContent = say("nothing");
    return;
  }
  const shown = table(caption, columns, page.items, onrow);
  const body = shown.querySelector("tbody");
  let count = page.items.length;
  const more = button(say("more"), async () => {
    more.disabled = true;
    try {
      page = await fetch(page.next);
      body.append(...page.items.map((each) => rowOf(columns, each, onrow)));
      count += page.items.length;
      note.textContent = say("rows", { count });
    } catch (error) {
      note.textContent = error.message;
    }
    more.disabled = false;
    more.hidden = !page.next || !page.items.length;
  });
  more.hidden = !page.next;
  note.textContent = say("rows", { count });
  place.replaceChildren(shown, el("div", { class: "tools" }, note, more));
}

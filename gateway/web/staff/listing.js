// A table that is read page by page: `fetch(cursor)` gives {items, next}, PAGE items or, on the last page, fewer.

import { button, el, rowOf, table } from "./build.js";
import { say } from "./words.js";

export const PAGE = 50;

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
      note.textContent = counted(count);
    } catch (error) {
      note.textContent = error.message;
    }
    more.disabled = false;
    more.hidden = page.items.length < PAGE;
  });
  more.hidden = page.items.length < PAGE;
  note.textContent = counted(count);
  place.replaceChildren(shown, el("div", { class: "tools" }, note, more));
}

const counted = (count) => say(count === 1 ? "row" : "rows", { count });

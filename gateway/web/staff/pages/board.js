// The schedule of a day: a row for each time, a column for each station.

import { ask, query } from "../api.js";
import { button, el, facts, field, valuesOf } from "../build.js";
import { facilities } from "../places.js";
import { money, say, when, word } from "../words.js";

export const roles = ["officer", "supervisor"];

const DAY_MS = 86_400_000;
const PAGES = 20;
const stateOf = (booking) => (booking.state === "refused" ? say("refusedState") : word(booking.state));

export async function open(place, desk) {
  const known = (await facilities()).filter((each) => each.takes_bookings);
  if (!known.length) {
    place.replaceChildren(el("p", { class: "lead" }, say("nothing")));
    return;
  }
  const result = el("div", { class: "result" });
  const dialog = el("dialog", { "aria-label": say("board") });
  const form = el("form", { class: "filters", onsubmit: (event) => (event.preventDefault(), show()) },
    field(say("facility"), "facility", { options: known.map((each) => [each.id, each.name]), onchange: () => show() }),
    field(say("day"), "day", { type: "date", value: today(known[0].timezone), onchange: () => show() }));
  place.replaceChildren(form, result, dialog);

  async function show() {
    const { facility, day } = valuesOf(form);
    const zone = known.find((each) => each.id === facility).timezone;
    // The day of the facility's wall clock: what begins within two days around it, told apart by its date there.
    const noon = new Date(`${day}T12:00Z`).getTime();
    const found = [];
    let after = "";
    for (let pages = 0; pages < PAGES; pages += 1) {
      const page = await ask("GET", `/bookings${query({ facility, since: new Date(noon - DAY_MS).toISOString(), after })}`);
      found.push(...page.items);
      after = page.next_after;
      if (!after || !page.items.length) break;
    }
    draw(found.filter((each) => dayOf(each.starts_at, zone) === day), zone);
  }

  function draw(bookings, zone) {
    if (!bookings.length) {
      result.replaceChildren(el("p", { class: "lead" }, say("noBookings")));
      return;
    }
    const stations = [...new Set(bookings.map((each) => each.station))].sort();
    const times = [...new Set(bookings.map((each) => each.starts_at))].sort();
    const cells = (time) => stations.map((station) => el("td", {}, ...bookings
      .filter((each) => each.starts_at === time && each.station === station)
      .map((each) => el("button", { type: "button", class: "chip", "data-state": each.state, onclick: () => details(each, zone) },
        el("strong", {}, each.contact), el("span", {}, stateOf(each))))));
    const head = el("tr", {}, el("th", { scope: "col" }, say("time")), ...stations.map((each) => el("th", { scope: "col" }, each || "–")));
    const body = times.map((time) => el("tr", {}, el("th", { scope: "row" }, timeOf(time, zone)), ...cells(time)));
    result.replaceChildren(el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": say("board") },
      el("table", { class: "board" }, el("thead", {}, head), el("tbody", {}, ...body))));
  }

  function details(booking, zone) {
    const said = el("p", { class: "note", role: "alert", hidden: true });
    const act = (name, body) => async () => {
      try {
        await ask("POST", `/bookings/${encodeURIComponent(booking.booking_id)}/${name}`, body);
        dialog.close();
        await show();
      } catch (error) {
        said.hidden = false;
        said.textContent = error.message;
      }
    };
    const acts = [];
    if (booking.state === "requested") acts.push(button(say("approve"), act("approve"), "accept"), button(say("refuse"), act("refuse", { reason: "" }), "danger"));
    if (booking.state === "approved") acts.push(button(say("cancel"), act("cancel", { reason: "" }), "danger"));
    dialog.replaceChildren(el("h2", {}, booking.contact), facts([
      [say("starts"), when(booking.starts_at, zone)], [say("place"), booking.station], [say("resident"), booking.resident],
      [say("state"), stateOf(booking)], [say("fee"), money(booking.fee)], [say("reason"), booking.reason],
    ]), said, el("div", { class: "tools" }, button(say("close"), () => dialog.close()), ...acts));
    dialog.showModal();
  }

  await show();
}

const dayOf = (iso, zone) => new Intl.DateTimeFormat("sv", { dateStyle: "short", timeZone: zone }).format(new Date(iso)); // Swedish days are ISO's
const timeOf = (iso, zone) => new Intl.DateTimeFormat("sv", { timeStyle: "short", timeZone: zone }).format(new Date(iso));
const today = (zone) => dayOf(new Date().toISOString(), zone);

// The rows of live visits. Rows stay where they are, so that a button under a finger does not move, and only what has
// changed is written: five hundred visits that all tick are a few hundred short texts a second.

import { el } from "./build.js";
import { clock, money, say, word } from "./words.js";

const WATCHABLE = new Set(["talking", "held", "reconnecting"]);
const PARTS = [["strong", "name"], ["span", "state"], ["span", "place"], ["span", "since"], ["span", "facts"], ["span", "closed"]];

export class Rows {
  #rows = new Map();
  #drawing = 0;

  // watch(visitId); null: this person watches nobody.
  constructor(place, watch) {
    Object.assign(this, { place, watch });
  }

  // Once a frame, however many facts came in between.
  draw(visits, watchedId) {
    this.visits = visits;
    this.watchedId = watchedId;
    this.#drawing ||= requestAnimationFrame(() => {
      this.#drawing = 0;
      this.#write();
    });
  }

  tick() {
    const now = Date.now();
    for (const row of this.#rows.values()) row.tick(now);
  }

  #write() {
    const now = Date.now();
    for (const [id, row] of this.#rows) {
      const visit = this.visits.get(id);
      if (visit) {
        if (row.fill(visit, id === this.watchedId)) row.tick(now);
      } else {
        row.element.remove();
        this.#rows.delete(id);
      }
    }
    if (this.#rows.size === this.visits.size) return;
    const fresh = [...this.visits.values()].filter((each) => !this.#rows.has(each.visit_id));
    fresh.sort((a, b) => Date.parse(a.setup_at) - Date.parse(b.setup_at));
    for (const visit of fresh) {
      const row = new Row(visit.visit_id, this.watch);
      this.#rows.set(visit.visit_id, row);
      row.fill(visit, visit.visit_id === this.watchedId);
      row.tick(now);
    }
    this.place.append(...fresh.map((each) => this.#rows.get(each.visit_id).element));
  }
}

class Row {
  #shown = {};
  #parts = {};

  constructor(id, watch) {
    this.since = 0;
    for (const [tag, name] of PARTS) this.#parts[name] = el(tag, { class: name });
    this.button = el("button", { type: "button", class: "button quiet", hidden: true, onclick: () => watch?.(id) }, say("watch"));
    this.element = el("li", { "data-visit": id }, ...Object.values(this.#parts), this.button);
    this.watch = watch;
  }

  put(name, text) {
    if (this.#shown[name] === text) return;
    this.#shown[name] = text;
    this.#parts[name].textContent = text;
  }

  tick(now) {
    this.put("since", clock((now - this.since) / 1000));
  }

  // Whether anything had to be written.
  fill(visit, watched) {
    if (this.visit === visit && this.watched === watched) return false;
    Object.assign(this, { visit, watched });
    const name = visit.caller_name || visit.station;
    this.put("name", name);
    this.put("state", word(visit.state));
    this.#parts.state.dataset.state = visit.state;
    this.put("place", [visit.facility_name, visit.station].filter(Boolean).join(" · "));
    const other = visit.privileged && !visit.contact_name ? "" : visit.contact_name;
    const left = visit.media_start_at ? say("left_", { time: clock(visit.seconds_left) }) : "";
    const facts = [other, word(visit.medium), money(visit.charged), left, qualityOf(visit)];
    this.put("facts", facts.filter(Boolean).join(" · "));
    const closed = visit.privileged ? "privileged" : "notMonitored";
    this.put("closed", visit.monitored || visit.state === "dialing" ? "" : say(closed));
    this.element.dataset.watched = watched;
    this.since = Date.parse(visit.media_start_at ?? visit.setup_at);
    this.button.hidden = !this.watch || !visit.monitored || !WATCHABLE.has(visit.state) || watched;
    if (this.name !== name) this.button.setAttribute("aria-label", say("watchOf", { name }));
    this.name = name;
    return true;
  }
}

// The worst direction of sound, by the E-model's scale (ITU-T G.107): 4 is good, below 3 people complain.
function qualityOf(visit) {
  const scores = (visit.quality?.flows ?? []).map((each) => each.mos).filter((each) => each !== null && each !== undefined);
  if (!scores.length) return "";
  const worst = Math.min(...scores);
  return `${say("quality")}: ${say(worst >= 4 ? "good" : worst >= 3 ? "fair" : "poor")}`;
}

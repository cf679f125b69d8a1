// Draws; decides nothing. Everything that people wrote goes in as text.

import * as words from "./words.js";

export const byId = (id) => document.getElementById(id);
const WATCHABLE = new Set(["talking", "held", "reconnecting"]);

export function phase(name) {
  byId("page").dataset.phase = name;
  byId("sign-in").hidden = name !== "signing-in";
  byId("desk").hidden = name === "signing-in";
}

export function note(id, text) {
  byId(id).hidden = !text;
  byId(id).textContent = text ?? "";
}

export function speak(text) {
  byId("spoken").textContent = text;
}

// Rows stay where they are, so that a button under a finger does not move: only what changed is written.
export function list(visits, watchedId, watch) {
  const place = byId("visits");
  const rows = new Map([...place.children].map((each) => [each.dataset.visit, each]));
  for (const [id, row] of rows) if (!visits.has(id)) row.remove();
  for (const visit of visits.values()) {
    const row = rows.get(visit.visit_id) ?? place.appendChild(newRow(visit, watch));
    fill(row, visit, visit.visit_id === watchedId);
  }
  byId("nobody").hidden = visits.size > 0;
  byId("count").textContent = visits.size ? words.count(visits.size) : "";
  tick();
}

export function tick() {
  for (const row of byId("visits").children) {
    row.querySelector(".since").textContent = words.clock((Date.now() - Number(row.dataset.since)) / 1000);
  }
}

function newRow(visit, watch) {
  const row = document.createElement("li");
  row.dataset.visit = visit.visit_id;
  for (const [tag, name] of [["strong", "name"], ["span", "state"], ["span", "place"], ["span", "since"], ["span", "facts"], ["span", "closed"]]) {
    const part = document.createElement(tag);
    part.className = name;
    row.append(part);
  }
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button quiet";
  button.textContent = "Watch";
  button.addEventListener("click", () => watch(visit.visit_id));
  row.append(button);
  return row;
}

function fill(row, visit, watched) {
  const put = (name, text) => {
    const part = row.querySelector(`.${name}`);
    if (part.textContent !== text) part.textContent = text;
  };
  const name = visit.caller_name || visit.station;
  put("name", name);
  put("state", words.stateOf(visit));
  row.querySelector(".state").dataset.state = visit.state;
  put("place", [visit.facility_name, visit.station].filter(Boolean).join(" · "));
  put("facts", [words.mediumOf(visit), visit.privileged ? "" : visit.contact_name].filter(Boolean).join(" · "));
  put("closed", visit.monitored || visit.state === "dialing" ? "" : words.closedOf(visit));
  row.dataset.watched = watched;
  row.dataset.since = Date.parse(visit.media_start_at ?? visit.setup_at);
  const button = row.querySelector("button");
  button.hidden = !visit.monitored || !WATCHABLE.has(visit.state) || watched;
  button.setAttribute("aria-label", `Watch the visit of ${name}`);
}

export function watched(visit) {
  byId("watched").hidden = visit === null;
  if (visit === null) return;
  byId("watched-title").textContent = `${visit.caller_name || visit.station} and ${visit.contact_name || visit.contact}`;
  byId("watched-place").textContent = [visit.facility_name, visit.station, words.mediumOf(visit)].filter(Boolean).join(" · ");
  byId("watched-state").textContent = words.stateOf(visit);
}

export function cover(kind, text) {
  byId(`${kind}-words`).textContent = text;
}

export function sound(on) {
  byId("sound").muted = !on;
  byId("listen").setAttribute("aria-pressed", on);
  byId("listen-words").textContent = on ? "Sound on" : "Sound off";
}

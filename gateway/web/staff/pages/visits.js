// Live visits: the feed, one watching and the eye.
//
//   gateway -> Live -> rows of visits          Watch -> Watching -> two pictures and the sound
//   Send -> the family's page                  End -> sure? -> the visit is over

import { ask } from "../api.js";
import { button, byId, el } from "../build.js";
import { Live } from "../live.js";
import { Rows } from "../rows.js";
import { say, word } from "../words.js";
import { Watching } from "../watching.js";

const STILL_MS = 3000;
const SIDES = { station: "sideStation", family: "sideFamily" };

let page = null;

export function open(place, desk) {
  page = new Page(place, desk);
  return () => {
    page.close();
    page = null;
  };
}

export const seen = () => page?.seen() ?? null;
export const stats = () => page?.stats() ?? [];
export const facts = () => page?.live.facts ?? 0;

class Page {
  #watching = null;
  #listening = true;
  #frames = {};

  constructor(place, desk) {
    this.desk = desk;
    place.replaceChildren(...layout(this));
    this.rows = new Rows(byId("visits"), desk.may("officer", "supervisor") ? (id) => this.watch(id) : null);
    this.live = new Live({ changed: () => this.draw(), said: () => {}, link: (up) => desk.trouble(up ? "" : say("lost")) });
    this.live.open();
    this.timer = setInterval(() => this.look(), 250);
    this.leaving = () => this.#watching?.stop();
    window.addEventListener("pagehide", this.leaving);
    byId("sure").addEventListener("close", () => byId("sure").returnValue === "yes" && this.end());
  }

  close() {
    clearInterval(this.timer);
    window.removeEventListener("pagehide", this.leaving);
    this.#watching?.stop();
    this.#watching = null;
    this.live.close();
  }

  draw() {
    const visits = this.live.visits;
    this.rows.draw(visits, this.#watching?.visitId);
    byId("nobody").hidden = visits.size > 0;
    byId("count").textContent = visits.size ? say(visits.size === 1 ? "count1" : "count", { count: visits.size }) : "";
    const visit = this.#watching && visits.get(this.#watching.visitId);
    if (visit) this.#title(visit);
  }

  // ---- watching ----

  async watch(visitId) {
    this.#watching?.stop();
    const mine = new Watching(visitId, {
      show: (kind, stream) => mine === this.#watching && this.#show(kind, stream),
      said: (state) => mine === this.#watching && this.#said(state),
    });
    this.#watching = mine;
    this.#frames = { station: -Infinity, family: -Infinity };
    byId("watched").hidden = false;
    this.desk.trouble("");
    byId("sent").textContent = "";
    for (const side of Object.keys(SIDES)) cover(side, say("connectingCover"));
    this.draw();
    try {
      await mine.begin();
    } catch (error) {
      if (mine !== this.#watching) return;
      this.#leave();
      this.desk.trouble(error.message);
    }
  }

  stop() {
    this.#watching?.stop();
  }

  #show(kind, stream) {
    const element = byId(kind);
    element.srcObject = stream;
    element.play().catch(() => {}); // sound that may not play yet plays with the next touch
    if (kind === "sound") return;
    const note = () => {
      if (element.srcObject !== stream) return;
      this.#frames[kind] = performance.now();
      this.#watching?.saw(kind);
      element.requestVideoFrameCallback(note);
    };
    element.requestVideoFrameCallback(note);
  }

  #said({ state, reason }) {
    if (state === "watching") {
      const visit = this.live.visits.get(this.#watching.visitId);
      if (visit) this.desk.speak(say("youWatch", { name: visit.caller_name || visit.station }));
      byId("watched-title").focus();
      return;
    }
    if (state !== "ended") return;
    this.#leave();
    if (reason !== "officer_left") this.desk.trouble(word(reason));
    this.desk.speak(word(reason));
  }

  #leave() {
    this.#watching = null;
    for (const kind of ["sound", "station", "family"]) if (byId(kind)) byId(kind).srcObject = null;
    if (!byId("watched")) return; // another section is open
    byId("watched").hidden = true;
    this.draw();
  }

  #title(visit) {
    const names = { one: visit.caller_name || visit.station, other: visit.contact_name || visit.contact };
    byId("watched-title").textContent = say("and", names);
    byId("watched-place").textContent = [visit.facility_name, visit.station, word(visit.medium)].filter(Boolean).join(" · ");
    byId("watched-state").textContent = word(visit.state);
  }

  // A black rectangle says nothing: what does not move is covered, with the reason.
  look() {
    this.rows.tick();
    if (!this.#watching) return;
    const visit = this.live.visits.get(this.#watching.visitId);
    for (const side of Object.keys(SIDES)) {
      const moves = performance.now() - this.#frames[side] < STILL_MS;
      const never = say(visit?.medium === "audio" ? "noPicture" : "waitingCover");
      cover(side, moves ? "" : this.#watching.id ? never : say("connectingCover"));
    }
  }

  sound() {
    this.#listening = !this.#listening;
    byId("sound").muted = !this.#listening;
    byId("listen").setAttribute("aria-pressed", this.#listening);
    byId("listen").textContent = say(this.#listening ? "soundOn" : "soundOff");
  }

  // ---- acting ----

  async send() {
    const text = byId("text").value.trim();
    if (!text || !this.#watching) return;
    byId("send").disabled = true;
    try {
      const { pages } = await ask("POST", `/visits/${encodeURIComponent(this.#watching.visitId)}/message`, { text });
      byId("text").value = "";
      byId("sent").textContent = say(pages > 0 ? "sent" : "sentNobody");
    } catch (error) {
      byId("sent").textContent = error.message;
    }
    byId("send").disabled = false;
    left();
  }

  async end() {
    if (!this.#watching) return;
    try {
      await ask("POST", `/visits/${encodeURIComponent(this.#watching.visitId)}/end`);
    } catch (error) {
      if (error.status !== 404) this.desk.trouble(error.message);
    }
  }

  // ---- for tests and support ----

  seen() {
    const it = this.#watching;
    return it && { id: it.id, visit: it.visitId, state: it.pc.connectionState, times: { ...it.times } };
  }

  async stats() {
    const reports = this.#watching ? [...(await this.#watching.pc.getStats()).values()] : [];
    const named = (each) => reports.find((other) => other.id === each.codecId)?.mimeType ?? "";
    return reports.filter((each) => each.type === "inbound-rtp").map((each) => ({
      kind: each.kind, mid: each.mid, codec: named(each), framesDecoded: each.framesDecoded ?? 0,
      totalAudioEnergy: each.totalAudioEnergy ?? 0, packetsReceived: each.packetsReceived ?? 0,
      packetsLost: each.packetsLost ?? 0, freezeCount: each.freezeCount ?? 0, pliCount: each.pliCount ?? 0,
    }));
  }
}

const cover = (side, text) => (byId(`${side}-words`).textContent = text);

function left() {
  byId("left").textContent = byId("text").maxLength - byId("text").value.length;
}

function layout(page) {
  const picture = (side, label) => el("figure", {},
    el("video", { id: side, autoplay: true, playsinline: true, muted: true, "aria-label": say(label) }),
    el("p", { id: `${side}-words`, class: "cover" }), el("figcaption", {}, say(SIDES[side])));
  const write = el("form", { id: "write", class: "write", onsubmit: (event) => (event.preventDefault(), page.send()) },
    el("label", { for: "text" }, say("write")),
    el("textarea", { id: "text", rows: 2, maxlength: 280, required: true, placeholder: say("shownAtOnce"), oninput: left }),
    el("p", { class: "fine" }, el("span", { id: "left" }, "280"), ` ${say("left")}`),
    el("button", { id: "send", class: "button accept", type: "submit" }, say("send")),
    el("p", { id: "sent", class: "fine", role: "status" }));
  const tools = el("div", { class: "tools" },
    el("button", { id: "listen", class: "button quiet", type: "button", "aria-pressed": "true", onclick: () => page.sound() }, say("soundOn")),
    el("button", { id: "stop", class: "button quiet", type: "button", onclick: () => page.stop() }, say("watchNoMore")),
    el("button", { id: "end", class: "button danger", type: "button", onclick: () => byId("sure").showModal() }, say("end")));
  const watched = el("section", { id: "watched", class: "watched", "aria-labelledby": "watched-title", hidden: true },
    el("div", { class: "title" }, el("h2", { id: "watched-title", tabindex: "-1" }),
      el("p", { id: "watched-place", class: "soft" }), el("p", { id: "watched-state", class: "soft" })),
    el("div", { class: "pictures" }, picture("station", "pictureStation"), picture("family", "pictureFamily")),
    el("audio", { id: "sound", autoplay: true }), tools, write);
  const sure = el("dialog", { id: "sure", "aria-labelledby": "sure-title" },
    el("h2", { id: "sure-title" }, say("endSure")), el("p", { class: "soft" }, say("endTold")),
    el("form", { method: "dialog", class: "tools" },
      el("button", { class: "button quiet", value: "no", autofocus: true }, say("letGo")),
      el("button", { id: "really", class: "button danger", value: "yes" }, say("endNow"))));
  return [
    el("p", { id: "count", class: "soft" }),
    el("p", { id: "nobody", class: "lead", hidden: true }, say("nobody")),
    el("div", { class: "live" }, el("ul", { id: "visits", class: "visits", "aria-label": say("visits") }), watched),
    sure,
  ];
}

// State -> page. Draws; decides nothing.

import * as words from "./words.js";

const byId = (id) => document.getElementById(id);
const SECTIONS = ["opening", "waiting", "ringing", "visit", "over", "refused"];
const HEADS = { waiting: "waiting-title", ringing: "accept", visit: "visit-name", over: "over-title", refused: "refused-title" };
let before = { phase: "", section: "" };

export function draw(state, now) {
  const section = state.phase === "joining" ? "visit" : state.phase;
  byId("page").dataset.phase = state.phase;
  for (const each of SECTIONS) byId(each).hidden = each !== section;
  ({ waiting, ringing, visit, over, refused })[section]?.(state, now);
  put("trouble", troubleOf(state));
  if (before.phase !== state.phase) speak(state);
  if (before.section !== section) focus(section);
  before = { phase: state.phase, section };
}

export function tick(state, now) {
  if (state.phase !== "visit" && state.phase !== "joining") return;
  const seconds = secondsLeft(state, now);
  const text = seconds === null ? "–:––" : words.clock(seconds);
  byId("time-left").textContent = text;
  byId("left").dataset.paused = String(state.clock !== null && !state.clock.running);
  if (state.warned) {
    byId("banner-title").textContent = `The visit ends in ${text}.`;
    byId("banner-words").textContent = words.warning(state.warned.reason);
  }
}

export function level(loudness) {
  [...byId("voice").children].forEach((bar, index) => {
    const shape = [0.5, 0.8, 1, 0.8, 0.5][index];
    bar.style.transform = `scaleY(${(0.12 + 0.88 * loudness * shape).toFixed(3)})`;
  });
}

export function secondsLeft({ clock }, now) {
  if (clock === null) return null;
  return clock.running ? Math.max(0, clock.secondsLeft - (now - clock.at) / 1000) : clock.secondsLeft;
}

function waiting(state) {
  byId("waiting-title").textContent = words.greeting(state.name);
  put("note", noteOf(state.note));
  byId("rejoin").hidden = state.ongoing === null;
  if (state.ongoing) {
    byId("waiting-title").textContent = "Your visit goes on";
    icon("rejoin-icon", state.ongoing.video ? "video" : "phone");
  }
  byId("waiting-lead").textContent = state.ongoing
    ? `${state.ongoing.caller_name} is still there. Time without you is not charged.`
    : "Keep this page open. When your visit comes, this page rings.";
}

function ringing({ visit: ring }) {
  byId("ringing-kind").textContent = ring.video ? "Video visit" : "Phone visit";
  byId("ringing-initial").textContent = words.initial(ring.caller);
  byId("ringing-title").textContent = ring.caller;
  byId("ringing-place").textContent = ring.place;
  const price = words.price(ring);
  byId("ringing-rate-label").textContent = price.label;
  byId("ringing-rate").textContent = price.text;
  byId("ringing-lasts").textContent = ring.balanceOk ? words.span(ring.seconds) : "No money left";
  byId("ringing-private").hidden = !ring.privileged;
  put("ringing-monitored", words.heardBy(ring));
  byId("ringing-monitored").hidden = !ring.monitored && !ring.recorded;
  byId("ringing-fine").hidden = ring.privileged || price.text === "Nothing"; // a small screen has room for one of them
  icon("accept-icon", ring.video ? "video" : "phone");
}

function visit(state) {
  byId("visit-name").textContent = state.visit.caller;
  byId("visit-place").textContent = state.visit.place;
  byId("money-left").textContent = state.clock?.moneyLeft ? `${words.purse(state.clock.moneyLeft)} left` : "";
  put("visit-monitored", words.heardByShort(state.visit));
  byId("visit-monitored").hidden = !state.visit.monitored && !state.visit.recorded;
  byId("banner").hidden = state.warned === null;
  put("said-words", state.said ?? "");
  byId("said").hidden = state.said === null;
  byId("camera").hidden = !state.visit.video;
  byId("slate-initial").textContent = words.initial(state.visit.caller);
  const slate = slateOf(state);
  byId("slate").hidden = slate === null;
  [byId("slate-title").textContent, byId("slate-words").textContent] = slate ?? ["", ""];
  byId("voice").hidden = state.phase === "joining" || state.held || state.link === "lost";
}

function over({ over: end, low }) {
  byId("over-reason").textContent = end ? words.ended(end.reason) : "It ended while you were away.";
  byId("over-duration").textContent = end ? words.span(end.duration_s) : "–";
  byId("over-charged").textContent = end?.charged ? words.amount(end.charged) : end ? "Nothing" : "See your statement";
  byId("over-fine").textContent = end ? words.unused(end) : "";
  byId("over-low").textContent = low ? words.low(low) : "";
}

function refused(state) {
  byId("refused-title").textContent = state.refused === "expired" ? "This link is too old" : "This link is not valid";
}

export function devices({ devices: found, visit: ring }, { muted, dark, stream }) {
  const picture = (stream?.getVideoTracks().length ?? 0) > 0;
  byId("own-frame").hidden = !ring?.video || stream === null;
  byId("own-frame").dataset.dark = String(!picture || dark);
  byId("own-words").textContent = picture ? "Camera off" : "No camera";
  press("mute", muted, muted ? "mic-off" : "mic", muted ? "Unmute" : "Mute");
  press("camera", dark || !picture, dark || !picture ? "video-off" : "video", dark || !picture ? "Camera on" : "Camera off");
  byId("mute").disabled = found === "noMicrophone";
  byId("camera").disabled = !picture;
}

function press(id, on, symbol, text) {
  byId(id).setAttribute("aria-pressed", String(on));
  icon(`${id}-icon`, symbol);
  byId(`${id}-words`).textContent = text;
}

function slateOf(state) {
  if (state.held) return words.slate.held;
  if (state.link === "lost") return words.slate.lost;
  if (state.phase === "joining" || state.link === "new") return state.back ? words.slate.returning : words.slate.joining;
  if (state.picture === "moving") return null;
  return state.visit.video ? words.slate[state.picture] : words.slate.phone;
}

function troubleOf(state) {
  const inVisit = state.phase === "visit";
  if (state.phase === "refused" || state.phase === "opening") return "";
  if (inVisit && state.link === "lost") return words.trouble.lost;
  if (inVisit && state.link === "weak") return words.trouble.weak;
  if (state.socket === "lost") return navigator.onLine ? words.trouble.socket : words.trouble.offline;
  if (inVisit && state.devices !== "both" && (state.visit.video || state.devices === "noMicrophone")) {
    return words.trouble[state.devices];
  }
  return "";
}

function noteOf(note) {
  if (note === null) return "";
  if (note.kind === "missed") return words.missed(note.reason, note.caller);
  if (note.kind === "failed") return note.words;
  return "Taken on another page or device.";
}

function speak(state) {
  const lines = {
    waiting: "We will ring here.",
    ringing: () => words.calling(state.visit),
    joining: "Connecting.",
    visit: "You are connected.",
    over: () => `The visit is over. ${state.over ? words.ended(state.over.reason) : ""}`,
  };
  const line = lines[state.phase] ?? "";
  byId("spoken").textContent = typeof line === "function" ? line() : line;
}

function focus(section) {
  if (HEADS[section]) byId(HEADS[section]).focus({ preventScroll: true });
}

function put(id, text) {
  const element = byId(id);
  if (element.textContent !== text) element.textContent = text;
  element.hidden = text === "";
}

function icon(id, symbol) {
  const use = byId(id);
  const address = `../static/icons.svg#${symbol}`;
  if (use.getAttribute("href") !== address) use.setAttribute("href", address);
}

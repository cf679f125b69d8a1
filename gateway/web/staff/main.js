// The officers' page: joins the live feed, one watching and the eye.
//
//   gateway -> Live -> list of visits          Watch -> Watching -> two pictures and the sound
//   Send -> the family's page                  End -> sure? -> the visit is over

import { ask, token } from "./api.js";
import { Live } from "./live.js";
import { Watching } from "./watching.js";
import * as view from "./view.js";
import * as words from "./words.js";

const { byId } = view;
const STILL_MS = 3000;

let live = null;
let watching = null;
let listening = true;
let frames = { station: -Infinity, family: -Infinity };

// ---- signing in ----

async function signIn(given) {
  token.set(given);
  try {
    await ask("GET", "/visits");
  } catch (error) {
    token.clear();
    view.phase("signing-in");
    view.note("refused", error.status === 401 ? words.refused : error.message);
    return;
  }
  view.note("refused", "");
  byId("token").value = "";
  view.phase("desk");
  live = new Live({
    changed: draw,
    said: () => {},
    link: (up) => view.note("trouble", up ? "" : words.trouble.lost),
  });
  live.open();
}

function signOut() {
  watching?.stop();
  live?.close();
  live = null;
  token.clear();
  view.phase("signing-in");
}

// ---- watching ----

async function watch(visitId) {
  watching?.stop();
  const mine = new Watching(visitId, {
    show: (kind, stream) => mine === watching && show(kind, stream),
    said: (state) => mine === watching && said(state),
  });
  watching = mine;
  frames = { station: -Infinity, family: -Infinity };
  const visit = live.visits.get(visitId);
  view.watched(visit);
  view.note("trouble", "");
  byId("sent").textContent = "";
  for (const kind of ["station", "family"]) view.cover(kind, words.cover.connecting);
  draw(live.visits);
  try {
    await mine.begin();
  } catch (error) {
    if (mine !== watching) return;
    leave();
    view.note("trouble", error.message);
  }
}

function show(kind, stream) {
  const element = byId(kind);
  element.srcObject = stream;
  element.play().catch(() => {}); // sound that may not play yet plays with the next touch
  if (kind === "sound") return;
  const note = () => {
    if (element.srcObject !== stream) return;
    frames[kind] = performance.now();
    watching?.saw(kind);
    element.requestVideoFrameCallback(note);
  };
  element.requestVideoFrameCallback(note);
}

function said({ state, reason }) {
  if (state === "watching") {
    const visit = live.visits.get(watching.visitId);
    if (visit) view.speak(words.spoken.watching(visit));
    byId("watched-title").focus();
    return;
  }
  if (state !== "ended") return;
  leave();
  if (reason !== "officer_left") view.note("trouble", words.endOf(reason));
  view.speak(words.spoken.ended(reason));
}

function leave() {
  watching = null;
  for (const kind of ["sound", "station", "family"]) byId(kind).srcObject = null;
  view.watched(null);
  if (live) draw(live.visits);
}

function draw(visits) {
  const sorted = new Map([...visits].sort(([, a], [, b]) => a.setup_at.localeCompare(b.setup_at)));
  view.list(sorted, watching?.visitId, watch);
  const visit = watching && visits.get(watching.visitId);
  if (visit) view.watched(visit);
}

// A black rectangle says nothing: what does not move is covered, with the reason.
function look() {
  view.tick();
  if (!watching) return;
  const visit = live?.visits.get(watching.visitId);
  for (const kind of ["station", "family"]) {
    const moves = performance.now() - frames[kind] < STILL_MS;
    const never = visit?.medium === "audio" ? words.cover.none : words.cover.waiting;
    view.cover(kind, moves ? "" : watching.id ? never : words.cover.connecting);
  }
}

// ---- acting ----

async function send(event) {
  event.preventDefault();
  const text = byId("text").value.trim();
  if (!text || !watching) return;
  byId("send").disabled = true;
  try {
    const { pages } = await ask("POST", `/visits/${encodeURIComponent(watching.visitId)}/message`, { text });
    byId("text").value = "";
    byId("sent").textContent = words.sent(pages);
  } catch (error) {
    byId("sent").textContent = error.message;
  }
  byId("send").disabled = false;
  left();
}

async function end() {
  if (!watching) return;
  try {
    await ask("POST", `/visits/${encodeURIComponent(watching.visitId)}/end`);
  } catch (error) {
    if (error.status !== 404) view.note("trouble", error.message);
  }
}

function left() {
  const area = byId("text");
  byId("left").textContent = area.maxLength - area.value.length;
}

byId("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  signIn(byId("token").value.trim());
});
byId("sign-out").addEventListener("click", signOut);
byId("stop").addEventListener("click", () => watching?.stop());
byId("end").addEventListener("click", () => byId("sure").showModal());
byId("sure").addEventListener("close", () => byId("sure").returnValue === "yes" && end());
byId("listen").addEventListener("click", () => view.sound((listening = !listening)));
byId("write").addEventListener("submit", send);
byId("text").addEventListener("input", left);
window.addEventListener("pagehide", () => watching?.stop());
setInterval(look, 250);

// What tests and support may look at, and nothing that they could change.
Object.defineProperty(window, "kinbridge", {
  value: Object.freeze({
    get phase() { return byId("page").dataset.phase; },
    get watching() { return watching && { id: watching.id, visit: watching.visitId, state: watching.pc.connectionState, times: { ...watching.times } }; },
    async stats() {
      const reports = watching ? [...(await watching.pc.getStats()).values()] : [];
      const inbound = reports.filter((each) => each.type === "inbound-rtp");
      const named = (each) => reports.find((other) => other.id === each.codecId)?.mimeType ?? "";
      return inbound.map((each) => ({
        kind: each.kind, mid: each.mid, codec: named(each), framesDecoded: each.framesDecoded ?? 0,
        totalAudioEnergy: each.totalAudioEnergy ?? 0, packetsReceived: each.packetsReceived ?? 0,
        packetsLost: each.packetsLost ?? 0, freezeCount: each.freezeCount ?? 0, pliCount: each.pliCount ?? 0,
      }));
    },
  }),
});

if (token.get()) signIn(token.get());
else view.phase("signing-in");

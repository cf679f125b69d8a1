// The family's page: joins the machine (state.js) to the gateway, the media and the eye.
//
//   gateway -> Events -> step -> draw            buttons -> accept / decline / hang up -> gateway
//                         Call -> step           the end of the page -> RTCPeerConnection.close: the gateway knows at once

import { Call, openDevices } from "./call.js";
import { Events } from "./events.js";
import { Ringer } from "./ringer.js";
import { Voice } from "./voice.js";
import { START, step } from "./state.js";
import { enter, eventsAddress, tell } from "./api.js";
import { expose } from "./diagnostics.js";
import * as view from "./view.js";
import * as words from "./words.js";

const button = (id) => document.getElementById(id);
const codec = new URLSearchParams(location.search).get("video");
const ringer = new Ringer();
const voice = new Voice();
const PAGE = Math.random().toString(36).slice(2); // no secret, only another name than the next page's
const events = new Events(eventsAddress(), (event) => say(event.type === "taken" ? { ...event, own: event.page === PAGE } : event));
const PATIENCE_MS = 4000; // a browser gives up a silent path after 15 s; a new one is there in one
const OVER_MS = 4000;
const IN_VISIT = "kinbridge-in-visit";
const REJOIN_MS = [300, 1000, 2000, 4000, 8000];

let state = START;
let call = null;
let stream = null;
let muted = false;
let dark = false;
let rejoining = false;
let lock = null;
let patience = 0;

function say(event) {
  const last = state;
  state = step(state, event);
  if (state === last) return;
  view.draw(state, performance.now());
  view.tick(state, performance.now());
  if (last.phase !== state.phase) moved(last, state);
  if (last.picture !== state.picture || last.phase !== state.phase || last.link !== state.link) feedVoice();
  if (state.phase === "visit" && last.link !== state.link) linkChanged();
  if (event.type === "hello" && state.phase === "visit" && state.link === "weak") rejoin();
  if (event.type === "hello" && state.phase === "waiting" && state.ongoing !== null && wasReloaded(state.ongoing)) accept("rejoin");
}

function moved(from, to) {
  if (to.phase === "ringing") ringer.start(to.visit.caller);
  else ringer.stop();
  if (to.phase === "waiting" || to.phase === "over" || to.phase === "ringing") hangUpMedia();
  if (to.phase === "refused") events.close();
  if (to.phase === "visit") sessionStorage.setItem(IN_VISIT, to.visit.id);
  else if (from.phase === "visit") sessionStorage.removeItem(IN_VISIT);
  keepAwake();
}

// A page that was reloaded in its visit comes back by itself, once; in any other page the person decides.
function wasReloaded({ visit_id: visit }) {
  const same = sessionStorage.getItem(IN_VISIT) === visit;
  sessionStorage.removeItem(IN_VISIT);
  return same && performance.getEntriesByType("navigation")[0]?.type === "reload";
}

function linkChanged() {
  clearTimeout(patience);
  if (state.link === "lost") rejoin();
  if (state.link === "weak") patience = setTimeout(() => state.link === "weak" && rejoin(), PATIENCE_MS);
}

// ---- the visit ----

async function accept(how = "accept") {
  say({ type: how === "rejoin" ? "returning" : "accepting" });
  if (state.phase !== "joining") return;
  const visit = state.visit;
  ringer.allow();
  muted = dark = false;
  const found = await openDevices(visit.video);
  if (state.visit?.id !== visit.id) return found.stream.getTracks().forEach((each) => each.stop());
  stream = found.stream;
  button("own").srcObject = stream;
  say({ type: "devices", to: found.devices });
  showDevices();
  try {
    await connect(visit, how);
    say({ type: "joined" });
  } catch (error) {
    if (state.visit?.id !== visit.id) return;
    say({ type: "failed", words: `${error.message ?? words.trouble.failed}. ${error.remedy ?? ""}` });
  }
}

async function connect(visit, how) {
  call?.close();
  const mine = new Call({
    stream,
    remote: button("remote"),
    iceServers: state.ice,
    codec,
    signal: (offer) => tell(visit.id, how, { ...offer, page: PAGE }),
    say: (event) => mine === call && say(event),
  });
  call = mine;
  await mine.join();
}

// The transport is gone (or the visit is over, and we are told in a moment): a new one for the same visit, again and again until the gateway says that it is over.
async function rejoin() {
  if (rejoining) return;
  rejoining = true;
  const visit = state.visit;
  for (let attempt = 0; state.phase === "visit" && state.visit.id === visit.id && state.link !== "connected"; attempt += 1) {
    await pause(REJOIN_MS[Math.min(attempt, REJOIN_MS.length - 1)]);
    if (state.phase !== "visit" || state.link === "connected") break;
    try {
      await connect(visit, "rejoin");
      await settled(visit);
    } catch (error) {
      if (error.status === 404 && state.socket === "open") say({ type: "gone" });
    }
  }
  rejoining = false;
}

async function settled(visit) {
  for (let waited = 0; waited < 8000 && state.visit?.id === visit.id && state.link !== "connected"; waited += 200) await pause(200);
}

function hangUpMedia() {
  voice.stop();
  call?.close();
  call = null;
  stream?.getTracks().forEach((each) => each.stop());
  stream = null;
  button("remote").srcObject = null;
  button("own").srcObject = null;
}

async function send(what) {
  const visit = state.visit;
  if (!visit) return;
  try {
    await tell(visit.id, what);
  } catch (error) {
    if (error.status !== 404) throw error; // it is over already: just what was wanted
  }
}

async function decline() {
  const gone = send("decline");
  say({ type: "declined" });
  await gone;
}

async function hangUp() {
  const { visit } = state;
  call?.close();
  stream?.getTracks().forEach((each) => each.stop());
  await send("hangup").catch(() => {}); // not even reachable: it notices by the transport
  await pause(OVER_MS); // the gateway's `over` draws the last page, with what it cost
  if (state.visit?.id === visit.id) say({ type: "gone" });
}

// ---- devices, sound, light ----

function showDevices() {
  stream?.getAudioTracks().forEach((each) => (each.enabled = !muted));
  stream?.getVideoTracks().forEach((each) => (each.enabled = !dark));
  call?.show(!dark);
  view.devices(state, { muted, dark, stream });
}

function feedVoice() {
  if (call && state.phase === "visit" && state.picture !== "moving") voice.start(ringer.context, call.incoming, view.level);
  else voice.stop();
}

async function soundOffer() {
  button("sound").hidden = (await ringer.allow()) || state.phase !== "waiting";
}

async function keepAwake() {
  const wanted = ["waiting", "ringing", "joining", "visit"].includes(state.phase) && !document.hidden;
  if (!wanted) return lock?.release().then(() => (lock = null));
  if (lock && !lock.released) return undefined;
  lock = await navigator.wakeLock?.request("screen").catch(() => null);
  return undefined;
}

async function open() {
  try {
    if (await enter()) events.open();
    else say({ type: "refused", reason: "invalid" });
  } catch {
    await pause(1000);
    await open();
  }
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

button("accept").addEventListener("click", () => accept());
button("rejoin").addEventListener("click", () => accept("rejoin"));
button("decline").addEventListener("click", decline);
button("hangup").addEventListener("click", hangUp);
button("again").addEventListener("click", () => say({ type: "dismissed" }));
button("sound").addEventListener("click", soundOffer);
button("said-close").addEventListener("click", () => say({ type: "read" }));
button("mute").addEventListener("click", () => { muted = !muted; showDevices(); });
button("camera").addEventListener("click", () => { dark = !dark; showDevices(); });
document.addEventListener("pointerdown", () => state.phase === "waiting" && soundOffer(), { once: true });
document.addEventListener("visibilitychange", keepAwake);
window.addEventListener("pagehide", () => { call?.close(); events.close(); });
window.addEventListener("pageshow", (shown) => shown.persisted && location.reload());
setInterval(() => view.tick(state, performance.now()), 250);

expose(() => ({ state, call }));
open();
soundOffer();

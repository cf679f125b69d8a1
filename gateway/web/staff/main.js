// The console: who is signed in, which sections that person has, and the one that is open.
//
//   cookie -> session -> sections by role -> #name -> pages/<name>.js open(place, desk) -> close()
//
// A section that a role may not use is absent here and refused by the server.

import { session } from "./api.js";
import { byId, el } from "./build.js";
import { choose, current, other, say } from "./words.js";
import * as accounts from "./pages/accounts.js";
import * as audit from "./pages/audit.js";
import * as board from "./pages/board.js";
import * as charts from "./pages/charts.js";
import * as node from "./pages/node.js";
import * as people from "./pages/people.js";
import * as records from "./pages/records.js";
import * as rules from "./pages/rules.js";
import * as visits from "./pages/visits.js";

const PAGES = { visits, board, people, records, accounts, charts, rules, audit, node };

const SIGNED_IN = "kinbridge.signed-in";

let member = null;
let close = null;
let turn = 0;

const allowed = () => Object.entries(PAGES).filter(([, page]) => !page.roles || page.roles.some((each) => member.roles.includes(each)));

// What a page gets: whether the person has one of these roles, and how to say that something is wrong.
const desk = {
  may: (...roles) => roles.some((each) => member.roles.includes(each)),
  trouble: (text) => {
    byId("trouble").hidden = !text;
    byId("trouble").textContent = text;
  },
  speak: (text) => (byId("spoken").textContent = text),
  get member() { return member; },
};

// ---- at the door ----

async function enter(said) {
  member = said;
  localStorage.setItem(SIGNED_IN, "yes");
  byId("who").textContent = [member.name, member.roles.join(", ")].filter(Boolean).join(" · ");
  phase("desk");
  await open();
}

function leave(words = "") {
  close?.();
  close = member = null;
  localStorage.removeItem(SIGNED_IN);
  byId("content").replaceChildren();
  phase("door");
  refuse(words);
  byId(byId("with-token").hidden ? "name" : "token").focus();
}

async function signIn(event) {
  event.preventDefault();
  const byToken = !byId("with-token").hidden;
  const given = byToken ? { token: byId("token").value.trim() } : { name: byId("name").value.trim(), password: byId("password").value };
  try {
    const said = await session.begin(given);
    refuse("");
    for (const id of ["token", "password"]) byId(id).value = "";
    await enter(said);
  } catch (error) {
    refuse(error.status === 401 ? say(byToken ? "refusedToken" : "refused") : error.message);
  }
}

function refuse(words) {
  byId("refused").hidden = !words;
  byId("refused").textContent = words;
}

function otherWay() {
  const byToken = byId("with-token").hidden;
  byId("with-token").hidden = !byToken;
  byId("with-password").hidden = byToken;
  byId("other-way").dataset.say = byToken ? "byPassword" : "byToken";
  told();
  byId(byToken ? "token" : "name").focus();
}

// ---- at the desk ----

async function open() {
  const mine = (turn += 1);
  const found = allowed();
  const asked = location.hash.replace(/^#\/?/, "").split("/")[0];
  const [name, page] = found.find(([each]) => each === asked) ?? found[0];
  close?.();
  close = null;
  byId("sections").replaceChildren(el("ul", {}, ...found.map(([each]) =>
    el("li", {}, el("a", { href: `#/${each}`, "aria-current": each === name && "page" }, say(each))))));
  byId("sections").querySelector("[aria-current]").scrollIntoView({ block: "nearest", inline: "center" });
  byId("title").textContent = say(name);
  document.title = `${say(name)} · Kinbridge`;
  desk.trouble("");
  const content = byId("content");
  content.replaceChildren();
  try {
    const closing = await page.open(content, desk);
    if (mine === turn) close = closing ?? null;
    else closing?.();
  } catch (error) {
    if (mine === turn) failed(error);
  }
}

function failed(error) {
  if (error.status === 401) leave(say("over"));
  else desk.trouble(error.message);
}

function phase(name) {
  byId("page").dataset.phase = name;
  byId("door").hidden = name !== "door";
  byId("desk").hidden = name !== "desk";
}

function told() {
  document.documentElement.lang = current();
  byId("sections").setAttribute("aria-label", say("sections"));
  for (const each of document.querySelectorAll("[data-say]")) each.textContent = say(each.dataset.say);
  for (const each of document.querySelectorAll(".language")) each.lang = other();
}

byId("sign-in").addEventListener("submit", signIn);
byId("other-way").addEventListener("click", otherWay);
byId("sign-out").addEventListener("click", () => session.end().then(() => leave(), failed));
for (const each of document.querySelectorAll(".language")) {
  each.addEventListener("click", () => {
    choose(other());
    told();
    if (member) open();
  });
}
window.addEventListener("hashchange", () => member && open().then(() => byId("title").focus()));
window.addEventListener("unhandledrejection", (event) => member && event.reason?.status === 401 && leave(say("over")));

// What tests and support may look at, and nothing that they could change.
Object.defineProperty(window, "kinbridge", {
  value: Object.freeze({
    get phase() { return byId("page").dataset.phase; },
    get watching() { return visits.seen(); },
    get facts() { return visits.facts(); },
    stats: () => visits.stats(),
  }),
});

told();
// Whether there may be a session is remembered apart from it: no script can see the cookie, and asking in vain is an error.
if (localStorage.getItem(SIGNED_IN)) session.now().then(enter, () => leave());
else leave();

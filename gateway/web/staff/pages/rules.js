// The rules in force, and what they would decide of a call: each condition that was looked at, in its order.

import { ask } from "../api.js";
import { el, facts, field, valuesOf } from "../build.js";
import { say, when, word } from "../words.js";

export async function open(place, desk) {
  const force = await ask("GET", "/rules");
  const told = el("p", { class: "lead" }, say("inForce", { ...force, since: when(force.since) }));
  if (!desk.may("administrator")) {
    place.replaceChildren(told);
    return;
  }
  const result = el("section", { class: "whole", hidden: true, "aria-live": "polite" });
  const form = el("form", { class: "filters", onsubmit: (event) => (event.preventDefault(), explain()) },
    field(say("place"), "station", { required: true, autocomplete: "off" }),
    field(say("dialled"), "dialled", { required: true, autocomplete: "off", inputmode: "tel" }),
    field(say("resident"), "resident", { autocomplete: "off" }),
    field(say("trunk"), "trunk", { autocomplete: "off" }),
    field(say("medium"), "medium", { options: [["", say("notSaid")], ["audio", say("audio")], ["video", say("video")]] }),
    field(say("at"), "at", { type: "datetime-local" }),
    el("button", { class: "button accept", type: "submit" }, say("explain")));
  place.replaceChildren(told, form, result);

  async function explain() {
    const { at, medium, ...asked } = valuesOf(form);
    result.hidden = false;
    try {
      const found = await ask("POST", "/rules/explain", { ...asked, at: at || null, medium: medium || null });
      result.replaceChildren(verdictOf(found), el("h3", {}, say("path")), el("ol", { class: "path" }, ...found.path.map(condition)));
    } catch (error) {
      result.replaceChildren(el("p", { class: "note" }, error.message));
    }
  }
}

function verdictOf(found) {
  const allowed = found.verdict === "allowed";
  const title = el("h2", { class: allowed ? "pass" : "fail" }, `${say("verdict")}: ${allowed ? say("allowed") : word(found.verdict)}`);
  const values = [[say("facility"), found.facility], [say("rule"), found.rule]];
  if (allowed) {
    values.push([say("contact"), found.contact], [say("medium"), word(found.medium)], [say("tariff"), found.tariff],
      [say("longest"), say("minutes", { count: Math.round(found.max_seconds / 6) / 10 })]);
  }
  return el("div", {}, title, facts(values));
}

function condition(line) {
  const passed = line.endsWith(": PASS");
  const name = line.replace(/: (PASS|FAIL)$/, "");
  return el("li", { class: passed ? "pass" : "fail" }, el("span", {}, name), el("strong", {}, say(passed ? "pass" : "fail")));
}

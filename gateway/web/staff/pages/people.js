// Residents and whom they may reach. Who may change a list sees a choice, others its word.

import { ask, query } from "../api.js";
import { el, facts, field, valuesOf } from "../build.js";
import { facilities } from "../places.js";
import { PAGE, listing } from "../listing.js";
import { say, word } from "../words.js";

export const roles = ["administrator", "supervisor", "investigator"];

const STANDINGS = ["pending", "approved", "privileged", "banned"];
const named = (standing) => (standing === "privileged" ? say("privilegedStanding") : word(standing));

export async function open(place, desk) {
  const known = await facilities();
  const keeps = desk.may("administrator", "supervisor");
  const [list, whole] = [el("div", {}), el("section", { class: "whole", hidden: true })];
  const form = el("form", { class: "filters", onsubmit: (event) => (event.preventDefault(), residents()) },
    field(say("facility"), "facility", { options: known.map((each) => [each.id, each.name]), onchange: () => residents() }));
  place.replaceChildren(form, list, whole);

  async function residents() {
    whole.hidden = true;
    const { facility } = valuesOf(form);
    const path = `/people/residents/${encodeURIComponent(facility)}`;
    await listing(list, {
      caption: say("residents"),
      columns: [
        { head: say("name"), cell: (each) => each.name },
        { head: say("number"), cell: (each) => each.id },
        { head: say("unit"), cell: (each) => each.unit },
        { head: say("active"), cell: (each) => say(each.active ? "yes" : "no") },
      ],
      fetch: async (after) => {
        const page = await ask("GET", `${path}${query({ after, limit: PAGE })}`);
        return { items: page.items, next: page.next_after };
      },
      onrow: (resident) => show(`${path}/${encodeURIComponent(resident.id)}`),
    });
  }

  async function show(path) {
    const resident = await ask("GET", path);
    const limits = [["max_minutes", "minutes"], ["visits_per_day", "aDay"], ["visits_per_week", "aWeek"]]
      .filter(([name]) => resident[name]).map(([name, words]) => say(words, { count: resident[name] })).join(", ");
    const said = el("p", { class: "soft", role: "status" });
    const put = async (contact, standing) => {
      try {
        await ask("PUT", `${path}/contacts/${encodeURIComponent(contact)}`, { standing: standing || null });
        await show(path);
        whole.querySelector("[role=status]").textContent = say("saved");
      } catch (error) {
        said.textContent = error.message;
      }
    };
    const choice = (each) => el("select", { "aria-label": `${say("standing")}: ${each.name}`, onchange: (event) => put(each.contact, event.target.value) },
      ...STANDINGS.map((one) => el("option", { value: one, selected: one === each.standing }, named(one))),
      el("option", { value: "" }, say("take")));
    const adding = el("form", { class: "filters", onsubmit: (event) => {
      event.preventDefault();
      put(valuesOf(adding).contact, "pending");
    } }, field(say("add"), "contact", { required: true, autocomplete: "off" }), el("button", { class: "button quiet", type: "submit" }, say("save")));
    whole.hidden = false;
    whole.replaceChildren(
      el("h2", { tabindex: "-1" }, resident.name),
      facts([[say("number"), resident.id], [say("unit"), resident.unit], [say("account"), resident.account],
        [say("active"), say(resident.active ? "yes" : "no")], [say("pin"), say(resident.pin ? "set" : "none")], [say("limits"), limits]]),
      el("h3", {}, say("list", { name: resident.name })),
      el("ul", { class: "plain" }, ...resident.list.map((each) => el("li", {},
        el("span", {}, each.name, " ", el("span", { class: "soft" }, each.contact)), keeps ? choice(each) : el("span", {}, named(each.standing))))),
      keeps ? adding : "", said);
    whole.querySelector("h2").focus();
  }

  if (known.length) await residents();
}

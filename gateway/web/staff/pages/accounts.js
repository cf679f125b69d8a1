// Accounts: what is left, what moved it, and paying in.

import { ask, query } from "../api.js";
import { el, facts, field, valuesOf } from "../build.js";
import { PAGE, listing } from "../listing.js";
import { money, say, when, word } from "../words.js";

export const roles = ["billing"];

export async function open(place, desk) {
  const [list, whole] = [el("div", {}), el("section", { class: "whole", hidden: true })];
  place.replaceChildren(list, whole);
  await listing(list, {
    caption: say("accounts"),
    columns: [
      { head: say("account"), cell: (each) => each.account },
      { head: say("kind"), cell: (each) => word(each.kind) },
      { head: say("balance"), cell: (each) => money(each.balance), number: true },
      { head: say("available"), cell: (each) => money(each.available), number: true },
      { head: say("opened"), cell: (each) => when(each.opened_at) },
    ],
    fetch: async (after) => {
      const page = await ask("GET", `/accounts${query({ after, limit: PAGE })}`);
      return { items: page.items, next: page.next_after };
    },
    onrow: (account) => show(account.account),
  });

  async function show(id, told = "") {
    const path = `/accounts/${encodeURIComponent(id)}`;
    const account = await ask("GET", path);
    const ledger = el("div", {});
    const said = el("p", { class: "soft", role: "status" }, told);
    // One key for one deposit, so that a second press is the same deposit
    const key = crypto.randomUUID();
    const pay = el("form", { class: "filters", onsubmit: async (event) => {
      event.preventDefault();
      const { amount } = valuesOf(pay);
      try {
        await ask("POST", `${path}/deposits`, { amount }, { "Idempotency-Key": key });
        await show(id, say("depositTold", { amount: money(amount, account.balance.currency) }));
      } catch (error) {
        said.textContent = error.message;
      }
    } },
    field(say("amount"), "amount", { required: true, inputmode: "decimal", pattern: "[0-9]+([.][0-9]{1,6})?", autocomplete: "off" }),
    el("button", { class: "button accept", type: "submit" }, say("deposit")), said);
    whole.hidden = false;
    whole.replaceChildren(el("h2", { tabindex: "-1" }, account.account), facts([
      [say("balance"), money(account.balance)], [say("heldMoney"), money(account.held)], [say("available"), money(account.available)],
      [say("kind"), word(account.kind)], [say("owner"), account.owner],
      [say("dayLimit"), account.day_limit && money(account.day_limit)], [say("weekLimit"), account.week_limit && money(account.week_limit)],
      [say("closedAt"), when(account.closed_at)],
    ]), account.closed_at ? "" : pay, el("h3", {}, say("ledger")), ledger);
    whole.querySelector("h2").focus();
    await listing(ledger, {
      caption: say("ledger"),
      columns: [
        { head: say("when"), cell: (each) => when(each.at) },
        { head: say("kind"), cell: (each) => word(each.kind) },
        { head: say("amount"), cell: (each) => money(each.amount), number: true },
        { head: say("visit"), cell: (each) => each.visit_id },
        { head: say("reason"), cell: (each) => each.reason },
        { head: say("who"), cell: (each) => each.who },
      ],
      fetch: async (since) => {
        const page = await ask("GET", `${path}/ledger${query({ since, limit: PAGE })}`);
        return { items: page.items, next: page.next_since };
      },
    });
  }
}

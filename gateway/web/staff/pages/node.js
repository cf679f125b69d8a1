// How this gateway bears its load, and what it has turned away.

import { ask } from "../api.js";
import { el, facts, table } from "../build.js";
import { say, word } from "../words.js";

const EVERY_MS = 5000;
const percent = (share) => new Intl.NumberFormat(document.documentElement.lang, { style: "percent" }).format(share);

export async function open(place, desk) {
  async function show() {
    const it = await ask("GET", "/node");
    const media = it.media && [[say("load"), word(it.media.state)], [say("loop"), percent(it.media.loop_cpu)], [say("codecs"), percent(it.media.codec_cpu)]];
    const sip = it.sip_refused.length ? table(say("refusedSip"), [
      { head: say("reason"), cell: (each) => word(each.why) }, { head: say("method"), cell: (each) => each.method },
      { head: say("trunk"), cell: (each) => each.trunk }, { head: say("count_"), cell: (each) => String(each.number), number: true },
    ], it.sip_refused) : el("p", { class: "soft" }, say("none"));
    place.replaceChildren(
      facts([[say("node"), it.node], [say("version"), it.version], [say("liveVisits"), String(it.live_visits)], ...(media ?? [])]),
      el("h2", {}, say("refusedSip")), sip,
      el("h2", {}, say("webhooks")), facts(Object.entries(it.webhooks).map(([name, count]) => [word(name), String(count)])));
  }
  await show();
  const timer = setInterval(() => show().catch((error) => desk.trouble(error.message)), EVERY_MS);
  return () => clearInterval(timer);
}

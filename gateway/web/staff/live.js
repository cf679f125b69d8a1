// The live feed: every visit of the node as it stands, over a WebSocket that comes back by itself.

import { socketTo } from "./api.js";

const LONGEST_MS = 10_000;

export class Live {
  #socket = null;
  #failures = 0;
  #timer = 0;

  // changed(visits): a Map by id. said(fact): what happened. link(up): whether the gateway is there.
  constructor({ changed, said, link }) {
    Object.assign(this, { changed, said, link });
    this.visits = new Map();
    this.facts = 0; // so many came: for tests and support
  }

  open() {
    const socket = socketTo("/live");
    this.#socket = socket;
    socket.addEventListener("message", (event) => socket === this.#socket && this.#take(JSON.parse(event.data)));
    socket.addEventListener("close", () => socket === this.#socket && this.#lost());
  }

  close() {
    const socket = this.#socket;
    this.#socket = null;
    clearTimeout(this.#timer);
    socket?.close();
  }

  #take(message) {
    if (message.type === "snapshot") {
      this.#failures = 0;
      this.visits = new Map(message.visits.map((each) => [each.visit_id, each]));
      this.link(true);
    } else if (message.type === "fact") {
      this.facts += 1;
      if (message.visit === null || message.kind === "recorded") this.visits.delete(message.visit_id);
      else this.visits.set(message.visit_id, message.visit);
      this.said(message);
    }
    this.changed(this.visits);
  }

  #lost() {
    this.link(false);
    const pause = Math.min(LONGEST_MS, 500 * 2 ** this.#failures) * (0.5 + Math.random() / 2);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.open(), pause);
  }
}

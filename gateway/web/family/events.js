// The gateway's events over a WebSocket that comes back by itself: pauses of 0.5 s, doubling up to 10 s.

const LONGEST_MS = 10_000;
const BAD_LINK = 4401;

export class Events {
  #socket = null;
  #failures = 0;
  #timer = 0;
  #closed = false;

  // say(message): what the gateway tells, and {type: "socket", to: "open" | "lost"}
  constructor(address, say) {
    this.address = address;
    this.say = say;
    window.addEventListener("online", () => this.#now());
    document.addEventListener("visibilitychange", () => document.hidden || this.#now());
  }

  open() {
    this.#closed = false;
    const socket = new WebSocket(this.address);
    this.#socket = socket;
    socket.addEventListener("message", (event) => this.#take(socket, event.data));
    socket.addEventListener("close", (event) => this.#lost(socket, event.code));
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  #take(socket, text) {
    if (socket !== this.#socket) return;
    const message = JSON.parse(text);
    if (message.type === "hello") {
      this.#failures = 0;
      this.say({ type: "socket", to: "open" });
    }
    this.say({ ...message, receivedAt: performance.now() });
  }

  #lost(socket, code) {
    if (socket !== this.#socket || this.#closed) return;
    this.#socket = null;
    if (code === BAD_LINK) return; // coming back would not help
    this.say({ type: "socket", to: "lost" });
    const pause = Math.min(LONGEST_MS, 500 * 2 ** this.#failures) * (0.5 + Math.random() / 2);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.open(), pause);
  }

  #now() {
    if (this.#socket !== null || this.#closed || this.#failures === 0) return;
    clearTimeout(this.#timer);
    this.open();
  }
}

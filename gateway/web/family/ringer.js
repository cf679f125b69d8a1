// Rings: two soft bells by WebAudio, vibration, and the tab's title.

const EVERY_MS = 3000;
const NOTES = [[0, 659.3], [0.18, 830.6], [0.36, 987.8], [0.9, 659.3], [1.08, 830.6], [1.26, 987.8]];

export class Ringer {
  #context = null;
  #timers = [];
  #title = document.title;

  // Browsers let a page sound only after a touch: true when it may.
  get audible() {
    return this.#context?.state === "running";
  }

  async allow() {
    this.#context ??= new AudioContext();
    await Promise.race([this.#context.resume(), new Promise((done) => setTimeout(done, 300))]);
    return this.audible;
  }

  get context() {
    return this.#context;
  }

  start(words) {
    this.stop();
    this.#title = document.title;
    const ring = () => {
      this.#bells();
      navigator.vibrate?.([400, 150, 400]);
    };
    let flip = false;
    const flash = () => {
      flip = !flip;
      document.title = flip ? `🔔 ${words}` : this.#title;
    };
    ring();
    flash();
    this.#timers = [setInterval(ring, EVERY_MS), setInterval(flash, 1000)];
  }

  stop() {
    if (this.#timers.length === 0) return;
    this.#timers.forEach(clearInterval);
    this.#timers = [];
    navigator.vibrate?.(0);
    document.title = this.#title;
  }

  #bells() {
    if (!this.audible) return;
    const start = this.#context.currentTime + 0.05;
    for (const [at, pitch] of NOTES) this.#bell(start + at, pitch);
  }

  #bell(at, pitch) {
    const gain = new GainNode(this.#context, { gain: 0 });
    const tone = new OscillatorNode(this.#context, { type: "sine", frequency: pitch });
    const shine = new OscillatorNode(this.#context, { type: "sine", frequency: pitch * 3.01 });
    const soft = new GainNode(this.#context, { gain: 0.12 });
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.28, at + 0.012);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.7);
    tone.connect(gain).connect(this.#context.destination);
    shine.connect(soft).connect(gain);
    for (const each of [tone, shine]) {
      each.start(at);
      each.stop(at + 0.75);
    }
  }
}

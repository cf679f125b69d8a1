// One watching: an RTCPeerConnection that only receives, and the WebSocket whose end is its end.
//
//   line 0: the mixed sound        line 1: the station's picture        line 2: the family's picture

import { ask, socketTo } from "./api.js";

const GATHER_MS = 1000;

export class Watching {
  #over = false;
  #socket = null;

  // show(kind, stream): "sound", "station" or "family". said({state, reason}): as docs/api.md has it.
  constructor(visitId, { show, said }) {
    Object.assign(this, { visitId, show, said });
    this.id = "";
    this.times = { asked: performance.now(), offered: null, answered: null, connected: null, station: null, family: null };
    this.pc = new RTCPeerConnection({ iceServers: [] });
    this.pc.addEventListener("connectionstatechange", () => this.pc.connectionState === "connected" && this.saw("connected"));
    this.pc.addEventListener("track", ({ transceiver, track }) => {
      const kind = ["sound", "station", "family"][this.pc.getTransceivers().indexOf(transceiver)];
      this.show(kind, new MediaStream([track]));
    });
  }

  async begin() {
    for (const kind of ["audio", "video", "video"]) this.pc.addTransceiver(kind, { direction: "recvonly" });
    await this.pc.setLocalDescription();
    await gathered(this.pc);
    this.saw("offered");
    const path = `/visits/${encodeURIComponent(this.visitId)}/watch`;
    const answer = await ask("POST", path, { type: "offer", sdp: this.pc.localDescription.sdp });
    this.saw("answered");
    this.id = answer.watching_id;
    if (this.#over) return this.#tell();
    this.#socket = socketTo(`${path}/${this.id}`);
    this.#socket.addEventListener("message", (event) => this.#take(JSON.parse(event.data)));
    this.#socket.addEventListener("close", () => this.#end("closed"));
    await this.pc.setRemoteDescription({ type: "answer", sdp: answer.sdp });
  }

  // When each step was reached first, in this page's own clock: what the officer waits for can be looked into.
  saw(step) {
    this.times[step] ??= performance.now();
  }

  // By the officer, or because the page goes: the gateway hears it by the socket.
  stop() {
    this.#end("officer_left");
  }

  #take(message) {
    if (message.state === "ended") this.#end(message.reason);
    else this.said(message);
  }

  #end(reason) {
    if (this.#over) return;
    this.#over = true;
    this.said({ state: "ended", reason });
    const close = () => {
      this.pc.close();
      this.#socket?.close();
    };
    if (reason === "officer_left" && this.id) this.#tell().finally(close); // first why, then the end itself: the audit keeps the first word
    else close();
  }

  #tell() {
    return ask("DELETE", `/visits/${encodeURIComponent(this.visitId)}/watch/${this.id}`).catch(() => {}); // it is over: just what was wanted
  }
}

function gathered(pc) {
  if (pc.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((done) => {
    pc.addEventListener("icegatheringstatechange", () => pc.iceGatheringState === "complete" && done());
    setTimeout(done, GATHER_MS);
  });
}

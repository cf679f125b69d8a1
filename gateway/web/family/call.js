// The media of a visit: camera and microphone, one RTCPeerConnection, the picture's life signs.

const GATHER_MS = 1000;
const STILL_MS = 2500;
const LOOK_EVERY_MS = 400;

// The devices, as many as may be used: {stream, devices: "both" | "noCamera" | "noMicrophone"}.
export async function openDevices(wantsVideo) {
  const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
  const video = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 24, max: 30 }, facingMode: "user" };
  const tries = wantsVideo ? [[{ audio, video }, "both"], [{ audio }, "noCamera"], [{ video }, "noMicrophone"]] : [[{ audio }, "both"]];
  for (const [wish, devices] of tries) {
    try {
      return { stream: await navigator.mediaDevices.getUserMedia(wish), devices };
    } catch {
      // refused, missing or in use by another program: the next best wish
    }
  }
  return { stream: new MediaStream(), devices: "noMicrophone" };
}

export class Call {
  #look = 0;
  #frameAt = -Infinity;
  #seen = false;
  #closed = false;

  // say(event): {type: "link"} and {type: "picture"} of state.js. signal(offer) -> answer.
  constructor({ stream, remote, iceServers, codec, signal, say }) {
    this.stream = stream;
    this.remote = remote;
    this.codec = codec;
    this.signal = signal;
    this.say = say;
    this.pc = new RTCPeerConnection({ iceServers });
    this.incoming = new MediaStream();
    this.pc.addEventListener("track", (event) => this.#take(event.track));
    this.pc.addEventListener("connectionstatechange", () => this.#connection());
  }

  // Offers sound and picture whatever the devices are: the far side may have both.
  async join() {
    const [sound] = this.stream.getAudioTracks();
    const [picture] = this.stream.getVideoTracks();
    this.pc.addTransceiver(sound ?? "audio", { direction: "sendrecv", streams: [this.stream] });
    const video = this.pc.addTransceiver(picture ?? "video", { direction: "sendrecv", streams: [this.stream] });
    this.camera = video.sender;
    if (this.codec) only(video, this.codec);
    await this.pc.setLocalDescription(await this.pc.createOffer());
    await gathered(this.pc);
    const answer = await this.signal({ type: "offer", sdp: this.pc.localDescription.sdp });
    if (this.#closed) return;
    await this.pc.setRemoteDescription(answer);
    this.#watch();
    const transport = video.sender.transport; // a far side that says goodbye is seen here at once, else after 20 s
    transport?.addEventListener("statechange", () => transport.state === "closed" && this.#lost());
  }

  // A camera that is off sends nothing, not black: the far side is shown a slate instead.
  async show(on) {
    const [picture] = this.stream.getVideoTracks();
    await this.camera?.replaceTrack(on ? picture ?? null : null).catch(() => {}); // it was closed meanwhile
  }

  close() {
    this.#closed = true;
    clearInterval(this.#look);
    this.pc.close();
  }

  #take(track) {
    this.incoming.addTrack(track);
    if (this.remote.srcObject !== this.incoming) this.remote.srcObject = this.incoming;
    this.remote.play().catch(() => {}); // a picture that may not play yet plays with the next touch
  }

  #connection() {
    if (this.#closed) return;
    const words = { connected: "connected", disconnected: "weak", failed: "lost" }[this.pc.connectionState];
    if (words) this.say({ type: "link", to: words });
  }

  #lost() {
    if (!this.#closed) this.say({ type: "link", to: "lost" });
  }

  // A black rectangle frightens: the page shows the picture only while frames arrive.
  #watch() {
    const note = () => {
      this.#frameAt = performance.now();
      this.#seen = true;
      if (!this.#closed) this.remote.requestVideoFrameCallback?.(note);
    };
    this.remote.requestVideoFrameCallback?.(note);
    let played = 0;
    this.#look = setInterval(() => {
      if (!this.remote.requestVideoFrameCallback) {
        const total = this.remote.getVideoPlaybackQuality().totalVideoFrames;
        if (total > played) note();
        played = total;
      }
      const moving = performance.now() - this.#frameAt < STILL_MS;
      this.say({ type: "picture", to: moving ? "moving" : this.#seen ? "stopped" : "first" });
    }, LOOK_EVERY_MS);
  }
}

// `?video=VP8`: offers this codec alone (with its retransmissions), to see how another path behaves.
function only(transceiver, name) {
  const known = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  const wanted = known.filter(({ mimeType }) => mimeType.toUpperCase() === `VIDEO/${name.toUpperCase()}`);
  const repair = known.filter(({ mimeType }) => /\/(rtx)$/i.test(mimeType));
  if (wanted.length) transceiver.setCodecPreferences([...wanted, ...repair]);
}

function gathered(pc) {
  if (pc.iceGatheringState === "complete") return Promise.resolve();
  return new Promise((done) => {
    const check = () => pc.iceGatheringState === "complete" && done();
    pc.addEventListener("icegatheringstatechange", check);
    setTimeout(done, GATHER_MS);
  });
}

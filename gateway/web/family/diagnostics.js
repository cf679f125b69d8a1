// window.kinbridge: what tests and support may look at, and nothing that they could change. docs/family-page.md tells more.
//
//   kinbridge.phase            "waiting", "ringing", "joining", "visit", "over", "refused"
//   await kinbridge.stats()    a summary of RTCPeerConnection.getStats(); null without a visit

export function expose(read) {
  Object.defineProperty(window, "kinbridge", {
    value: Object.freeze({
      get phase() { return read().state.phase; },
      get state() { return structuredClone(read().state); },
      stats: () => summary(read().call?.pc ?? null),
    }),
  });
}

async function summary(pc) {
  if (pc === null) return null;
  const reports = [...(await pc.getStats()).values()];
  const one = (type, kind) => reports.find((each) => each.type === type && each.kind === kind) ?? {};
  const codec = (stream) => reports.find((each) => each.id === stream.codecId)?.mimeType?.split("/")[1]?.toUpperCase() ?? "";
  const [seen, heard] = [one("inbound-rtp", "video"), one("inbound-rtp", "audio")];
  const [shown, said] = [one("outbound-rtp", "video"), one("outbound-rtp", "audio")];
  return {
    connectionState: pc.connectionState,
    framesDecoded: seen.framesDecoded ?? 0,
    framesPerSecond: seen.framesPerSecond ?? 0,
    freezeCount: seen.freezeCount ?? 0,
    totalFreezesDuration: seen.totalFreezesDuration ?? 0,
    frameWidth: seen.frameWidth ?? 0,
    frameHeight: seen.frameHeight ?? 0,
    keyFramesDecoded: seen.keyFramesDecoded ?? 0,
    pliCount: seen.pliCount ?? 0,
    nackCount: seen.nackCount ?? 0,
    videoPacketsReceived: seen.packetsReceived ?? 0,
    videoPacketsLost: seen.packetsLost ?? 0,
    audioPacketsReceived: heard.packetsReceived ?? 0,
    audioPacketsLost: heard.packetsLost ?? 0,
    totalAudioEnergy: heard.totalAudioEnergy ?? 0,
    framesEncoded: shown.framesEncoded ?? 0,
    framesSent: shown.framesSent ?? 0,
    videoPacketsSent: shown.packetsSent ?? 0,
    audioPacketsSent: said.packetsSent ?? 0,
    codecs: { videoIn: codec(seen), videoOut: codec(shown), audioIn: codec(heard), audioOut: codec(said) },
  };
}

// Every sentence of the officers' page.

const STATES = {
  dialing: "Dialing", ringing: "Ringing", connecting: "Connecting", talking: "Talking", held: "On hold",
  reconnecting: "Reconnecting", ending: "Ending",
};
const ENDS = {
  officer_left: "You watch no more.",
  visit_ended: "The visit is over.",
  closed: "The connection was closed.",
  page_closed: "The connection was closed.",
  consent_expired: "The connection was lost.",
  connect_timeout: "No connection came up. Is UDP to the gateway allowed?",
  ice_failed: "No connection came up. Is UDP to the gateway allowed?",
  dtls_failed: "No connection came up.",
  slow: "The network here is too slow for the pictures.",
  node_stopped: "The gateway stops.",
};

export const stateOf = (visit) => STATES[visit.state] ?? visit.state;
export const endOf = (reason) => ENDS[reason] ?? "It ended.";
export const mediumOf = (visit) => (visit.medium === "video" ? "Video" : "Sound only");
export const count = (number) => (number === 1 ? "1 visit" : `${number} visits`);
export const closedOf = (visit) => (visit.privileged ? "Privileged: nobody may watch" : "Not monitored");
export const sent = (pages) => (pages > 0 ? "They can read it now." : "Nobody could read it: their page is closed just now.");
export const spoken = {
  watching: (visit) => `You watch the visit of ${visit.caller_name || visit.station}.`,
  ended: (reason) => endOf(reason),
};
export const cover = { connecting: "Connecting…", waiting: "Waiting for the picture…", none: "No picture" };
export const trouble = { lost: "The gateway cannot be reached. Trying again…" };
export const refused = "This token is not valid, or does not let you watch.";

export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, String(whole % 60).padStart(2, "0")];
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

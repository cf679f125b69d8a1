// The page as a pure machine: step(state, event) -> state. No DOM, no network, no clock of its own.
//
//   opening -> waiting -> ringing -> joining -> visit -> over -> waiting
//                 ^          |          |         (ring: a new visit) ^
//                 +----------+----------+             refused: the link opens nothing
//
// Events with the names of the gateway's messages (docs/api.md) carry them as they came; the others are the page's own.

export const START = Object.freeze({
  phase: "opening",
  name: "",         // whose page it is
  ice: [],          // ICE servers as the gateway says
  visit: null,      // {id, caller, place, video, rate, seconds, balanceOk, privileged, monitored, recorded}
  ongoing: null,    // a visit to come back to, after a reload
  clock: null,      // {running, secondsLeft, moneyLeft, at}
  warned: null,     // {reason, secondsLeft}
  held: false,
  said: null,       // what an officer wrote, until it is closed
  over: null,       // the gateway's `over`
  low: null,        // the balance that is left, when it has become low
  note: null,       // what happened last, for the waiting page: {kind, reason, caller} or {kind, words}
  socket: "opening", // opening | open | lost
  link: "new",      // of the media: new | connected | weak | lost
  picture: "first", // first | moving | stopped
  devices: "both",  // both | noCamera | noMicrophone
  refused: null,
});

const IN_VISIT = new Set(["joining", "visit"]);
const mine = (state, event) => state.visit !== null && state.visit.id === event.visit_id;
const idle = (state, more = {}) => ({
  ...state, phase: "waiting", visit: null, clock: null, warned: null, held: false, said: null, over: null, link: "new", ...more,
});

const asOngoing = ({ visit, clock, held }) => ({
  visit_id: visit.id, caller_name: visit.caller, facility_name: visit.place, video: visit.video,
  rate_per_minute: visit.rate, seconds_left: clock?.secondsLeft ?? visit.seconds, held,
  monitored: visit.monitored, recorded: visit.recorded,
});

const RULES = {
  hello(state, event) {
    const next = { ...state, name: event.contact_name, ice: event.ice_servers, ongoing: null };
    if (IN_VISIT.has(state.phase)) {
      if (state.phase === "visit" && event.visit?.visit_id !== state.visit.id) return RULES.gone(next);
      return next;
    }
    if (state.phase === "over") return next;
    return idle(next, { ongoing: event.visit }); // a ring that goes on is said again right after this
  },

  ring(state, event) {
    if (IN_VISIT.has(state.phase)) return state;
    const visit = {
      id: event.visit_id, caller: event.caller_name, place: event.facility_name, video: event.video,
      rate: event.rate_per_minute, seconds: event.seconds, atMost: event.at_most, balanceOk: event.balance_ok, privileged: event.privileged,
      monitored: event.monitored === true, recorded: event.recorded === true,
    };
    return idle(state, { phase: "ringing", visit, note: null, ongoing: null, picture: "first", low: null });
  },

  clock(state, event) {
    if (!mine(state, event)) return state;
    const clock = {
      running: event.running, secondsLeft: event.seconds_left, moneyLeft: event.money_left, at: event.receivedAt,
    };
    const putOff = state.warned !== null && event.seconds_left > state.warned.secondsLeft; // money came in meanwhile
    return { ...state, clock, warned: putOff ? null : state.warned };
  },

  warned(state, event) {
    if (!mine(state, event)) return state;
    const clock = { ...(state.clock ?? { running: true, moneyLeft: null }), secondsLeft: event.seconds_left, at: event.receivedAt };
    return { ...state, warned: { reason: event.reason, secondsLeft: event.seconds_left }, clock };
  },

  hold(state, event) {
    return mine(state, event) ? { ...state, held: event.held } : state;
  },

  message(state, event) {
    return mine(state, event) ? { ...state, said: event.text } : state;
  },

  // own: it was this page. The last one has the visit; one that fought for it would cost both their picture.
  taken(state, event) {
    if (!mine(state, event)) return state;
    if (state.phase === "ringing") return idle(state, { note: { kind: "taken" } });
    if (state.phase !== "visit" || event.own || !event.page) return state;
    return idle(state, { note: { kind: "taken" }, ongoing: asOngoing(state) });
  },

  over(state, event) {
    if (state.ongoing?.visit_id === event.visit_id) return { ...state, ongoing: null };
    if (!mine(state, event)) return state;
    if (state.phase === "ringing" || (event.charged === null && event.duration_s === 0)) {
      return idle(state, { note: { kind: "missed", reason: event.reason, caller: state.visit.caller } });
    }
    return { ...state, phase: "over", over: event };
  },

  low(state, event) {
    return { ...state, low: event.balance };
  },

  refused(state, event) {
    return { ...state, phase: "refused", refused: event.reason };
  },

  // ---- the page's own ----

  accepting: (state) => (state.phase === "ringing" ? { ...state, phase: "joining" } : state),
  joined: (state) => (state.phase === "joining" ? { ...state, phase: "visit" } : state),
  failed: (state, event) => (IN_VISIT.has(state.phase) ? idle(state, { note: { kind: "failed", words: event.words } }) : state),
  gone: (state) => (IN_VISIT.has(state.phase) ? { ...state, phase: "over", over: null } : state),
  declined: (state) => (state.phase === "ringing" ? idle(state) : state),
  dismissed: (state) => (state.phase === "over" ? idle(state, { note: null }) : state),
  read: (state) => ({ ...state, said: null }),
  socket: (state, event) => ({ ...state, socket: event.to }),
  link: (state, event) => ({ ...state, link: event.to }),
  picture: (state, event) => ({ ...state, picture: event.to }),
  devices: (state, event) => ({ ...state, devices: event.to }),

  returning(state) {
    const from = state.ongoing;
    if (from === null) return state;
    const visit = {
      id: from.visit_id, caller: from.caller_name, place: from.facility_name, video: from.video,
      rate: from.rate_per_minute, seconds: from.seconds_left, balanceOk: true, privileged: false,
      monitored: from.monitored === true, recorded: from.recorded === true,
    };
    return idle(state, { phase: "joining", visit, ongoing: null, held: from.held, back: true, note: null, picture: "first" });
  },
};

export function step(state, event) {
  const rule = RULES[event.type];
  return rule ? rule(state, event) : state; // a newer gateway may say more than this page knows
}

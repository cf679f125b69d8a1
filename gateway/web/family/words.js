// Every sentence that a person reads, and how time and money are written. Pure.

export function amount(money) {
  if (!money) return "";
  const value = Number(money.amount); // for showing only; nothing is reckoned with it
  const digits = Math.max(2, Math.min(4, (money.amount.split(".")[1] ?? "").replace(/0+$/, "").length));
  try {
    return new Intl.NumberFormat(undefined, {
      style: "currency", currency: money.currency, minimumFractionDigits: 2, maximumFractionDigits: digits,
    }).format(value);
  } catch {
    return `${money.amount} ${money.currency}`; // not a currency that this browser knows
  }
}

// What a visit costs, before anybody accepts it: by the minute where that tells all, else what all of it could cost.
export function price({ rate, seconds, atMost }) {
  const most = Number(atMost?.amount ?? NaN); // for showing only, as above
  const byMinute = (Number(rate.amount) * seconds) / 60;
  if (most > byMinute + 0.01) return { label: "It costs at most", text: amount(atMost) };
  const nothing = byMinute === 0 || (seconds > 0 && most === 0);
  return { label: "A minute costs", text: nothing ? "Nothing" : amount(rate) };
}

export function calling(ring) {
  const { label, text } = price(ring);
  return `${ring.caller} from ${ring.place} is calling. ${label} ${text.replace("Nothing", "nothing")}.`;
}

// What is left, in whole cents and never more than there is.
export function purse(money) {
  if (!money) return "";
  const [whole, fraction = ""] = money.amount.split(".");
  return amount({ amount: `${whole}.${fraction.slice(0, 2).padEnd(2, "0")}`, currency: money.currency });
}

export function clock(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = String(whole % 60).padStart(2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

export function span(seconds) {
  const minutes = Math.floor(seconds / 60);
  const rest = Math.round(seconds % 60);
  if (!minutes) return `${rest} s`;
  return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
}

export function initial(name) {
  return (Array.from(name.trim())[0] ?? "?").toUpperCase();
}

export function greeting(name) {
  return name ? `Hello ${name.split(" ")[0]}, we will ring here` : "We will ring here";
}

const REASONS = {
  completed: "",
  balance_exhausted: "The money on the account is used up.",
  time_limit: "The time for this visit is used up.",
  schedule_end: "The visiting hours are over.",
  officer_terminated: "The facility ended the visit.",
  family_left: "You hung up.",
  inmate_hung_up: "They hung up.",
  media_failed: "The connection failed. What could not be heard is not charged.",
  node_crash: "Something failed on our side. What could not be heard is not charged.",
  trunk_error: "The facility's line failed. What could not be heard is not charged.",
};

export function ended(reason) {
  return REASONS[reason] ?? "";
}

// A visit that never was: what the waiting page says of it.
export function missed(reason, name) {
  if (reason === "rejected") return `You declined the visit from ${name}.`;
  if (reason === "inmate_hung_up") return `${name} hung up before you could answer.`;
  if (reason === "no_answer") return `You missed a visit from ${name}.`;
  return `${name} tried to reach you, but the visit could not begin. ${ended(reason)}`.trim();
}

export function warning(reason) {
  if (reason === "balance_exhausted") return "Then the money is used up.";
  if (reason === "time_limit") return "Then the time for this visit is used up.";
  if (reason === "schedule_end") return "Then the visiting hours are over.";
  return "";
}

export function unused(over) {
  const free = over.duration_s - over.billable_s;
  return free > 1 ? `${span(free)} in which you could not hear each other are not charged.` : "";
}

export function low(balance) {
  return `The account is low: ${purse(balance)} left for the next visit.`;
}

export const slate = {
  phone: ["Sound only", "They are calling from a phone. You can talk."],
  first: ["Connecting…", "The picture comes in a moment."],
  stopped: ["The picture has stopped", "You can still talk. It comes back by itself."],
  held: ["On hold", "They will be back. This time is not charged."],
  joining: ["Connecting…", "Bringing you together."],
  returning: ["Coming back…", "They are still there. Time without you is not charged."],
  lost: ["Coming back…", "The connection was lost. This time is not charged."],
};

export const trouble = {
  socket: "No connection to us. Trying again…",
  weak: "The connection is weak. Hold on…",
  lost: "The connection was lost. Coming back…",
  gone: "We cannot bring you back by ourselves. Check your network; we keep trying.",
  noCamera: "Your camera is not available, so they cannot see you. Talking works.",
  noMicrophone: "Your microphone is not available, so they cannot hear you. Allow it in the browser's settings.",
  failed: "The visit could not begin.",
  offline: "Your device is offline.",
};

// Who else hears the visit, said before anybody accepts it.
export function heardBy(visit) {
  if (!visit.recorded) return "This visit may be monitored: an officer can watch and listen.";
  return visit.monitored ? "This visit is recorded, and an officer can watch and listen." : "This visit is recorded.";
}

export function heardByShort(visit) {
  if (!visit.recorded) return "May be monitored";
  return visit.monitored ? "Recorded, may be monitored" : "Recorded";
}

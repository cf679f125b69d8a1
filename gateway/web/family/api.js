// The gateway's address and its family calls. The token is the last part of this page's address: of the contact's own
// link (/family/...), or of a link for one visit (/join/...), which the device that opens it first has from then on.

const [, base, door, token] = location.pathname.match(/^(.*)\/(family|join)\/([^/]+)\/?$/) ?? [null, "", "family", ""];
const credentials = door === "join" ? `Join ${token}` : `Bearer ${token}`;

// Whether this page may go on: it opens a one-time link. Rejects while the gateway is out of reach.
export async function enter() {
  if (door !== "join") return true;
  const answer = await fetch(`${base}/api/v1/join`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ token }),
  });
  if (answer.status >= 500) throw new Error("not now");
  return answer.ok;
}

export function eventsAddress() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}${base}/api/v1/family/events?${door === "join" ? "join" : "token"}=${token}`;
}

export async function tell(visit, what, body) {
  const answer = await fetch(`${base}/api/v1/family/visits/${encodeURIComponent(visit)}/${what}`, {
    method: "POST",
    headers: { Authorization: credentials, ...(body && { "Content-Type": "application/json" }) },
    body: body && JSON.stringify(body),
    keepalive: what === "hangup" || what === "decline",
  });
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(said.title ?? "refused"), { status: answer.status, remedy: said.remedy ?? "" });
  return said;
}

// The gateway's address and its family calls. The token is the last part of this page's address.

const [, base, token] = location.pathname.match(/^(.*)\/family\/([^/]+)\/?$/) ?? [null, "", ""];

export function eventsAddress() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return `${scheme}//${location.host}${base}/api/v1/family/events?token=${token}`;
}

export async function tell(visit, what, body) {
  const answer = await fetch(`${base}/api/v1/family/visits/${encodeURIComponent(visit)}/${what}`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, ...(body && { "Content-Type": "application/json" }) },
    body: body && JSON.stringify(body),
    keepalive: what === "hangup" || what === "decline",
  });
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(said.title ?? "refused"), { status: answer.status, remedy: said.remedy ?? "" });
  return said;
}

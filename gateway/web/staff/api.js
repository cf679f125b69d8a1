// The gateway's address and its staff calls. Who is signed in is a cookie that no script can read; what changes something
// sends the session's own word beside it.

const base = location.pathname.replace(/\/console\/?$/, "");
let csrf = "";

export const session = {
  now: () => ask("GET", "/session").then(keep),
  begin: (given) => ask("POST", "/session", given).then(keep),
  end: () => ask("DELETE", "/session"),
};

function keep(said) {
  csrf = said.csrf_token;
  return said;
}

// A refusal is an Error with `status`; its message is the problem's own words.
export async function ask(method, path, body, headers = {}) {
  const answer = await fetch(`${base}/api/v1${path}`, {
    method,
    headers: {
      ...(method !== "GET" && csrf && { "X-Kinbridge-Csrf": csrf }),
      ...(body && { "Content-Type": "application/json" }),
      ...headers,
    },
    body: body && JSON.stringify(body),
    keepalive: method === "DELETE", // also from a page that goes
  });
  if (answer.status === 204) return null;
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) {
    const words = [said.title, said.detail, said.remedy].filter(Boolean).join(". ");
    throw Object.assign(new Error(words || "refused"), { status: answer.status });
  }
  return said;
}

// {a: 1, b: ""} -> "?a=1"
export function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

export const file = (path) => `${base}/api/v1${path}`;

export function socketTo(path) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(`${scheme}//${location.host}${base}/api/v1${path}`);
}

// The gateway's address and its staff calls. The token lives in this tab alone, and only as long as the tab.

const base = location.pathname.replace(/\/staff\/watch\/?$/, "");
const KEY = "kinbridge.staff-token";

export const token = {
  get: () => sessionStorage.getItem(KEY) ?? "",
  set: (value) => sessionStorage.setItem(KEY, value),
  clear: () => sessionStorage.removeItem(KEY),
};

export async function ask(method, path, body) {
  const answer = await fetch(`${base}/api/v1${path}`, {
    method,
    headers: { Authorization: `Bearer ${token.get()}`, ...(body && { "Content-Type": "application/json" }) },
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

export function socketTo(path) {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return new WebSocket(`${scheme}//${location.host}${base}/api/v1${path}?token=${encodeURIComponent(token.get())}`);
}

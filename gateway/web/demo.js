// The demonstration's page: asks the simulated terminal to call, then goes where it rings.

const button = document.getElementById("ring");
const words = document.getElementById("ring-words");
const said = document.getElementById("said");
const base = location.pathname.replace(/\/demo\/?$/, "");

async function ring() {
  button.disabled = true;
  words.textContent = "Calling…";
  said.hidden = true;
  try {
    const answer = await fetch(`${base}/api/v1/demo/ring`, { method: "POST" });
    const body = await answer.json();
    if (!answer.ok) throw new Error(`${body.title}. ${body.remedy ?? ""}`);
    location.assign(base + body.family_url);
  } catch (error) {
    said.textContent = error instanceof TypeError ? "The gateway cannot be reached. Is it still running?" : error.message;
    said.hidden = false;
    words.textContent = "Ring me";
    button.disabled = false;
  }
}

button.addEventListener("click", ring);

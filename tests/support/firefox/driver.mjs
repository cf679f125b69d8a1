// Drives one Firefox tab for tests/support/firefox_page.py: a JSON request per line on standard input
// ({"goto": url} or {"evaluate": expression}), a JSON answer per line on standard output.
import readline from "node:readline";
import puppeteer from "puppeteer-core";

const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
  headless: true,
  extraPrefsFirefox: {
    "media.navigator.streams.fake": true,
    "media.navigator.permission.disabled": true,
    "media.autoplay.default": 0,
    "media.gmp-manager.updateEnabled": false,
  },
});
const page = await browser.newPage();
await page.setViewport({ width: 412, height: 800 });

const answer = (value) => process.stdout.write(JSON.stringify(value) + "\n");
const perform = async (request) => {
  if (request.goto) {
    await page.goto(request.goto);
    return null;
  }
  if (request.screenshot) {
    await page.screenshot({ path: request.screenshot });
    return null;
  }
  return (await page.evaluate(request.evaluate)) ?? null;
};

answer({ ready: await browser.version() });
for await (const line of readline.createInterface({ input: process.stdin })) {
  try {
    answer({ value: await perform(JSON.parse(line)) });
  } catch (error) {
    answer({ error: String(error) });
  }
}
await browser.close();

// Debian's chromium, without a screen. WebGL is drawn by the processor there.

import { existsSync } from "node:fs";
import { chromium } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

export function executable() {
  return [process.env.CHROMIUM, ...PLACES].find((path) => path && existsSync(path));
}

export function launch() {
  // Root, as in CI's containers, has no sandbox.
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({
    executablePath: executable(),
    args: [...sandbox, "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-dev-shm-usage"],
  });
}

/** A page that logs in; `faults` collects what a page must never do. */
export async function open(browser, server, token, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme: "dark", locale: "en-GB", ...options });
  const page = await context.newPage();
  // A busy machine draws a first picture late; what is promised is measured apart.
  context.setDefaultTimeout(120_000);
  const faults = [];
  const asked = [];
  page.on("request", (request) => {
    const url = request.url();
    asked.push(request);
    if (!url.startsWith(`${server.url}/`) && !/^(blob|data):/.test(url)) faults.push(`asked ${url}`);
    if (token && url.includes(token)) faults.push("the token is in an address");
  });
  page.on("pageerror", (error) => faults.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    faults.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) faults.push(message.text());
  });
  await page.goto(server.url);
  await page.fill("input[name=token]", token);
  await page.click("form button[type=submit]");
  await page.click("#shift .bar button");
  return { page, context, faults, asked };
}

/** When the map's first picture is whole. */
export const drawn = (page) => page.waitForSelector("#map[data-drawn]", { timeout: 60_000, state: "attached" });

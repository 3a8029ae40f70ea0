// The pictures in docs/: a made-up night with several vehicles on their way, on the real server.
// `npm run screenshots`; Debian's fonts-noto-cjk draws the Chinese.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { drawn, launch, open } from "./browser.mjs";
import { ROOT, Server, night, track } from "./server.mjs";

const FOLDER = process.argv[2] ?? join(ROOT, "docs");
mkdirSync(FOLDER, { recursive: true });

// Each track up to an hour of its own, all of them as if that hour were now.
const SCENE = [
  ["goes_silent", "352093081000204", "20:08:43"],
  ["leaves_by_houyan", "13304110001", "20:02:10"],
  ["parks_in_guarded_lot", "taxi3012", "20:21:40"],
  ["turns_away_from_port", "868120310002001", "20:05:40"],
  ["presses_sos", "13304113007", "20:07:20"],
];
const FLAGS = [
  ["13304110001", { reason: "off_route", case: "D-1", authority: "city command", priority: 1, instruction: "Stop before the toll and verify the crew", cautions: ["armed crew", "carries cash"], contact: "City duty officer 8000" }],
  ["868120310002001", { reason: "stolen", case: "D-2", authority: "Zhongshan", instruction: "Stop and verify the driver", contact: "Zhongshan duty officer" }],
  ["352093081000204", { reason: "contraband", case: "D-3", authority: "Lüshunkou", instruction: "Stop before the ferry and open the load", cautions: ["heavy lorry"], contact: "Lüshunkou duty officer" }],
  ["taxi3012", { reason: "lost_child", case: "D-5", authority: "Shahekou", instruction: "Hold the taxi and look after the child", contact: "Shahekou duty officer" }],
  ["13304110002", { reason: "off_route", case: "D-6", authority: "city command", priority: 3, cautions: ["armed crew"] }],
];

const server = await Server.start({ rules: "silent_s = 5.0", name: null });
const browser = await launch();
try {
  const [command, post] = [await server.token("Wang Li", "dispatcher"), await server.token("Zhao Min", "operator", "houyan-post")];
  [server.flagger, server.approver] = [command, await server.token("Sun Qi", "dispatcher")];
  for (const [vehicle, flag] of FLAGS) await server.flag(vehicle, flag);
  const city = await open(browser, server, command);
  const cursor = (await server.ask("GET", "/v1/alerts")).cursor;
  for (const [name, device, hour] of SCENE) await server.play(device, track(name, device), night(hour));
  // A vehicle is silent once it has missed some of its usual ten seconds; the others go on.
  const silent = server.event((event) => event.type === "interdict.vehicle.silent", cursor);
  let over = false;
  const begun = performance.now();
  const on = (async () => {
    while (!over) {
      await new Promise((done) => setTimeout(done, 5_000));
      const later_s = (performance.now() - begun) / 1000;
      for (const [name, device, hour] of SCENE.slice(1)) {
        const fix = track(name, device).filter((one) => one.at_s <= night(hour) + later_s).at(-1);
        await server.report(device, fix, Math.max(0, night(hour) + later_s - fix.at_s));
      }
    }
  })();
  await silent;
  const { page } = city;
  await page.locator(".card.silent").waitFor();
  await drawn(page);
  const settle = () => page.waitForTimeout(1_500);
  const shot = (name, of = page) => of.screenshot({ path: join(FOLDER, `${name}.png`) });
  await page.locator(".card", { hasText: "大连港" }).or(page.locator(".card", { hasText: "Dalian Port" })).first().getByRole("button", { name: "Sign off" }).click();
  await page.keyboard.press("0");
  await settle();
  await shot("console-dark");
  await page.keyboard.press("d");
  await page.keyboard.press("l");
  await settle();
  await shot("console-light-zh");
  await page.keyboard.press("l");
  await page.keyboard.press("d");
  await page.locator(".card", { hasText: "A1001" }).locator(".when").click();
  await page.getByRole("button", { name: "Contain" }).click();
  await page.locator(".containment").waitFor();
  await page.keyboard.press("0");
  await settle();
  await shot("console-containment");
  const phone = await open(browser, server, post, { viewport: { width: 400, height: 860 }, deviceScaleFactor: 2, locale: "zh-CN", hasTouch: true, isMobile: true });
  await phone.page.locator(".card").first().waitFor();
  await phone.page.locator(".card .when").first().click();
  await settle();
  await shot("console-phone", phone.page);
  if (process.env.ALL) {
    for (const tab of ["watchlist", "checkpoints", "journal"]) {
      await page.click(`.tabs .tab-${tab}`);
      await page.waitForTimeout(500);
      await shot(`console-${tab}`);
    }
    await page.keyboard.press("f");
    await page.waitForTimeout(300);
    await shot("console-flag");
    await page.keyboard.press("Escape");
    await page.keyboard.press("s");
    await page.waitForTimeout(300);
    await shot("console-sighting");
    await phone.page.click(".tabs .tab-map");
    await phone.page.waitForTimeout(1500);
    await shot("console-phone-map", phone.page);
  }
  over = true;
  await on;
} finally {
  await browser.close();
  await server.end();
}

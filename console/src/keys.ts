// Everything by keyboard: gloves and the dark make a mouse slow.

import { app, type Tab } from "./app.js";
import { OUTCOMES } from "./model.js";
import { entryKey, isSigned } from "./store.js";

const TABS: Record<string, Tab> = { a: "alerts", w: "watchlist", c: "checkpoints", o: "journal" };

function step(by: number): void {
  const keys = app.desk().map(entryKey).concat(app.toDispose().map((alert) => alert.alert));
  if (keys.length === 0) return;
  const at = app.selected === null ? -1 : keys.indexOf(app.selected);
  const next = keys[(at + by + keys.length) % keys.length] ?? keys[0]!;
  if (app.tab !== "alerts") app.tab = "alerts";
  app.select(at < 0 && by < 0 ? keys[keys.length - 1]! : next);
  requestAnimationFrame(() => document.querySelector(".card.open")?.scrollIntoView({ block: "nearest" }));
}

export function listen(fitMap: () => void): void {
  document.addEventListener("keydown", (event) => {
    if (app.phase !== "ready" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (app.picking || app.dialog) app.open(null);
      else app.select(null);
      return;
    }
    const target = event.target as HTMLElement;
    if (target.closest("input, textarea, select")) return;
    const alert = app.selected === null ? undefined : (app.store.alerts.get(app.selected) ?? app.store.toDispose.get(app.selected));
    // Letters, whatever a Chinese keyboard makes of them.
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const acts: Record<string, () => void> = {
      j: () => step(1),
      ArrowDown: () => step(1),
      k: () => step(-1),
      ArrowUp: () => step(-1),
      m: () => app.toggleMute(),
      t: () => void app.testSound(),
      f: () => app.store.may("flag") && app.open({ kind: "flag" }),
      s: () => app.store.may("handle_alerts") && app.open({ kind: "sighting" }),
      l: () => app.toggleLanguage(),
      d: () => app.toggleTheme(),
      "?": () => app.open({ kind: "help" }),
      "0": fitMap,
    };
    const tab = TABS[key];
    const outcome = OUTCOMES[Number(key) - 1];
    if (key === "Enter" && alert && !isSigned(alert) && !target.closest("button") && app.store.may("handle_alerts")) void app.signOff(alert);
    else if (tab) app.show(tab);
    else if (outcome && alert && app.store.may("handle_alerts")) choose(alert.alert, outcome);
    else if (Object.hasOwn(acts, key)) acts[key]!();
    else return;
    event.preventDefault();
  });
}

/** By the button itself, so that a false alert is asked for its reason. */
function choose(alert: string, outcome: string): void {
  const card = document.getElementById(`alert-${alert}`);
  card?.querySelector<HTMLButtonElement>(`button.outcome.${outcome}`)?.click();
}

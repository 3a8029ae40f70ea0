// What a screen remembers: nothing of what it showed.

import type { Language } from "./strings.js";

export type Theme = "dark" | "light";

function read(name: string): string | null {
  try {
    return localStorage.getItem(`interdict.${name}`);
  } catch {
    return null;
  }
}

export function write(name: "language" | "theme", value: string): void {
  try {
    localStorage.setItem(`interdict.${name}`, value);
  } catch {
    // A private window forgets it.
  }
}

export function language(): Language {
  const kept = read("language");
  if (kept === "en" || kept === "zh") return kept;
  return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/** Dark where nothing else is wanted: eyes at a night post are used to the dark. */
export function theme(): Theme {
  const kept = read("theme");
  if (kept === "dark" || kept === "light") return kept;
  return matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
}

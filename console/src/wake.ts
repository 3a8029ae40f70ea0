// Keeps the screen on. The browser lets go of it whenever the page is hidden.

let lock: WakeLockSentinel | null = null;

export function isAwake(): boolean {
  return lock !== null && !lock.released;
}

/** Asks for it now, and whenever the page is seen again. */
export function keepAwake(changed: () => void): void {
  const take = async () => {
    if (document.visibilityState !== "visible" || isAwake()) return;
    try {
      lock = (await navigator.wakeLock?.request("screen")) ?? null;
      lock?.addEventListener("release", changed);
    } catch {
      lock = null;
    }
    changed();
  };
  document.addEventListener("visibilitychange", () => void take());
  void take();
}

// The server's clock: countdowns are by its time, whatever the tablet's clock shows. In the demo it
// runs faster than the wall's.

let begun = { server: 0, own: 0, speed: 1 };

export function setClock(now: string, speed: number): void {
  begun = { server: Date.parse(now), own: performance.now(), speed };
}

/** The server's time, milliseconds since 1970. */
export function now(): number {
  return begun.server + (performance.now() - begun.own) * begun.speed;
}

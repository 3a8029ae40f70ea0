// How figures and names are shown. Nothing here reads a clock: `now` is an argument, milliseconds.

/** Characters that move or hide others: C0 and C1 controls, marks and overrides of direction,
 *  zero-width ones, tags, line separators, and lone surrogates. */
const STRANGE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|\p{Cs}/gu;

/** Text from outside with every character to be seen: `\u{202e}` in place of what would turn the
 *  line round. Whatever is shown or spoken goes through here; markup is the business of text nodes. */
export function clean(text: string): string {
  return text.replace(STRANGE, (letter) => {
    if (letter === "\n") return " ";
    return `\\u{${(letter.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

/** The time until `at`: `12:05`, `1:02:05`, and `+0:07` once it is over. */
export function countdown(at: number, now: number): string {
  const left_s = Math.round((at - now) / 1000);
  const sign = left_s < 0 ? "+" : "";
  const seconds = Math.abs(left_s);
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const two = (number: number) => String(number).padStart(2, "0");
  const rest = `${hours > 0 ? two(minutes) : minutes}:${two(seconds % 60)}`;
  return sign + (hours > 0 ? `${hours}:${rest}` : rest);
}

/** A length of time, short: `8 s`, `4 min`, `3.5 h`. */
export function span(seconds: number, unit: Units): string {
  const length_s = Math.max(0, seconds);
  if (length_s < 90) return `${Math.round(length_s)} ${unit.s}`;
  if (length_s < 5400) return `${Math.round(length_s / 60)} ${unit.min}`;
  if (length_s < 48 * 3600) return `${(length_s / 3600).toFixed(1)} ${unit.h}`;
  return `${Math.round(length_s / 86400)} ${unit.d}`;
}

export interface Units {
  s: string;
  min: string;
  h: string;
  d: string;
}

export function metres(metres: number): string {
  return metres < 1000 ? `${Math.round(metres)} m` : `${(metres / 1000).toFixed(1)} km`;
}

export function percent(share: number): string {
  return `${Math.round(share * 100)}%`;
}

/** Where a course comes from or leads to, as one of eight winds. */
export function wind(course_deg: number): number {
  return Math.round((((course_deg % 360) + 360) % 360) / 45) % 8;
}

/** Degrees from north from one place to another, on a plane: for the next fifty kilometres. */
export function bearing(from: { latitude: number; longitude: number }, to: { latitude: number; longitude: number }): number {
  const north = to.latitude - from.latitude;
  const east = (to.longitude - from.longitude) * Math.cos((from.latitude * Math.PI) / 180);
  return ((Math.atan2(east, north) * 180) / Math.PI + 360) % 360;
}

/** Trackers whose rhythm is not known yet are taken to report once a minute. */
const USUAL_S = 60;
/** One report may be lost on the way before a fix counts as old. */
const LATE = 2.2;

/** Whether a fix is older than its tracker's rhythm allows. */
export function isStale(age_s: number, every_s: number | undefined): boolean {
  return age_s > Math.max(10, (every_s ?? USUAL_S) * LATE);
}

/** The hour on a clock of `zone`: `02:14:09`. */
export function hour(at: number, zone: string, seconds = true): string {
  const second = seconds ? ({ second: "2-digit" } as const) : {};
  const options = { hour: "2-digit", minute: "2-digit", ...second, hourCycle: "h23", timeZone: zone } as const;
  return new Intl.DateTimeFormat("en-GB", options).format(at);
}

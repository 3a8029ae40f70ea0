// What is known: lists that the server answered, kept up to date by its events. No page and no
// clock in here: what comes in is an argument.

import type { Alert, Checkpoint, Containment, DeviceAlarm, Event, Flag, FlagReason, Session, Silence, Unit } from "./model.js";

/** A device's alarm is shown on the desk so long, unless somebody dismisses it: milliseconds. */
const ALARM_SHOWN_MS = 15 * 60_000;
/** Lines that the journal keeps. */
const JOURNAL = 300;

export interface Line {
  sequence: number;
  time: number;
  event: Event;
}

export class Store {
  session: Session | null = null;
  alerts = new Map<string, Alert>();
  /** Over, without an outcome yet. */
  toDispose = new Map<string, Alert>();
  /** Vehicles that have come into a checkpoint's view, by alert. */
  watched = new Map<string, Alert>();
  /** By vehicle and checkpoint. */
  silences = new Map<string, Silence>();
  alarms = new Map<string, { alarm: DeviceAlarm; time: number }>();
  flags: Flag[] = [];
  reasons: FlagReason[] = [];
  checkpoints = new Map<string, Checkpoint>();
  containment: Containment | null = null;
  journal: Line[] = [];
  sequence = 0;

  /** The answer of `/v1/alerts`. One that is older than an event that has come is of no use. */
  list(answer: { alerts: Alert[]; to_dispose: Alert[]; silences: Silence[]; cursor: number }): boolean {
    if (answer.cursor < this.sequence) return false;
    const open = answer.alerts.filter((alert) => alert.handling !== "disposed");
    this.alerts = new Map(open.map((alert) => [alert.alert, alert]));
    this.toDispose = new Map(answer.to_dispose.filter((alert) => !this.alerts.has(alert.alert)).map((alert) => [alert.alert, alert]));
    this.silences = new Map(answer.silences.map((silence) => [silenceKey(silence.vehicle.id, silence.checkpoint?.id ?? null), silence]));
    this.sequence = answer.cursor;
    return true;
  }

  /** Takes an event in; one that was taken in before changes nothing. With `past` only what no list
   *  tells is learned from it. */
  apply(event: Event, past = false): boolean {
    const sequence = Number(event.sequence);
    if (!past && sequence <= this.sequence) return false;
    if (!past) this.sequence = sequence;
    const time = Date.parse(event.time);
    if (event.type !== "interdict.alert.updated") {
      this.journal.unshift({ sequence, time, event });
      this.journal.length = Math.min(this.journal.length, JOURNAL);
    }
    const kind = event.type.replace(/^interdict\./, "");
    if (kind.startsWith("alert.")) {
      if (!past) this.alert(kind.slice("alert.".length), event.data as Alert);
    } else if (kind === "vehicle.silent") {
      if (past) return true;
      const silence = event.data as Silence;
      if (silence.checkpoint) this.silences.delete(silenceKey(silence.vehicle.id, null));
      this.silences.set(silenceKey(silence.vehicle.id, silence.checkpoint?.id ?? null), silence);
    } else if (kind === "vehicle.heard") {
      if (past) return true;
      this.forget((event.data as Silence).vehicle.id);
    } else if (kind === "device.alarm") {
      this.alarm(event.id, event.data as DeviceAlarm, time);
    } else if (kind === "flag.withdrawn" || kind === "flag.expired" || kind === "flag.rejected") {
      const { flag, vehicle } = event.data as { flag: { id: string }; vehicle: { id: string } };
      for (const [key, silence] of this.silences) {
        if (silence.vehicle.id === vehicle.id && silence.flag.id === flag.id) this.silences.delete(key);
      }
      for (const [key, alert] of this.watched) if (alert.flag.id === flag.id) this.watched.delete(key);
    }
    return true;
  }

  private alert(kind: string, alert: Alert): void {
    const id = alert.alert;
    if (kind === "watch") {
      this.watched.set(id, alert);
      return;
    }
    this.watched.delete(id);
    if (kind === "disposed" || alert.handling === "disposed") {
      this.alerts.delete(id);
      this.toDispose.delete(id);
      return;
    }
    // Of a port that was entered the vehicle is still to be fetched out.
    const isOver = kind === "withdrawn" || kind === "left" || (kind === "passed" && alert.why.code !== "entered");
    const was = this.alerts.get(id) ?? this.toDispose.get(id);
    // One that has its outcome is withdrawn after it: nothing is left to do about that.
    if (isOver && !was) return;
    const every = alert.fix_every_s ?? was?.fix_every_s;
    const kept = every === undefined ? alert : { ...alert, fix_every_s: every };
    if (isOver || this.toDispose.has(id)) {
      this.alerts.delete(id);
      this.toDispose.set(id, kept);
    } else {
      this.alerts.set(id, kept);
    }
  }

  private alarm(id: string, alarm: DeviceAlarm, time: number): void {
    const same = [...this.alarms].filter(([, known]) => known.alarm.device === alarm.device && known.alarm.alarm === alarm.alarm);
    for (const [key] of same) this.alarms.delete(key);
    if (alarm.active) this.alarms.set(id, { alarm, time });
  }

  private forget(vehicle: string): void {
    for (const [key, silence] of this.silences) if (silence.vehicle.id === vehicle) this.silences.delete(key);
  }

  /** Lets go of what is no news any more. */
  age(now: number): void {
    for (const [id, { time }] of this.alarms) if (now - time > ALARM_SHOWN_MS) this.alarms.delete(id);
    for (const [id, alert] of this.watched) if (now - Date.parse(alert.eta_at) > ALARM_SHOWN_MS) this.watched.delete(id);
  }

  may(action: string): boolean {
    return this.session?.may.includes(action) ?? false;
  }

  unit(id: string | null | undefined): Unit | undefined {
    return this.session?.units.find((unit) => unit.id === id);
  }

  /** Whether a unit is ours or under ours; every one is where we belong to none. */
  isOurs(id: string | null | undefined): boolean {
    const own = this.session?.unit;
    if (!own) return true;
    let at = id ?? null;
    // No tree is deeper than its units are many.
    for (let steps = this.session?.units.length ?? 0; at !== null && steps >= 0; steps -= 1) {
      if (at === own) return true;
      at = this.unit(at)?.parent ?? null;
    }
    return false;
  }

  /** Whether an alert has come to us. */
  concernsUs(alert: Alert): boolean {
    return this.isOurs(alert.checkpoint.unit) || (alert.told ?? []).some((unit) => this.isOurs(unit));
  }

  /** For which unit we act on an alert: ours where it was told, else the first below that was; none
   *  where it has come to neither yet. */
  actingUnit(alert: Alert): string | null {
    const told = alert.told ?? [];
    const own = this.session?.unit;
    if (!own) return told[0] ?? alert.checkpoint.unit;
    return told.includes(own) ? own : (told.find((unit) => this.isOurs(unit)) ?? null);
  }
}

export function silenceKey(vehicle: string, checkpoint: string | null): string {
  return JSON.stringify([vehicle, checkpoint]);
}

/** Something on the desk: an alert, or a vehicle that is silent, with each checkpoint that it may reach,
 *  the one that it reaches first first. */
export type Entry = { kind: "alert"; at: number; alert: Alert } | { kind: "silence"; at: number; silences: Silence[] };

/** What names an entry. */
export function entryKey(entry: Entry): string {
  return entry.kind === "alert" ? entry.alert.alert : silenceKey(entry.silences[0]!.vehicle.id, null);
}

const time = (text: string | null) => (text === null ? 0 : Date.parse(text));
/** After whatever has a time. */
const SOMETIME = Number.MAX_SAFE_INTEGER;

/** When a silent vehicle comes: when it can be there first; once it can be there, when it must be; then
 *  it may have gone by, and whoever is seen to come goes first. */
function expectedAt(silence: Silence, now: number): number {
  return [time(silence.earliest_at), time(silence.latest_at)].find((at) => at > now) ?? SOMETIME;
}

/** What comes, the one that is due first first: those that are there, then by time; of those that
 *  come at one time the more urgent case. `isShown` chooses. */
export function desk(store: Store, now: number, isShown: (one: { alert: Alert } | { silence: Silence }) => boolean): Entry[] {
  const entries: Entry[] = [];
  for (const alert of store.alerts.values()) {
    if (isShown({ alert })) entries.push({ kind: "alert", at: alert.stage === "arrived" ? 0 : Date.parse(alert.eta_at), alert });
  }
  const silent = new Map<string, Silence[]>();
  for (const silence of store.silences.values()) {
    if (isShown({ silence })) silent.set(silence.vehicle.id, [...(silent.get(silence.vehicle.id) ?? []), silence]);
  }
  for (const silences of silent.values()) {
    silences.sort((one, other) => expectedAt(one, now) - expectedAt(other, now));
    entries.push({ kind: "silence", at: expectedAt(silences[0]!, now), silences });
  }
  const priority = (entry: Entry) => (entry.kind === "alert" ? entry.alert : entry.silences[0]!).flag.priority;
  return entries.sort((one, other) => one.at - other.at || priority(one) - priority(other) || (entryKey(one) < entryKey(other) ? -1 : 1));
}

export function isSigned(alert: Alert): boolean {
  return alert.handling !== "raised" && alert.handling !== "delivered";
}

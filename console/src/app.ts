// The page's one controller: it holds what is known and what is chosen, talks to the server, and
// tells the views that something changed. Views read it and call it; they keep nothing.

import { Refused, ask, get, list, post, segment, useSession } from "./api.js";
import { now, setClock } from "./clock.js";
import type { Alert, Checkpoint, Containment, Event, Flag, FlagReason, Outcome, Place, Session, Silence } from "./model.js";
import { clean, countdown } from "./format.js";
import * as settings from "./settings.js";
import * as sound from "./sound.js";
import { Store, desk, isSigned, type Entry } from "./store.js";
import { follow } from "./stream.js";
import { STRINGS, type Language } from "./strings.js";
import { keepAwake } from "./wake.js";

export type Tab = "alerts" | "watchlist" | "checkpoints" | "journal" | "map";
export type Dialog = { kind: "flag" } | { kind: "sighting" } | { kind: "help" } | { kind: "shift" };

/** While something comes its position is asked for so often: events tell only of changes. */
const POLL_MS = 10_000;
/** Which alarms are on, and what happened before, is in no list: the stream begins so many events
 *  back. */
const HISTORY = 1_000;
const MUTE_MS = 5 * 60_000;
/** The types that the console shows. Vehicles that come into view are told to those who ask. */
const TYPES = [
  ...["watch", "raised", "updated", "withdrawn", "passed", "left", "delivered", "acknowledged", "escalated", "instructed", "disposed"].map(
    (name) => `interdict.alert.${name}`,
  ),
  ...["silent", "heard", "sighted"].map((name) => `interdict.vehicle.${name}`),
  ...["alarm", "mass-alarm", "conflict"].map((name) => `interdict.device.${name}`),
  ...["added", "approved", "rejected", "renewed", "expired", "withdrawn"].map((name) => `interdict.flag.${name}`),
].join(",");

class App {
  store = new Store();
  phase: "starting" | "login" | "ready" = "starting";
  language: Language = settings.language();
  theme = settings.theme();
  tab: Tab = "alerts";
  dialog: Dialog | null = null;
  selected: string | null = null;
  everything = false;
  /** When the server was last heard while the connection is lost. */
  lostAt: number | null = null;
  connected = false;
  mutedUntil = 0;
  shiftBegun = false;
  notice: { text: string; bad: boolean } | null = null;
  /** Set while a place is picked on the map. */
  picking: ((place: Place) => void) | null = null;
  private changes = new Set<() => void>();
  private following: AbortController | null = null;
  private delivered = new Set<string>();
  private soundedAt = 0;
  private noticeTimer = 0;
  private heardAt = 0;

  get words() {
    return STRINGS[this.language];
  }

  subscribe(change: () => void): () => void {
    this.changes.add(change);
    return () => this.changes.delete(change);
  }

  changed = (): void => {
    for (const change of this.changes) change();
  };

  async start(): Promise<void> {
    this.applySettings();
    setInterval(() => this.tick(), 1000);
    setInterval(() => {
      if (this.store.alerts.size + this.store.silences.size > 0 && document.visibilityState === "visible" && this.connected) void this.refresh();
    }, POLL_MS);
    try {
      await this.enter(await get<Session>("/v1/session"));
    } catch (error) {
      this.phase = "login";
      this.notice = error instanceof Refused && error.status === 0 ? { text: this.words.unreachable, bad: true } : null;
      this.changed();
    }
  }

  async logIn(token: string): Promise<void> {
    await this.enter(await post<Session>("/v1/session", { token }));
    this.dialog = { kind: "shift" };
    this.changed();
  }

  async logOut(): Promise<void> {
    this.following?.abort();
    await ask("DELETE", "/v1/session").catch(() => undefined);
    // Nothing of what was shown stays in memory.
    location.reload();
  }

  private async enter(session: Session): Promise<void> {
    useSession(session);
    setClock(session.now, session.clock_speed);
    this.store = new Store();
    this.store.session = session;
    // Alerts first: they are what somebody opens the page for.
    await this.refresh();
    this.phase = "ready";
    this.notice = null;
    this.changed();
    keepAwake(this.changed);
    void this.followEvents(Math.max(0, this.store.sequence - HISTORY));
    void this.refreshFlags();
    void this.refreshCheckpoints();
    void this.refreshReasons();
  }

  async refresh(): Promise<void> {
    try {
      const answer = await get<{ alerts: Alert[]; to_dispose: Alert[]; silences: Silence[]; cursor: number }>("/v1/alerts");
      this.heardAt = now();
      if (this.store.list(answer)) this.changed();
    } catch (error) {
      this.endIfRefused(error);
      if (this.phase !== "ready") throw error;
    }
  }

  async refreshFlags(): Promise<void> {
    try {
      this.store.flags = await list<Flag>("/v1/flags", "flags");
      this.changed();
    } catch (error) {
      this.endIfRefused(error);
    }
  }

  private async refreshReasons(): Promise<void> {
    try {
      this.store.reasons = (await get<{ reasons: FlagReason[] }>("/v1/flags/reasons")).reasons;
      this.changed();
    } catch (error) {
      // An installation without a list of its own: the console's words do.
      this.endIfRefused(error);
    }
  }

  async refreshCheckpoints(): Promise<void> {
    try {
      const checkpoints = await list<Checkpoint>("/v1/checkpoints", "checkpoints");
      this.store.checkpoints = new Map(checkpoints.map((checkpoint) => [checkpoint.id, checkpoint]));
      this.changed();
    } catch (error) {
      this.endIfRefused(error);
    }
  }

  private async followEvents(after: number): Promise<void> {
    this.following?.abort();
    const pastUntil = this.store.sequence;
    const following = new AbortController();
    this.following = following;
    const address = (after: string) => `/v1/events?after=${after}&type=${TYPES}`;
    const listener = {
      connected: () => {
        const was = this.lostAt;
        this.connected = true;
        this.lostAt = null;
        this.heardAt = now();
        if (was !== null) void this.catchUp();
        this.changed();
      },
      lost: () => {
        this.connected = false;
        this.lostAt ??= this.heardAt;
        this.changed();
      },
      message: ({ data }: { data: string }) => this.take(JSON.parse(data) as Event, pastUntil),
      refused: () => this.end(),
      purged: () => void this.catchUp().then(() => this.followEvents(this.store.sequence)),
    };
    await follow(address, String(after), listener, following.signal);
  }

  /** After a gap: the clock, the lists, and whether we are logged in still. */
  private async catchUp(): Promise<void> {
    try {
      const session = await get<Session>("/v1/session");
      useSession(session);
      setClock(session.now, session.clock_speed);
      this.store.session = session;
    } catch (error) {
      this.endIfRefused(error);
      return;
    }
    await Promise.all([this.refresh(), this.refreshFlags(), this.refreshCheckpoints()]);
  }

  private take(event: Event, pastUntil: number): void {
    this.heardAt = now();
    const past = Number(event.sequence) <= pastUntil;
    if (!this.store.apply(event, past)) return;
    if (past) return this.changed();
    if (event.type === "interdict.alert.raised") this.raised(event.data as Alert);
    if (event.type === "interdict.alert.escalated") this.sound();
    if (event.type.startsWith("interdict.flag.")) void this.refreshFlags();
    this.changed();
  }

  private raised(alert: Alert): void {
    if (!this.isShown({ alert })) return;
    if (this.tab !== "alerts" && this.tab !== "map") this.tab = "alerts";
    this.sound();
  }

  private endIfRefused(error: unknown): void {
    if (error instanceof Refused && error.status === 401 && this.phase === "ready") this.end();
  }

  private end(): void {
    this.following?.abort();
    this.phase = "login";
    this.store = new Store();
    this.dialog = null;
    this.notice = { text: this.words.sessionEnded, bad: true };
    this.changed();
  }

  private tick(): void {
    if (this.phase !== "ready") return;
    this.store.age(now());
    if (Date.now() - this.soundedAt >= sound.AGAIN_MS) this.sound();
    document.title = this.title();
    this.changed();
  }

  /** What comes next, for a page behind others. */
  private title(): string {
    const [first] = this.desk();
    if (first?.kind !== "alert") return this.words.title;
    const { alert } = first;
    const when = alert.stage === "arrived" ? this.words.now : countdown(Date.parse(alert.eta_at), now());
    return `${when} ${clean(this.placeName(alert.checkpoint.id, alert.checkpoint.name))} · ${this.words.title}`;
  }

  /** Sounds where an alert of ours is not signed. */
  private sound(): void {
    const waiting = this.desk().flatMap((entry) => (entry.kind === "alert" && !isSigned(entry.alert) && this.store.concernsUs(entry.alert) ? [entry.alert] : []));
    if (waiting.length === 0 || this.isMuted()) return;
    this.soundedAt = Date.now();
    sound.play(waiting.some((alert) => alert.stage !== "approaching"));
  }

  isMuted(): boolean {
    return Date.now() < this.mutedUntil;
  }

  toggleMute(): void {
    this.mutedUntil = this.isMuted() ? 0 : Date.now() + MUTE_MS;
    this.changed();
  }

  async testSound(): Promise<void> {
    if (await sound.unlock()) sound.play(true);
    this.changed();
  }

  private isShown(one: { alert: Alert } | { silence: Silence }): boolean {
    if (this.everything) return true;
    if ("alert" in one) return this.store.concernsUs(one.alert);
    return this.store.isOurs(one.silence.unit) || this.store.isOurs(one.silence.checkpoint?.unit);
  }

  desk(): Entry[] {
    return desk(this.store, now(), (one) => this.isShown(one));
  }

  toDispose(): Alert[] {
    return [...this.store.toDispose.values()].filter((alert) => this.isShown({ alert }));
  }

  /** The alert is on the screen, for somebody to see. */
  async deliver(alert: Alert): Promise<void> {
    const unit = this.store.actingUnit(alert);
    if (alert.handling !== "raised" || !this.store.may("handle_alerts") || unit === null || this.delivered.has(alert.alert)) return;
    this.delivered.add(alert.alert);
    try {
      await post(`/v1/alerts/${segment(alert.alert)}/deliver`, { unit });
    } catch (error) {
      // Over, or somebody was quicker: nothing to try again. Unreachable: it is, when it is seen again.
      if (error instanceof Refused && error.status === 0) this.delivered.delete(alert.alert);
    }
  }

  signOff(alert: Alert): Promise<boolean> {
    return this.handle(alert, "acknowledge", {});
  }

  instruct(alert: Alert, text: string): Promise<boolean> {
    return this.handle(alert, "instruct", { text });
  }

  dispose(alert: Alert, outcome: Outcome, reason?: string): Promise<boolean> {
    return this.handle(alert, "dispose", reason === undefined ? { outcome } : { outcome, reason });
  }

  private async handle(alert: Alert, step: string, body: object): Promise<boolean> {
    const unit = this.store.actingUnit(alert);
    const path = `/v1/alerts/${segment(alert.alert)}/${step}`;
    const done = await this.attempt(() => post<unknown>(path, unit === null ? body : { ...body, unit }));
    return done !== null;
  }

  addFlag(asked: object): Promise<Flag | null> {
    return this.attempt(() => post<Flag>("/v1/flags", asked), this.words.flagged);
  }

  async decideFlag(flag: Flag, step: "approve" | "reject" | "withdraw", body: object = {}): Promise<void> {
    await this.attempt(() => post(`/v1/flags/${segment(flag.id)}/${step}`, body), this.words.approvalGone);
    await this.refreshFlags();
  }

  /** The reasons that the installation knows, else those that the console has words for. */
  reasons(): { code: string; name: string }[] {
    const known = this.store.reasons.map((reason) => ({ code: reason.code, name: this.reasonName(reason.code) ?? reason.code }));
    return known.length > 0 ? known : Object.entries(this.words.reasons).map(([code, name]) => ({ code, name }));
  }

  reasonName(code: string): string | undefined {
    const known = this.store.reasons.find((reason) => reason.code === code);
    const named = this.language === "zh" ? (known?.name_zh ?? known?.name) : known?.name;
    return named ?? (Object.hasOwn(this.words.reasons, code) ? this.words.reasons[code] : undefined);
  }

  addSighting(asked: object): Promise<object | null> {
    return this.attempt(() => post<object>("/v1/sightings", asked), this.words.reported);
  }

  async setCheckpoint(id: string, state: string): Promise<void> {
    await this.attempt(() => ask("PATCH", `/v1/checkpoints/${segment(id)}`, { state }));
    await this.refreshCheckpoints();
  }

  async contain(vehicle: string, why: string): Promise<void> {
    const answer = await this.attempt(() => get<Containment>(`/v1/containment?vehicle=${segment(vehicle)}&reason=${segment(why)}`));
    if (answer) this.store.containment = answer;
    this.changed();
  }

  /** Does something, and says so if it failed or, with `success`, if it did not. */
  private async attempt<T>(work: () => Promise<T>, success?: string): Promise<T | null> {
    try {
      const answer = await work();
      if (success !== undefined) this.say(success, false);
      return answer ?? ({} as T);
    } catch (error) {
      this.endIfRefused(error);
      const detail = error instanceof Refused ? (error.status === 0 ? this.words.unreachable : error.message) : String(error);
      this.say(`${this.words.failed}: ${detail}`, true);
      return null;
    }
  }

  say(text: string, bad: boolean): void {
    this.notice = { text, bad };
    clearTimeout(this.noticeTimer);
    this.noticeTimer = setTimeout(() => {
      this.notice = null;
      this.changed();
    }, bad ? 12_000 : 4_000) as unknown as number;
    this.changed();
  }

  show(tab: Tab): void {
    this.tab = tab;
    this.changed();
  }

  select(key: string | null): void {
    this.selected = key;
    this.changed();
  }

  open(dialog: Dialog | null): void {
    this.dialog = dialog;
    this.picking = null;
    this.changed();
  }

  toggleLanguage(): void {
    this.language = this.language === "en" ? "zh" : "en";
    settings.write("language", this.language);
    this.applySettings();
    this.changed();
  }

  toggleTheme(): void {
    this.theme = this.theme === "dark" ? "light" : "dark";
    settings.write("theme", this.theme);
    this.applySettings();
    this.changed();
  }

  private applySettings(): void {
    const root = document.documentElement;
    root.lang = this.language === "zh" ? "zh-CN" : "en";
    root.dataset["theme"] = this.theme;
  }

  /** A checkpoint's name in the reader's language. */
  placeName(id: string, name: string): string {
    const known = this.store.checkpoints.get(id);
    return (this.language === "zh" && known?.name_zh) || known?.name || name;
  }

  unitName(id: string | null | undefined): string {
    const unit = this.store.unit(id);
    return (this.language === "zh" && unit?.name_zh) || unit?.name || id || "";
  }

  /** The zone of our clocks: our unit's, else the nearest one above it that has one, else the
   *  machine's. */
  zone(): string {
    const own = this.store.session?.unit ?? this.store.session?.units.find((unit) => unit.zone)?.id;
    let unit = this.store.unit(own);
    for (let steps = this.store.session?.units.length ?? 0; unit && steps >= 0; steps -= 1) {
      if (unit.zone) return unit.zone;
      unit = this.store.unit(unit.parent);
    }
    return Intl.DateTimeFormat().resolvedOptions().timeZone;
  }
}

export const app = new App();

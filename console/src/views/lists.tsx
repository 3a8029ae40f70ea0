// The watch list, the checkpoints and the journal.

import { useState } from "preact/hooks";
import { app } from "../app.js";
import { now } from "../clock.js";
import { countdown, hour, span } from "../format.js";
import type { Alert, Event, Flag } from "../model.js";
import { Button, focus, Looks, Plate, Reason, Text } from "./parts.js";

/** Those that are on their way first, by when; then those in view, the silent ones, the others. */
export function Watchlist() {
  const { words, store } = app;
  const soonest = new Map<string, Alert>();
  for (const alert of [...store.alerts.values(), ...store.watched.values()]) {
    const known = soonest.get(alert.vehicle.id);
    if (!known || Date.parse(alert.eta_at) < Date.parse(known.eta_at)) soonest.set(alert.vehicle.id, alert);
  }
  const silent = new Set([...store.silences.values()].map((silence) => silence.vehicle.id));
  const rank = (flag: Flag) => {
    const alert = soonest.get(flag.vehicle);
    if (flag.state === "applied") return -1;
    if (alert) return Date.parse(alert.eta_at);
    return Number.MAX_SAFE_INTEGER - (silent.has(flag.vehicle) ? 10 : flag.priority === 1 ? 5 : 0);
  };
  const flags = [...store.flags].sort((one, other) => rank(one) - rank(other) || one.priority - other.priority || (one.id < other.id ? -1 : 1));
  return (
    <div class="list" id="watchlist">
      <div class="bar">
        {store.may("flag") && <Button kind="primary" act={() => app.open({ kind: "flag" })}>{`+ ${words.flagVehicle}`}</Button>}
        {store.may("handle_alerts") && <Button act={() => app.open({ kind: "sighting" })}>{`◎ ${words.sighting}`}</Button>}
      </div>
      {flags.length === 0 && <div class="empty"><b>{words.noneFlagged}</b></div>}
      {flags.map((flag) => <FlagRow key={flag.id} flag={flag} next={soonest.get(flag.vehicle)} silent={silent.has(flag.vehicle)} />)}
    </div>
  );
}

function FlagRow({ flag, next, silent }: { flag: Flag; next: Alert | undefined; silent: boolean }) {
  const { words, store } = app;
  const [asked, setAsked] = useState<"reject" | "withdraw" | null>(null);
  const waits = flag.state === "applied" || flag.state === "emergency" || flag.state === "provisional";
  const own = flag.applicant !== undefined && flag.applicant === store.session?.person;
  const withdraw = <Button pressed={asked === "withdraw"} act={() => setAsked(asked === "withdraw" ? null : "withdraw")}>{words.withdraw}</Button>;
  return (
    <article class={`row ${flag.state ?? "approved"}`}>
      <div class="line first">
        <Plate vehicle={flag.matched} />
        <Looks vehicle={flag.matched} />
        <span class="grow" />
        {next && (
          <span class="next">
            <b role="timer">{next.stage === "arrived" ? words.now : countdown(Date.parse(next.eta_at), now())}</b>
            {" "}
            <Text of={app.placeName(next.checkpoint.id, next.checkpoint.name)} />
          </span>
        )}
        {!next && silent && <b class="tag sign">{words.silent}</b>}
      </div>
      <div class="line">
        <Reason flag={flag} />
        <span class="dim"><Text of={flag.case} /></span>
        <span class="dim"><Text of={flag.authority} /></span>
        <span class="grow" />
        {flag.state !== undefined && flag.state !== "approved" && <b class="tag verify">{words.flagState[flag.state]}</b>}
        <span class="dim">{`${words.expiresIn} ${span((Date.parse(flag.expires_at) - now()) / 1000, words.units)}`}</span>
        {store.may("flag") && !waits && withdraw}
      </div>
      {store.may("flag") && waits && (
        <div class="line">
          <span class="dim">{own ? words.ownFlag : words.needsSecond}</span>
          <span class="grow" />
          {store.may("approve_flags") && <Button kind="primary" disabled={own} act={() => void app.decideFlag(flag, "approve")}>{words.approve}</Button>}
          {store.may("approve_flags") && <Button disabled={own} pressed={asked === "reject"} act={() => setAsked(asked === "reject" ? null : "reject")}>{words.reject}</Button>}
          {withdraw}
        </div>
      )}
      {asked === "reject" && <Reject done={(note) => void app.decideFlag(flag, "reject", { note }).then(() => setAsked(null))} />}
      {asked === "withdraw" && (
        <div class="line endings">
          {Object.entries(words.endings).map(([code, name]) => (
            <Button key={code} act={() => void app.decideFlag(flag, "withdraw", { reason: code }).then(() => setAsked(null))}>{name}</Button>
          ))}
        </div>
      )}
    </article>
  );
}

function Reject({ done }: { done: (note: string) => void }) {
  const { words } = app;
  const [note, setNote] = useState("");
  return (
    <form
      class="inline"
      onSubmit={(event) => {
        event.preventDefault();
        if (note.trim() !== "") done(note.trim());
      }}
    >
      <input value={note} maxLength={300} ref={focus} placeholder={words.rejectNote} aria-label={words.rejectNote} onInput={(event) => setNote(event.currentTarget.value)} />
      <button type="submit">{words.reject}</button>
    </form>
  );
}

export function Checkpoints() {
  const { words, store } = app;
  const next = new Map<string, Alert>();
  for (const alert of store.alerts.values()) {
    const known = next.get(alert.checkpoint.id);
    if (!known || Date.parse(alert.eta_at) < Date.parse(known.eta_at)) next.set(alert.checkpoint.id, alert);
  }
  const order = (id: string) => (next.has(id) ? Date.parse(next.get(id)!.eta_at) : Number.MAX_SAFE_INTEGER);
  const all = [...store.checkpoints.values()].sort((one, other) => order(one.id) - order(other.id) || (one.ring ?? 99) - (other.ring ?? 99));
  return (
    <div class="list" id="checkpoints">
      {all.map((checkpoint) => {
        const alert = next.get(checkpoint.id);
        return (
          <article class="row" key={checkpoint.id}>
            <div class="line first">
              <i class={`dot ${checkpoint.state}`} aria-hidden="true" />
              <b class="place"><Text of={app.placeName(checkpoint.id, checkpoint.name)} /></b>
              <span class="grow" />
              {alert && <span class="next"><b role="timer">{alert.stage === "arrived" ? words.now : countdown(Date.parse(alert.eta_at), now())}</b> <Plate vehicle={alert.vehicle} /></span>}
            </div>
            <div class="line">
              <span class="dim">{words.kind[checkpoint.kind as keyof typeof words.kind] ?? <Text of={checkpoint.kind} />}</span>
              {checkpoint.ring !== undefined && <span class="dim">{`${words.ring} ${checkpoint.ring}`}</span>}
              <span class="dim"><Text of={app.unitName(checkpoint.unit)} /></span>
              <span class="dim">{`${words.leadTime} ${span(checkpoint.lead_s, words.units)}`}</span>
              {checkpoint.approximate && <span class="dim" title={words.approximate}>≈</span>}
              <span class="grow" />
              {store.may("manage_checkpoints") ? (
                <select aria-label={app.placeName(checkpoint.id, checkpoint.name)} value={checkpoint.state} onChange={(event) => void app.setCheckpoint(checkpoint.id, event.currentTarget.value)}>
                  {Object.entries(words.state).map(([state, name]) => <option value={state} key={state}>{name}</option>)}
                </select>
              ) : (
                <span>{words.state[checkpoint.state]}</span>
              )}
            </div>
          </article>
        );
      })}
    </div>
  );
}

export function Journal() {
  const { words, store } = app;
  return (
    <div class="list" id="journal">
      {store.journal.length === 0 && <div class="empty">{words.nothingYet}</div>}
      {store.journal.map(({ sequence, time, event }) => (
        <div class="entry" key={sequence}>
          <time>{hour(time, app.zone())}</time>
          <b>{words.event[event.type] ?? <Text of={event.type} />}</b>
          <JournalText event={event} />
        </div>
      ))}
    </div>
  );
}

function JournalText({ event }: { event: Event }) {
  const data = event.data as Partial<Alert> & { alarm?: string; flag?: { reason?: string }; vehicle?: Alert["vehicle"] | string };
  const { vehicle, checkpoint } = data;
  return (
    <span>
      {typeof vehicle === "object" ? <Plate vehicle={vehicle} /> : <Text of={vehicle} />}{" "}
      {checkpoint && <Text of={app.placeName(checkpoint.id, checkpoint.name)} />}{" "}
      {data.alarm !== undefined && <Text of={data.alarm} />}
      {data.by !== undefined && <span class="dim"><Text of={data.by} /></span>}
    </span>
  );
}

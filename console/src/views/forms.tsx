// What people tell the server: flags and sightings.

import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { app } from "../app.js";
import { now } from "../clock.js";
import { Button, focus } from "./parts.js";

/** A field's name over its control. */
function Field({ name, hint, wide, children }: { name: string; hint?: string; wide?: boolean; children: ComponentChildren }) {
  return (
    <label class={wide ? "field wide" : "field"}>
      <span>{name}</span>
      {children}
      {hint !== undefined && <small>{hint}</small>}
    </label>
  );
}

/** The longest text that the server takes, letters; what an officer can read on the road. */
const LONGEST = 300;

function value(form: FormData, name: string): string {
  const text = form.get(name);
  return typeof text === "string" ? text.trim() : "";
}

export function FlagForm() {
  const { words } = app;
  const [busy, setBusy] = useState(false);
  const submit = async (form: FormData) => {
    const cautions = value(form, "cautions").split("\n").map((line) => line.trim()).filter((line) => line !== "");
    const asked: Record<string, unknown> = {
      vehicle: value(form, "vehicle"),
      reason: value(form, "reason"),
      case: value(form, "case"),
      authority: value(form, "authority"),
      priority: Number(value(form, "priority")),
      expires_s: Number(value(form, "hours")) * 3600,
    };
    // Only what is stated: a server that does not know a field refuses it.
    if (cautions.length > 0) asked["cautions"] = cautions;
    for (const name of ["instruction", "contact"]) if (value(form, name) !== "") asked[name] = value(form, name);
    if (value(form, "action") === "observe") asked["action"] = "observe";
    if (form.has("emergency")) asked["emergency"] = true;
    if (form.has("drill")) asked["drill"] = true;
    setBusy(true);
    const made = await app.addFlag(asked);
    setBusy(false);
    if (!made) return;
    await app.refreshFlags();
    app.open(null);
    app.show("watchlist");
  };
  return (
    <form
      class="form"
      id="flag-form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit(new FormData(event.currentTarget));
      }}
    >
      <h2>{words.flagVehicle}</h2>
      <Field name={words.vehicle} hint={words.vehicleHint}>
        <input name="vehicle" required maxLength={LONGEST} autocomplete="off" ref={focus} />
      </Field>
      <Field name={words.reason}>
        {app.store.reasons.length > 0 ? (
          <select name="reason" required>
            {app.reasons().map(({ code, name }) => <option value={code} key={code}>{name}</option>)}
          </select>
        ) : (
          <input name="reason" required maxLength={LONGEST} list="reasons" autocomplete="off" />
        )}
        <datalist id="reasons">
          {app.reasons().map(({ code, name }) => <option value={code} key={code}>{name}</option>)}
        </datalist>
      </Field>
      <Field name={words.caseNumber}><input name="case" required maxLength={LONGEST} autocomplete="off" /></Field>
      <Field name={words.authority}><input name="authority" required maxLength={LONGEST} autocomplete="off" /></Field>
      <Field name={words.priority}>
        <select name="priority">
          {[1, 2, 3, 4].map((priority) => <option value={priority} key={priority} selected={priority === 2}>{`P${priority}`}</option>)}
        </select>
      </Field>
      <Field name={`${words.expires} (${words.hours})`}><input name="hours" type="number" required min={0.5} max={720} step={0.5} value={24} /></Field>
      <Field name={words.action}>
        <select name="action">
          <option value="intercept">{words.intercept}</option>
          <option value="observe">{words.observe}</option>
        </select>
      </Field>
      <Field name={words.contact}><input name="contact" maxLength={LONGEST} autocomplete="off" /></Field>
      <Field name={words.instruction} hint={words.instructionHint} wide><input name="instruction" maxLength={LONGEST} autocomplete="off" /></Field>
      <Field name={words.cautions} hint={words.cautionsHint} wide><textarea name="cautions" rows={3} maxLength={LONGEST * 4} /></Field>
      <label class="check"><input type="checkbox" name="emergency" /> {words.emergency}</label>
      <label class="check"><input type="checkbox" name="drill" /> {words.drillLabel}</label>
      <Ends busy={busy} />
    </form>
  );
}

export function SightingForm() {
  const { words } = app;
  const [busy, setBusy] = useState(false);
  const [place, setPlace] = useState("");
  const pick = () => {
    app.picking = ({ latitude, longitude }) => setPlace(`${latitude.toFixed(5)}, ${longitude.toFixed(5)}`);
    if (matchMedia("(max-width: 760px)").matches) app.show("map");
    app.changed();
  };
  const submit = async (form: FormData) => {
    const [latitude, longitude] = value(form, "place").split(",").map(Number);
    const asked: Record<string, unknown> = {
      vehicle: value(form, "vehicle"),
      latitude,
      longitude,
      time: new Date(now() - Number(value(form, "minutes")) * 60_000).toISOString(),
      source: value(form, "source"),
    };
    if (value(form, "note") !== "") asked["text"] = value(form, "note");
    setBusy(true);
    const made = await app.addSighting(asked);
    setBusy(false);
    if (made) app.open(null);
  };
  return (
    <form
      class="form"
      id="sighting-form"
      onSubmit={(event) => {
        event.preventDefault();
        void submit(new FormData(event.currentTarget));
      }}
    >
      <h2>{words.sighting}</h2>
      <Field name={words.vehicle} hint={words.vehicleHint}>
        <input name="vehicle" required maxLength={LONGEST} autocomplete="off" ref={focus} />
      </Field>
      <Field name={words.source}>
        <select name="source">
          {Object.entries(words.sources).map(([code, name]) => <option value={code} key={code}>{name}</option>)}
        </select>
      </Field>
      <Field name={words.where} hint={words.whereHint} wide>
        <span class="inline">
          <input
            name="place"
            required
            pattern="\s*-?\d{1,2}(\.\d+)?\s*,\s*-?\d{1,3}(\.\d+)?\s*"
            placeholder="38.91400, 121.61470"
            inputMode="decimal"
            autocomplete="off"
            value={place}
            onInput={(event) => setPlace(event.currentTarget.value)}
          />
          <Button act={pick} pressed={app.picking !== null}>{`⌖ ${words.pickOnMap}`}</Button>
        </span>
      </Field>
      <Field name={`${words.when} (${words.minutesAgo})`}><input name="minutes" type="number" required min={0} max={1440} step={1} value={0} /></Field>
      <Field name={words.note}><input name="note" maxLength={LONGEST} autocomplete="off" /></Field>
      <Ends busy={busy} />
    </form>
  );
}

function Ends({ busy }: { busy: boolean }) {
  const { words } = app;
  return (
    <div class="bar">
      <button type="submit" class="primary" disabled={busy}>{words.submit}</button>
      <Button act={() => app.open(null)}>{words.cancel}</Button>
    </div>
  );
}

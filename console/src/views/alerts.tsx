// The desk: what comes, where to and in how many minutes.

import { useEffect, useRef, useState } from "preact/hooks";
import { app } from "../app.js";
import { now } from "../clock.js";
import { bearing, clean, countdown, hour, isStale, metres, percent, span, wind } from "../format.js";
import { OUTCOMES, type Alert, type Outcome, type Silence } from "../model.js";
import { entryKey, isSigned, type Entry } from "../store.js";
import { sentence } from "../why.js";
import { Button, Looks, Plate, Reason, Text } from "./parts.js";

export function Alerts() {
  const { words, store } = app;
  const desk = app.desk();
  const over = app.toDispose();
  return (
    <div class="list" id="alerts">
      {[...store.alarms].reverse().filter(([, { alarm }]) => app.everything || store.isOurs(alarm.unit ?? store.session?.unit)).map(([id, { alarm, time }]) => (
        <div class="alarm" key={id} role="alert">
          <b>{words.alarm}</b> <b><Text of={alarm.alarm} /></b> <Plate vehicle={alarm.vehicle} />
          <span class="grow">{`${span((now() - time) / 1000, words.units)} ${words.old}`}</span>
          <Button act={() => { store.alarms.delete(id); app.changed(); }}>{words.dismiss}</Button>
        </div>
      ))}
      {desk.map((entry) => <Card key={entryKey(entry)} entry={entry} />)}
      {desk.length === 0 && (
        <div class="empty">
          <b>{words.noAlerts}</b>
          <span>{words.noAlertsHint}</span>
        </div>
      )}
      {over.length > 0 && <h2>{words.over}</h2>}
      {over.map((alert) => <Card key={alert.alert} entry={{ kind: "alert", at: 0, alert }} over />)}
    </div>
  );
}

function Card({ entry, over = false }: { entry: Entry; over?: boolean }) {
  return entry.kind === "alert" ? <AlertCard alert={entry.alert} over={over} /> : <SilenceCard silences={entry.silences} id={entryKey(entry)} />;
}

/** Tells whenever an element is really seen: half of it in the window, nothing over it, the page in
 *  front. May tell more than once. */
function useSeen(seen: () => void) {
  const element = useRef<HTMLElement>(null);
  const inView = useRef(false);
  const latest = useRef(seen);
  latest.current = seen;
  const tell = () => {
    if (!inView.current || document.visibilityState !== "visible") return;
    // The second frame begins once the first is on the screen.
    requestAnimationFrame(() => requestAnimationFrame(() => {
      if (element.current && isOnTop(element.current)) latest.current();
    }));
  };
  useEffect(() => {
    const observer = new IntersectionObserver(([state]) => {
      inView.current = state?.isIntersecting ?? false;
      tell();
    }, { threshold: 0.5 });
    if (element.current) observer.observe(element.current);
    document.addEventListener("visibilitychange", tell);
    return () => {
      observer.disconnect();
      document.removeEventListener("visibilitychange", tell);
    };
  }, []);
  useEffect(tell);
  return element;
}

/** Whether the middle of what is in the window of an element is not under something else. */
function isOnTop(element: HTMLElement): boolean {
  const { left, right, top, bottom } = element.getBoundingClientRect();
  const middle = (Math.max(0, top) + Math.min(innerHeight, bottom)) / 2;
  const found = document.elementFromPoint((left + right) / 2, middle);
  return found !== null && element.contains(found);
}

function AlertCard({ alert, over }: { alert: Alert; over: boolean }) {
  const { words, store } = app;
  const card = useSeen(() => void app.deliver(alert));
  const isOpen = app.selected === alert.alert;
  const signed = isSigned(alert);
  const left_s = (Date.parse(alert.eta_at) - now()) / 1000;
  const here = alert.stage === "arrived";
  const age_s = (now() - Date.parse(alert.fix.fix_time)) / 1000;
  const stale = isStale(age_s, alert.fix_every_s);
  const name = app.placeName(alert.checkpoint.id, alert.checkpoint.name);
  const urgency = over ? "over" : here || alert.stage === "imminent" ? "imminent" : "approaching";
  return (
    <article
      ref={card}
      id={`alert-${alert.alert}`}
      data-alert={alert.alert}
      class={`card ${urgency} ${signed ? "signed" : "unsigned"} ${isOpen ? "open" : ""}`}
      aria-label={`${clean(alert.vehicle.plate ?? alert.vehicle.id)}, ${clean(name)}`}
      onClick={() => app.select(isOpen ? null : alert.alert)}
    >
      <div class="when">
        {over ? (
          <span class="eta small">{hour(Date.parse(alert.eta_at), app.zone(), false)}</span>
        ) : here ? (
          <span class="eta here">{words.now}</span>
        ) : (
          <span class={left_s < 0 ? "eta overdue" : "eta"} role="timer">{countdown(Date.parse(alert.eta_at), now())}</span>
        )}
        {!over && !here && <span class="clock">{left_s < 0 ? words.overdue : hour(Date.parse(alert.eta_at), app.zone(), false)}</span>}
        <span class={stale ? "age stale" : "age"} title={stale ? words.stale : undefined}>
          {`${sightedBy(alert) ?? words.fixAge} ${span(age_s, words.units)} ${words.old}`}
        </span>
      </div>
      <div class="what">
        <div class="line first">
          <b class="place"><Text of={name} /></b>
          <span class="probability">{percent(alert.probability)}</span>
        </div>
        <div class="line"><Direction alert={alert} /></div>
        <div class="line">
          <Plate vehicle={alert.vehicle} large />
          <Looks vehicle={alert.vehicle} />
        </div>
        <div class="line">
          <Reason flag={alert.flag} />
          <b class="tag verify" title={words.verifyHint}>{words.verify}</b>
          {!over && <span class={`tag ${alert.stage}`}>{words.stage[alert.stage]}</span>}
        </div>
        {alert.flag.cautions.length > 0 && (
          <div class="line cautions" title={words.cautions}>
            <span class="sign" aria-label={words.cautions}>⚠</span>
            {alert.flag.cautions.map((caution) => <span class="caution" key={caution}><Text of={caution} /></span>)}
          </div>
        )}
        {alert.flag.contact !== null && <div class="line contact">{`☏ ${words.call} `}<b><Text of={alert.flag.contact} /></b></div>}
        <Handling alert={alert} signed={signed} over={over} />
        {isOpen && <Details alert={alert} name={name} />}
        {(signed || over || isOpen) && store.may("handle_alerts") && <Outcomes alert={alert} />}
      </div>
    </article>
  );
}

/** Who saw it there, where that was not its tracker. */
function sightedBy({ fix: { source } }: Alert): string | undefined {
  const { sources } = app.words;
  return source === undefined ? undefined : Object.hasOwn(sources, source) ? sources[source as keyof typeof sources] : clean(source);
}

/** Where it comes from: by which roads and from which quarter. */
function Direction({ alert }: { alert: Alert }) {
  const { words, store } = app;
  const shape = store.checkpoints.get(alert.checkpoint.id)?.shape;
  const place = shape && ("point" in shape ? shape.point : "line" in shape ? shape.line[0] : shape.polygon[0]);
  // From the checkpoint's people: the side to which they turn.
  const side = place ? words.winds[wind(bearing(place, alert.fix))] : undefined;
  return (
    <span class="direction">
      {side !== undefined && <b>{`${words.from} ${side}`}</b>}
      {alert.stage !== "arrived" && <span>{metres(alert.distance_m)}</span>}
      {alert.route.length > 0 && (
        <span>
          {`${words.via} `}
          {alert.route.slice(0, 3).map((road, number) => [number > 0 ? " › " : "", <Text of={road} key={road} />])}
        </span>
      )}
      {typeof alert.fix.speed_kmh === "number" && <span class="dim">{`${Math.round(alert.fix.speed_kmh)} km/h`}</span>}
    </span>
  );
}

function Handling({ alert, signed, over }: { alert: Alert; signed: boolean; over: boolean }) {
  const { words, store } = app;
  const due = alert.due_at === undefined ? null : Date.parse(alert.due_at);
  return (
    <div class="line handling">
      {signed ? (
        <span class="by">
          {`✓ ${words.handling[alert.handling]}`}
          {alert.lead_unit !== undefined && <span class="dim"> <Text of={app.unitName(alert.lead_unit)} /></span>}
        </span>
      ) : (
        !over &&
        store.may("handle_alerts") && (
          <Button kind="primary sign" act={() => void app.signOff(alert)} disabled={store.actingUnit(alert) === null}>
            {words.signOff}
          </Button>
        )
      )}
      {!signed && <span class="dim">{words.handling[alert.handling]}</span>}
      {due !== null && !over && <span class={due < now() ? "due past" : "due"}>{`${words.due} ${countdown(due, now())}`}</span>}
    </div>
  );
}

function Details({ alert, name }: { alert: Alert; name: string }) {
  const { words, store } = app;
  return (
    <div class="details">
      <p class="why">{sentence(alert.why, name, alert.route, app.language)}</p>
      {alert.flag.instruction !== null && <p><span class="label">{words.instruction}</span> <b><Text of={alert.flag.instruction} /></b></p>}
      {alert.instructed !== undefined && <p><span class="label">{words.instructed}</span> <b><Text of={alert.instructed} /></b></p>}
      <dl>
        <dt>{words.caseNumber}</dt>
        <dd><Text of={alert.flag.case} /></dd>
        <dt>{words.vehicle}</dt>
        <dd><Text of={alert.vehicle.id} /></dd>
        <dt>{words.told}</dt>
        <dd>{(alert.told ?? []).map((unit, number) => [number > 0 ? " · " : "", <Text of={app.unitName(unit)} key={unit} />])}</dd>
        {alert.nearest_units.length > 0 && <dt>{words.nearest}</dt>}
        {alert.nearest_units.length > 0 && (
          <dd>{alert.nearest_units.slice(0, 3).map((patrol) => <span class="patrol" key={patrol.vehicle}><Text of={patrol.vehicle} />{` ${span(patrol.eta_s, words.units)}`}</span>)}</dd>
        )}
      </dl>
      <p class="caveat">{words.verifyHint}</p>
      <div class="buttons">
        {store.may("read_position") && <Button act={() => void app.contain(alert.vehicle.id, `${alert.flag.case}: ${alert.alert}`)}>{words.contain}</Button>}
        {store.may("handle_alerts") && isSigned(alert) && <Instruct alert={alert} />}
      </div>
    </div>
  );
}

function Instruct({ alert }: { alert: Alert }) {
  const { words } = app;
  const [text, setText] = useState("");
  return (
    <form
      class="inline"
      onClick={(event) => event.stopPropagation()}
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim() !== "") void app.instruct(alert, text.trim()).then((done) => done && setText(""));
      }}
    >
      <input value={text} maxLength={300} placeholder={words.instructHint} aria-label={words.instructHint} onInput={(event) => setText(event.currentTarget.value)} />
      <button type="submit">{words.instruct}</button>
    </form>
  );
}

function Outcomes({ alert }: { alert: Alert }) {
  const { words } = app;
  const [why, setWhy] = useState<string | null>(null);
  const choose = (outcome: Outcome) => (outcome === "false" ? setWhy("") : void app.dispose(alert, outcome));
  if (why !== null) {
    return (
      <form
        class="inline outcomes"
        onClick={(event) => event.stopPropagation()}
        onSubmit={(event) => {
          event.preventDefault();
          if (why.trim() !== "") void app.dispose(alert, "false", why.trim());
        }}
      >
        <input value={why} maxLength={300} ref={(input) => input?.focus()} placeholder={words.falseReason} aria-label={words.falseReason} onInput={(event) => setWhy(event.currentTarget.value)} />
        <button type="submit">{words.outcome.false}</button>
        <Button act={() => setWhy(null)}>{words.cancel}</Button>
      </form>
    );
  }
  return (
    <div class="outcomes" role="group" aria-label={words.how}>
      {OUTCOMES.map((outcome) => <Button key={outcome} kind={`outcome ${outcome}`} act={() => choose(outcome)}>{words.outcome[outcome]}</Button>)}
    </div>
  );
}

/** The checkpoints that a silent vehicle's card names unopened. */
const WINDOWS = 3;

function SilenceCard({ silences, id }: { silences: Silence[]; id: string }) {
  const { words, store } = app;
  const isOpen = app.selected === id;
  const [first] = silences;
  if (!first) return null;
  const age_s = (now() - Date.parse(first.fix.fix_time)) / 1000;
  const shown = isOpen ? silences : silences.slice(0, WINDOWS);
  const name = first.checkpoint ? app.placeName(first.checkpoint.id, first.checkpoint.name) : "";
  return (
    <article
      class={`card silent ${isOpen ? "open" : ""}`}
      aria-label={`${words.silent}: ${clean(first.vehicle.plate ?? first.vehicle.id)}`}
      onClick={() => app.select(isOpen ? null : id)}
    >
      <div class="when">
        <span class="eta small">{words.silent}</span>
        <span class="age stale">{`${words.fixAge} ${span(age_s, words.units)} ${words.old}`}</span>
      </div>
      <div class="what">
        <div class="line">
          <Plate vehicle={first.vehicle} large />
          <Looks vehicle={first.vehicle} />
        </div>
        <div class="line">
          <Reason flag={first.flag} />
          {first.signs.map((sign) => <b class="tag sign" key={sign}><Text of={sign} /></b>)}
          {first.may_be_aboard_ferry && <b class="tag verify">{words.ferry}</b>}
        </div>
        <div class="windows">
          {shown.map((silence) => <Window silence={silence} key={silence.checkpoint?.id ?? ""} />)}
          {shown.length < silences.length && <span class="dim">{`+ ${silences.length - shown.length}`}</span>}
        </div>
        {isOpen && (
          <div class="details">
            <p class="why">{sentence(first.why, name, [], app.language)}</p>
            {first.flag.instruction !== null && <p><span class="label">{words.instruction}</span> <b><Text of={first.flag.instruction} /></b></p>}
            {first.flag.contact !== null && <p>{`☏ ${words.call} `}<b><Text of={first.flag.contact} /></b></p>}
            <div class="buttons">
              {store.may("read_position") && <Button act={() => void app.contain(first.vehicle.id, `${first.flag.case}: silent`)}>{words.contain}</Button>}
            </div>
          </div>
        )}
      </div>
    </article>
  );
}

/** From when to when it can be at a checkpoint. */
function Window({ silence }: { silence: Silence }) {
  const { words } = app;
  const { checkpoint, earliest_at, latest_at } = silence;
  if (!checkpoint || earliest_at === null || latest_at === null) return null;
  const [earliest, latest] = [Date.parse(earliest_at), Date.parse(latest_at)];
  return (
    <div class="line first">
      <span class="place small"><Text of={app.placeName(checkpoint.id, checkpoint.name)} /></span>
      <span class="window">{`${earliest <= now() ? words.byNow : countdown(earliest, now())} – ${hour(latest, app.zone(), false)}`}</span>
    </div>
  );
}

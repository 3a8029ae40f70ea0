// The page's frame: head line, tabs, the map's place, and what is laid over them.

import { useRef, useState } from "preact/hooks";
import { Refused } from "../api.js";
import { app, type Tab } from "../app.js";
import { now } from "../clock.js";
import { clean, countdown, hour, span } from "../format.js";
import { isHeard, unlock } from "../sound.js";
import { isSigned } from "../store.js";
import { isAwake } from "../wake.js";
import { Alerts } from "./alerts.js";
import { FlagForm, SightingForm } from "./forms.js";
import { Checkpoints, Journal, Watchlist } from "./lists.js";
import { MapPane } from "./map-pane.js";
import { Button, Plate, Text } from "./parts.js";

export function Frame() {
  if (app.phase === "starting") return <div class="splash" aria-busy="true">{app.words.connecting}</div>;
  if (app.phase === "login") return <Login />;
  return (
    <div class={`frame tab-${app.tab} ${app.lostAt === null ? "" : "disconnected"}`}>
      <Head />
      <Lost />
      <Next />
      <nav class="tabs" role="tablist"><Tabs /></nav>
      <main class="side">
        {app.tab === "alerts" || (app.tab === "map" && !isSmall()) ? <Alerts /> : null}
        {app.tab === "watchlist" ? <Watchlist /> : null}
        {app.tab === "checkpoints" ? <Checkpoints /> : null}
        {app.tab === "journal" ? <Journal /> : null}
      </main>
      <section class="stage" aria-label={app.words.map}>
        <MapPane />
        <Containment />
      </section>
      <Drawer />
      {app.notice && <div class={app.notice.bad ? "notice bad" : "notice"} role="status">{clean(app.notice.text)}</div>}
    </div>
  );
}

/** Where the map is a tab of its own, and hides the lists. */
const isSmall = () => matchMedia("(max-width: 760px)").matches;

function Head() {
  const { words, store } = app;
  const muted = app.isMuted();
  const sound = !isHeard() ? "bad" : muted ? "warn" : "good";
  return (
    <header class="head">
      <b class="brand"><i aria-hidden="true" />{words.title}</b>
      <span class={app.connected ? "pill good" : "pill bad"} id="connection"><i class="dot" aria-hidden="true" />{app.connected ? words.live : words.lost}</span>
      <time class="clock">{hour(now(), app.zone())}</time>
      <span class="who"><Text of={app.unitName(store.session?.unit) || words.all} /> <span class="dim"><Text of={store.session?.name} /></span></span>
      <span class="grow" />
      <Button kind={`pill ${sound}`} title={words.soundTest} act={() => (isHeard() ? app.toggleMute() : void app.testSound())}>
        {`♪ ${!isHeard() ? words.soundOff : muted ? `${words.muted} ${countdown(app.mutedUntil, Date.now())}` : words.soundOn}`}
      </Button>
      <span class={isAwake() ? "pill quiet" : "pill warn"} title={isAwake() ? words.wake : words.noWake}><span aria-hidden="true">{isAwake() ? "☀" : "☾"}</span><span class="long">{isAwake() ? words.wake : words.noWake}</span></span>
      {store.session?.unit && <Button pressed={app.everything} act={() => { app.everything = !app.everything; app.changed(); }}>{app.everything ? words.all : words.mine}</Button>}
      <span class="tools">
        {store.may("flag") && <Button title={words.flagVehicle} act={() => app.open({ kind: "flag" })}>{`+ ${words.flagVehicle}`}</Button>}
        {store.may("handle_alerts") && <Button title={words.sighting} act={() => app.open({ kind: "sighting" })}>{`◎ ${words.sighting}`}</Button>}
      </span>
      <Button title={words.language} act={() => app.toggleLanguage()}>{words.language}</Button>
      <Button title={words.theme} act={() => app.toggleTheme()}><span aria-label={words.theme}>◐</span></Button>
      <Button title={words.help} act={() => app.open({ kind: "help" })}><span aria-label={words.help}>?</span></Button>
      <Button act={() => void app.logOut()}>{words.logOut}</Button>
    </header>
  );
}

/** Plainly: whoever looks here must not believe what is old. */
function Lost() {
  const { words } = app;
  if (app.lostAt === null) return null;
  return (
    <div class="lost" role="alert">
      <b>{words.lost}</b>
      <span>{`${words.lostSince} ${hour(app.lostAt, app.zone())} (${span((now() - app.lostAt) / 1000, words.units)} ${words.old}). ${words.lostHint}`}</span>
    </div>
  );
}

/** What comes next, in one line, wherever one is on a small screen. */
function Next() {
  const { words } = app;
  const [first] = app.desk();
  if (!first || first.kind !== "alert" || app.tab === "alerts") return null;
  const { alert } = first;
  return (
    <button type="button" class={`next-line ${isSigned(alert) ? "signed" : ""}`} onClick={() => { app.selected = alert.alert; app.show("alerts"); }}>
      <b>{alert.stage === "arrived" ? words.now : countdown(Date.parse(alert.eta_at), now())}</b>
      <Plate vehicle={alert.vehicle} />
      <Text of={app.placeName(alert.checkpoint.id, alert.checkpoint.name)} />
    </button>
  );
}

function Tabs() {
  const { words, store } = app;
  const unsigned = app.desk().filter((entry) => entry.kind === "alert" && !isSigned(entry.alert)).length;
  const waiting = store.flags.filter((flag) => flag.state === "applied").length;
  const tabs: [Tab, string, number][] = [
    ["alerts", words.alerts, unsigned],
    ["watchlist", words.watchlist, waiting],
    ["checkpoints", words.checkpoints, 0],
    ["journal", words.journal, 0],
    ["map", words.map, 0],
  ];
  return (
    <>
      {tabs.map(([tab, name, count]) => (
        <button type="button" role="tab" key={tab} class={`tab-${tab}`} aria-selected={app.tab === tab} onClick={() => app.show(tab)}>
          {name}
          {count > 0 && <span class="count">{count}</span>}
        </button>
      ))}
    </>
  );
}

function Containment() {
  const { words, store } = app;
  const found = store.containment;
  if (!found) return null;
  return (
    <aside class="containment">
      <div class="line first">
        <b>{words.containing}</b>
        {found.vehicle && <Plate vehicle={found.vehicle} />}
        <span class="grow" />
        <Button act={() => { store.containment = null; app.changed(); }}>{words.clear}</Button>
      </div>
      <p class={found.closed ? "good" : "bad"}>{found.closed ? words.closed : words.notClosed}</p>
      <ol>
        {found.checkpoints.map((closing) => (
          <li key={closing.checkpoint.id}>
            <b><Text of={app.placeName(closing.checkpoint.id, closing.checkpoint.name)} /></b>
            <span class={closing.slack_s < 0 ? "bad" : "dim"}>{closing.slack_s < 0 ? words.late : `${span(closing.slack_s, words.units)} ${words.slack}`}</span>
          </li>
        ))}
      </ol>
      {found.uncovered.length > 0 && <p class="bad">{`${words.uncovered}: ${found.uncovered.length}`}</p>}
      <p class="dim">{words.containHint}</p>
    </aside>
  );
}

function Drawer() {
  const { dialog } = app;
  if (!dialog) return null;
  const picking = app.picking !== null;
  return (
    <div class={`drawer ${dialog.kind} ${picking ? "picking" : ""}`} role="dialog" aria-modal={false}>
      {dialog.kind === "flag" && <FlagForm />}
      {dialog.kind === "sighting" && <SightingForm />}
      {dialog.kind === "help" && <Help />}
      {dialog.kind === "shift" && <Shift />}
    </div>
  );
}

function Help() {
  const { words } = app;
  return (
    <div class="form">
      <h2>{words.help}</h2>
      <table class="wide">
        <tbody>{words.keys.map(([key, what]) => <tr key={key}><th scope="row"><kbd>{key}</kbd></th><td>{what}</td></tr>)}</tbody>
      </table>
      <p class="wide caveat">{words.verifyHint}</p>
      <div class="bar"><Button kind="primary" act={() => app.open(null)}>{words.close}</Button></div>
    </div>
  );
}

function Shift() {
  const { words } = app;
  const [played, setPlayed] = useState(false);
  return (
    <div class="form" id="shift">
      <h2>{words.shift}</h2>
      <p class="wide">{words.shiftHint}</p>
      <p class="wide">
        <Button kind={played ? "" : "primary"} act={() => void app.testSound().then(() => setPlayed(true))}>{`♪ ${words.soundTest}`}</Button>
        {` ${words.shiftSound}`}
      </p>
      {played && <p class="wide dim">{words.shiftNotHeard}</p>}
      <p class="wide">{`${isAwake() ? "✓" : "⚠"} ${isAwake() ? words.shiftAwake : words.shiftAsleep}`}</p>
      <p class="wide">{words.shiftRepeat}</p>
      <div class="bar"><Button kind={played ? "primary" : ""} act={() => { void unlock().then(app.changed); app.open(null); }}>{played ? words.shiftHeard : words.begin}</Button></div>
    </div>
  );
}

function Login() {
  const { words } = app;
  const [busy, setBusy] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const submit = async () => {
    const token = field.current?.value.trim() ?? "";
    if (token === "") return;
    setBusy(true);
    app.notice = null;
    try {
      await app.logIn(token);
    } catch (error) {
      const refused = error instanceof Refused ? error : null;
      const text = refused?.status === 0 ? words.unreachable : refused?.status === 401 ? words.badToken : (refused?.message ?? String(error));
      app.notice = { text, bad: true };
      app.changed();
    }
    setBusy(false);
  };
  return (
    <div class="login">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <h1 class="brand"><i aria-hidden="true" />{words.title}</h1>
        <p class="dim">{words.subtitle}</p>
        <label class="field">
          <span>{words.token}</span>
          <input ref={field} type="password" autocomplete="current-password" name="token" required />
          <small>{words.tokenHint}</small>
        </label>
        {app.notice && <p class="bad" role="alert">{clean(app.notice.text)}</p>}
        <button type="submit" class="primary" disabled={busy}>{words.logIn}</button>
        <div class="bar">
          <Button act={() => app.toggleLanguage()}>{words.language}</Button>
          <Button act={() => app.toggleTheme()}>{words.theme}</Button>
        </div>
      </form>
    </div>
  );
}

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Alert, Event, Session, Silence } from "../src/model.js";
import { Store, desk } from "../src/store.js";

const NOW = Date.parse("2026-06-15T12:00:00Z");
const at = (seconds: number) => new Date(NOW + seconds * 1000).toISOString();

function alert(id: string, eta_s: number, more: Partial<Alert> = {}): Alert {
  return {
    alert: id,
    vehicle: { id: `v-${id}`, plate: null, class: "taxi" },
    flag: { id: `f-${id}`, case: "A-1", reason: "stolen", priority: 2, instruction: null, cautions: [], contact: null },
    checkpoint: { id: "north", name: "North", kind: "post", unit: "station" },
    stage: "approaching",
    handling: "raised",
    told: ["station"],
    eta_s,
    eta_at: at(eta_s),
    probability: 0.8,
    distance_m: 1000,
    fix: { fix_time: at(0), latitude: 39, longitude: 121.5, valid: true },
    fix_age_s: 0,
    why: { code: "closing", text: "", figures: {} },
    route: [],
    nearest_units: [],
    ...more,
  };
}

function silence(vehicle: string, earliest_s: number | null, latest_s: number | null): Silence {
  const { flag, fix, checkpoint } = alert("x", 0);
  const time = (seconds: number | null) => (seconds === null ? null : at(seconds));
  const why = { code: "silent", text: "", figures: {} };
  return { vehicle: { id: vehicle, plate: null, class: "taxi" }, flag, checkpoint, unit: "station", earliest_at: time(earliest_s), latest_at: time(latest_s), silent_s: 1, signs: [], may_be_aboard_ferry: false, fix, fix_age_s: 1, why };
}

function event(sequence: number, type: string, data: unknown): Event {
  return { id: `${sequence}.0`, type: `interdict.${type}`, time: at(0), sequence: String(sequence), data };
}

const order = (store: Store) => desk(store, NOW, () => true).map((entry) => (entry.kind === "alert" ? entry.alert.alert : entry.silences[0]!.vehicle.id));

test("what is there first, then by when it comes, then by urgency", () => {
  const store = new Store();
  const urgent = alert("urgent", 300, { flag: { ...alert("x", 0).flag, priority: 1 } });
  const here = alert("here", 900, { stage: "arrived" });
  store.list({ alerts: [alert("late", 600), alert("same", 300), urgent, here], to_dispose: [], silences: [], cursor: 1 });
  store.apply(event(2, "vehicle.silent", silence("quiet", 400, 800)));
  store.apply(event(3, "vehicle.silent", silence("may-be-there", -60, 500)));
  store.apply(event(4, "vehicle.silent", silence("gone-by", -600, -60)));
  assert.deepEqual(order(store), ["here", "urgent", "same", "quiet", "may-be-there", "late", "gone-by"]);
});

test("a silent vehicle is one entry, with the checkpoint that it reaches first first", () => {
  const store = new Store();
  const to = (checkpoint: string, earliest_s: number): Silence => ({ ...silence("quiet", earliest_s, 900), checkpoint: { id: checkpoint, name: checkpoint, kind: "post", unit: "station" } });
  store.list({ alerts: [], to_dispose: [], silences: [to("b", 300), to("a", 200), to("c", 400)], cursor: 1 });
  const [entry, ...others] = desk(store, NOW, (one) => !("silence" in one) || one.silence.checkpoint?.id !== "a");
  assert.deepEqual(others, []);
  assert.deepEqual(entry?.kind === "silence" && entry.silences.map((one) => one.checkpoint?.id), ["b", "c"]);
});

test("an alert lives by its events, each taken in once", () => {
  const store = new Store();
  store.list({ alerts: [], to_dispose: [], silences: [], cursor: 10 });
  assert.equal(store.apply(event(10, "alert.raised", alert("a", 300))), false, "the list had it");
  assert.equal(store.apply(event(11, "alert.raised", alert("a", 300))), true);
  assert.equal(store.apply(event(11, "alert.raised", alert("a", 300))), false);
  store.apply(event(12, "alert.acknowledged", alert("a", 200, { handling: "acknowledged", lead_unit: "station" })));
  assert.equal(store.alerts.get("a")?.lead_unit, "station");
  store.apply(event(13, "alert.passed", alert("a", 0, { handling: "acknowledged", why: { code: "passed", text: "", figures: {} } })));
  assert.deepEqual([store.alerts.size, store.toDispose.size], [0, 1]);
  store.apply(event(14, "alert.disposed", alert("a", 0, { handling: "disposed" })));
  assert.deepEqual([store.alerts.size, store.toDispose.size], [0, 0]);
  store.apply(event(15, "alert.withdrawn", alert("a", 0, { why: { code: "intercepted", text: "", figures: {} } })));
  assert.deepEqual([store.alerts.size, store.toDispose.size], [0, 0]);
});

test("who has entered a port is still on the desk", () => {
  const store = new Store();
  store.apply(event(1, "alert.raised", alert("a", 300)));
  store.apply(event(2, "alert.passed", alert("a", 0, { stage: "arrived", why: { code: "entered", text: "", figures: {} } })));
  assert.deepEqual(order(store), ["a"]);
  store.apply(event(3, "alert.left", alert("a", 0)));
  assert.deepEqual([...store.toDispose.keys()], ["a"]);
});

test("a list that is older than an event is not believed", () => {
  const store = new Store();
  store.apply(event(20, "alert.raised", alert("new", 300)));
  assert.equal(store.list({ alerts: [], to_dispose: [], silences: [], cursor: 19 }), false);
  assert.deepEqual(order(store), ["new"]);
});

test("a silence ends with the next fix, and with its flag", () => {
  const store = new Store();
  store.apply(event(1, "vehicle.silent", silence("a", 60, 90)));
  store.apply(event(2, "vehicle.silent", silence("b", 60, 90)));
  store.apply(event(3, "vehicle.heard", silence("a", null, null)));
  assert.deepEqual(order(store), ["b"]);
  store.apply(event(4, "flag.withdrawn", { flag: { id: "f-x" }, vehicle: { id: "b" } }));
  assert.deepEqual(order(store), []);
});

test("an alarm is on until it ends or grows old", () => {
  const store = new Store();
  const alarm = { device: "d", vehicle: { id: "v", plate: null, class: "taxi" }, alarm: "sos", active: true, fix: null, unit: null };
  store.apply(event(1, "device.alarm", alarm));
  store.apply(event(2, "device.alarm", alarm));
  assert.equal(store.alarms.size, 1);
  store.age(NOW + 16 * 60_000);
  assert.equal(store.alarms.size, 0);
  store.apply(event(3, "device.alarm", alarm));
  store.apply(event(4, "device.alarm", { ...alarm, active: false }));
  assert.equal(store.alarms.size, 0);
});

test("one acts for the unit that was told, one's own or one below", () => {
  const store = new Store();
  const unit = (id: string, parent: string | null) => ({ id, name: id, name_zh: null, level: "station", parent, zone: null });
  const units = [unit("city", null), unit("district", "city"), unit("station", "district"), unit("other", "city")];
  const session = (own: string | null): Session => ({ name: "n", person: "n", role: "operator", unit: own, may: [], csrf: "", ends_in_s: 1, now: at(0), clock_speed: 1, tiles: null, units });
  const acts = (own: string | null, told: string[]) => {
    store.session = session(own);
    return [store.actingUnit(alert("a", 1, { told })), store.concernsUs(alert("a", 1, { told }))];
  };
  assert.deepEqual(acts("station", ["station"]), ["station", true]);
  assert.deepEqual(acts("district", ["station"]), ["station", true]);
  assert.deepEqual(acts("district", ["station", "district"]), ["district", true]);
  assert.deepEqual(acts("other", ["station"]), [null, false]);
  assert.deepEqual(acts("other", ["station", "other"]), ["other", true]);
  assert.deepEqual(acts(null, ["station"]), ["station", true]);
});

// The map's place in the page: loads it, and tells it what is known whenever that changes.

import { useEffect, useRef, useState } from "preact/hooks";
import { get } from "../api.js";
import { app } from "../app.js";
import { now } from "../clock.js";
import type { Box, Chart } from "../map/map.js";
import { checkpoints, circle, collection, containment, middle, vehicles, type Collection, type Feature } from "../map/geometry.js";
import type { Alert, Place, Silence } from "../model.js";

let chart: Chart | null = null;

/** Everything of ours into the window: checkpoints and whoever comes. */
export function fitMap(): void {
  chart?.fit(box());
}

function box(): Box | null {
  const places: Place[] = [...app.store.checkpoints.values()].map((checkpoint) => middle(checkpoint.shape));
  for (const entry of app.desk()) places.push(entry.kind === "alert" ? entry.alert.fix : entry.silences[0]!.fix);
  return around(places);
}

function around(places: Place[]): Box | null {
  if (places.length === 0) return null;
  const [lat, lon] = [places.map((place) => place.latitude), places.map((place) => place.longitude)];
  return [Math.min(...lon), Math.min(...lat), Math.max(...lon), Math.max(...lat)];
}

export function MapPane() {
  const container = useRef<HTMLDivElement>(null);
  const [failed, setFailed] = useState(false);
  const drawn = useRef({ theme: app.theme, selected: null as string | null });
  useEffect(() => {
    let gone = false;
    // After the lists: whoever opens the page wants to know who comes, then where.
    const load = async () => {
      try {
        const { Chart } = await import("../map/map.js");
        if (gone || !container.current) return;
        chart = new Chart({
          container: container.current,
          theme: app.theme,
          tiles: app.store.session?.tiles ?? null,
          click: (place, key) => {
            if (app.picking) {
              const pick = app.picking;
              app.picking = null;
              pick(place);
              app.changed();
            } else if (key !== null) {
              app.tab = "alerts";
              app.select(key);
            }
          },
        });
        chart.whenDrawn(() => container.current?.setAttribute("data-drawn", "yes"));
        drawn.current.theme = app.theme;
        update();
      } catch {
        setFailed(true);
      }
    };
    requestAnimationFrame(() => setTimeout(() => void load(), 0));
    const stop = app.subscribe(update);
    const observer = new ResizeObserver(() => chart?.resize());
    if (container.current) observer.observe(container.current);
    return () => {
      gone = true;
      stop();
      observer.disconnect();
      chart = null;
    };
  }, []);
  const update = () => {
    if (!chart) return;
    const { store } = app;
    if (drawn.current.theme !== app.theme) {
      drawn.current.theme = app.theme;
      chart.setTheme(app.theme);
    }
    const desk = app.desk();
    const alerts = desk.flatMap((entry) => (entry.kind === "alert" ? [entry.alert] : []));
    const silences = desk.flatMap((entry) => (entry.kind === "silence" ? entry.silences : []));
    chart.set("vehicles", vehicles(alerts, silences, app.selected));
    chart.set("checkpoints", checkpoints(store.checkpoints.values(), new Set(alerts.map((alert) => alert.checkpoint.id)), (checkpoint) => app.placeName(checkpoint.id, checkpoint.name)));
    chart.set("containment", containment(store.containment, (id, name) => app.placeName(id, name)));
    chart.set("ways", collection(ways(alerts)));
    chart.set("reach", reaches(silences));
    chart.setCursor(app.picking ? "crosshair" : "");
    chart.fit(store.checkpoints.size > 0 ? box() : null, true);
    if (drawn.current.selected !== app.selected) {
      drawn.current.selected = app.selected;
      const alert = app.selected === null ? undefined : store.alerts.get(app.selected);
      const checkpoint = alert && store.checkpoints.get(alert.checkpoint.id);
      if (alert && checkpoint) chart.fit(around([alert.fix, middle(checkpoint.shape)]));
    }
  };
  return (
    <>
      <div class="map" id="map" ref={container} />
      {failed && <p class="map-failed">{app.words.mapFailed}</p>}
    </>
  );
}

/** The way that a vehicle likely takes, as the server finds it by road, and from which fix. */
const found = new Map<string, { from: string; way: Feature | null }>();

function ways(alerts: Alert[]): Feature[] {
  const features: Feature[] = [];
  const open = new Set(alerts.map((alert) => alert.alert));
  for (const key of found.keys()) if (!open.has(key)) found.delete(key);
  for (const alert of alerts) {
    if (alert.stage === "arrived") continue;
    const from = `${alert.fix.latitude},${alert.fix.longitude}`;
    const known = found.get(alert.alert);
    if (known?.from !== from) {
      found.set(alert.alert, { from, way: known?.way ?? null });
      void findWay(alert, from);
    }
    const checkpoint = app.store.checkpoints.get(alert.checkpoint.id);
    const geometry = known?.way?.geometry ?? (checkpoint && straight(alert.fix, middle(checkpoint.shape)));
    if (geometry) features.push({ type: "Feature", properties: { stage: alert.stage, selected: alert.alert === app.selected }, geometry });
  }
  return features;
}

function straight(from: Place, to: Place): Feature["geometry"] {
  return { type: "LineString", coordinates: [[from.longitude, from.latitude], [to.longitude, to.latitude]] };
}

async function findWay(alert: Alert, from: string): Promise<void> {
  const course = typeof alert.fix.course_deg === "number" ? `&course_deg=${alert.fix.course_deg}` : "";
  try {
    const way = await get<Feature>(`/v1/ways?from=${from}&to=${encodeURIComponent(alert.checkpoint.id)}${course}`);
    if (found.get(alert.alert)?.from === from) found.set(alert.alert, { from, way });
    app.changed();
  } catch {
    // Off the roads, or without any: the straight line stays.
  }
}

/** Where a silent vehicle can be by now: asked for anew as its reach grows. */
const reach = new Map<string, { asked: number; area: Collection | null }>();
/** The reach is drawn anew once it has grown by so much. */
const GROWTH = 1.15;
/** Beyond this it can be anywhere: seconds. */
const LONGEST_S = 2 * 3600;
/** Where there are no roads: as the crow flies at this speed, metres a second. */
const STRAIGHT_MS = 25;

function reaches(silences: Silence[]): Collection {
  const features: Feature[] = [];
  const seen = new Set<string>();
  for (const silence of silences) {
    const key = silence.vehicle.id;
    if (seen.has(key)) continue;
    seen.add(key);
    const age_s = Math.min(LONGEST_S, Math.max(30, (now() - Date.parse(silence.fix.fix_time)) / 1000));
    const known = reach.get(key);
    if (!known || age_s > known.asked * GROWTH) {
      reach.set(key, { asked: age_s, area: known?.area ?? null });
      void findReach(key, silence, age_s);
    }
    if (known?.area) features.push(...known.area.features);
    else features.push(circle(silence.fix, age_s * STRAIGHT_MS));
  }
  for (const key of reach.keys()) if (!seen.has(key)) reach.delete(key);
  return collection(features);
}

async function findReach(key: string, silence: Silence, within_s: number): Promise<void> {
  try {
    const area = await get<Collection>(`/v1/reach?from=${silence.fix.latitude},${silence.fix.longitude}&within_s=${Math.round(within_s)}`);
    const known = reach.get(key);
    if (known) reach.set(key, { ...known, area });
    app.changed();
  } catch {
    // As above: the circle stays.
  }
}

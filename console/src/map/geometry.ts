// Shapes for the map, from what the server says. Longitude first, as GeoJSON has it (RFC 7946).

import { clean } from "../format.js";
import type { Alert, Checkpoint, Containment, Place, Silence } from "../model.js";

type Properties = Record<string, string | number | boolean>;
export interface Feature {
  type: "Feature";
  properties: Properties;
  geometry:
    | { type: "Point"; coordinates: [number, number] }
    | { type: "LineString"; coordinates: [number, number][] }
    | { type: "Polygon"; coordinates: [number, number][][] };
}
export interface Collection {
  type: "FeatureCollection";
  features: Feature[];
}

export const collection = (features: Feature[]): Collection => ({ type: "FeatureCollection", features });
const at = ({ latitude, longitude }: Place): [number, number] => [longitude, latitude];
const point = (place: Place, properties: Properties): Feature => ({ type: "Feature", properties, geometry: { type: "Point", coordinates: at(place) } });

/** Where a checkpoint's name stands: the middle of its shape's rectangle. */
export function middle(shape: Checkpoint["shape"]): Place {
  const places = "point" in shape ? [shape.point] : "line" in shape ? shape.line : shape.polygon;
  const [lat, lon] = [places.map((place) => place.latitude), places.map((place) => place.longitude)];
  return { latitude: (Math.min(...lat) + Math.max(...lat)) / 2, longitude: (Math.min(...lon) + Math.max(...lon)) / 2 };
}

export function checkpoints(all: Iterable<Checkpoint>, expected: Set<string>, name: (checkpoint: Checkpoint) => string): Collection {
  const features: Feature[] = [];
  for (const checkpoint of all) {
    const properties = { state: checkpoint.state, kind: checkpoint.kind, expected: expected.has(checkpoint.id), name: clean(name(checkpoint)), id: checkpoint.id };
    features.push(point(middle(checkpoint.shape), properties));
    const { shape } = checkpoint;
    if ("polygon" in shape) features.push({ type: "Feature", properties, geometry: { type: "Polygon", coordinates: [shape.polygon.map(at)] } });
    if ("line" in shape) features.push({ type: "Feature", properties, geometry: { type: "LineString", coordinates: shape.line.map(at) } });
  }
  return collection(features);
}

/** One mark a vehicle, in the colour of its most urgent alert. */
export function vehicles(alerts: Iterable<Alert>, silences: Iterable<Silence>, selected: string | null): Collection {
  const marks = new Map<string, Feature>();
  const rank = { approaching: 0, imminent: 1, arrived: 2 };
  for (const alert of alerts) {
    const known = marks.get(alert.vehicle.id);
    if (known && Number(known.properties["rank"]) >= rank[alert.stage] && alert.alert !== selected) continue;
    const name = clean(alert.vehicle.plate ?? alert.vehicle.id);
    const course = alert.fix.course_deg;
    const properties: Properties = { name, stage: alert.stage, rank: rank[alert.stage], selected: alert.alert === selected, key: alert.alert, moving: typeof course === "number", course: course ?? 0 };
    marks.set(alert.vehicle.id, point(alert.fix, properties));
  }
  for (const silence of silences) {
    if (marks.has(silence.vehicle.id)) continue;
    const name = clean(silence.vehicle.plate ?? silence.vehicle.id);
    marks.set(silence.vehicle.id, point(silence.fix, { name, stage: "silent", rank: 0, selected: false, key: "", moving: false, course: 0 }));
  }
  return collection([...marks.values()]);
}

/** Metres in a degree of latitude. */
const DEGREE_M = 111_195;
const CORNERS = 72;

/** A circle round a place, as a polygon. */
export function circle(place: Place, radius_m: number, properties: Properties = {}): Feature {
  const [north, east] = [radius_m / DEGREE_M, radius_m / DEGREE_M / Math.cos((place.latitude * Math.PI) / 180)];
  const ring = Array.from({ length: CORNERS + 1 }, (_, corner): [number, number] => {
    const angle = ((corner % CORNERS) / CORNERS) * 2 * Math.PI;
    return [place.longitude + east * Math.sin(angle), place.latitude + north * Math.cos(angle)];
  });
  return { type: "Feature", properties, geometry: { type: "Polygon", coordinates: [ring] } };
}

export function containment(found: Containment | null, name: (id: string, name: string) => string): Collection {
  if (!found) return collection([]);
  const marks = found.checkpoints.map((closing, number) =>
    point(closing.place, { kind: "closing", late: closing.slack_s < 0, name: `${number + 1} ${clean(name(closing.checkpoint.id, closing.checkpoint.name))}` }),
  );
  const open = found.uncovered.map((way) => point(way.place, { kind: "open", late: true, name: clean(way.name) }));
  return collection([circle(found.place, Math.max(50, found.may_be_within_m), { kind: "within" }), ...marks, ...open]);
}

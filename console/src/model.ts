// What the server says, as far as the console reads it. Times are RFC 3339 UTC, units are in names.

export interface Unit {
  id: string;
  name: string;
  name_zh: string | null;
  level: string;
  parent: string | null;
  zone: string | null;
}

export interface Session {
  name: string;
  // Whose token it is: one person may have several.
  person: string;
  role: string;
  unit: string | null;
  may: string[];
  csrf: string;
  ends_in_s: number;
  now: string;
  clock_speed: number;
  tiles: string | null;
  units: Unit[];
}

export interface Fix {
  fix_time: string;
  latitude: number;
  longitude: number;
  valid: boolean;
  speed_kmh?: number | null;
  course_deg?: number | null;
  // Who saw it, where this is no tracker's fix but a sighting.
  source?: string;
}

export interface Vehicle {
  id: string;
  plate: string | null;
  class: string;
  make?: string;
  colour?: string;
  plate_colour?: string;
}

export interface Case {
  id: string;
  case: string;
  reason: string;
  priority: number;
  action?: "intercept" | "observe";
  drill?: boolean;
  instruction: string | null;
  cautions: string[];
  contact: string | null;
}

export interface CheckpointView {
  id: string;
  name: string;
  kind: string;
  unit: string;
}

export interface Why {
  code: string;
  text: string;
  figures: Record<string, number>;
}

export type Stage = "approaching" | "imminent" | "arrived";
export type Handling = "raised" | "delivered" | "acknowledged" | "instructed" | "disposed";
export const OUTCOMES = ["intercepted", "cleared", "missed", "diverted", "false"] as const;
export type Outcome = (typeof OUTCOMES)[number];

export interface Alert {
  alert: string;
  vehicle: Vehicle;
  flag: Case;
  checkpoint: CheckpointView;
  stage: Stage;
  handling: Handling;
  told?: string[];
  lead_unit?: string;
  due_at?: string;
  by?: string;
  by_unit?: string;
  instructed?: string;
  outcome?: Outcome;
  outcome_reason?: string;
  eta_s: number;
  eta_at: string;
  probability: number;
  distance_m: number;
  fix: Fix;
  fix_age_s: number;
  // How often its tracker is usually heard.
  fix_every_s?: number;
  why: Why;
  route: string[];
  nearest_units: { vehicle: string; unit: string | null; eta_s: number }[];
}

export interface Silence {
  vehicle: Vehicle;
  flag: Case;
  checkpoint: CheckpointView | null;
  unit: string | null;
  earliest_at: string | null;
  latest_at: string | null;
  silent_s: number;
  signs: string[];
  may_be_aboard_ferry: boolean;
  fix: Fix;
  fix_age_s: number;
  why: Why;
}

export interface DeviceAlarm {
  device: string;
  vehicle: Vehicle;
  alarm: string;
  active: boolean;
  fix: Fix | null;
  unit: string | null;
  age_s?: number;
}

export interface Flag extends Case {
  vehicle: string;
  authority: string;
  state?: "applied" | "emergency" | "approved" | "provisional";
  applicant?: string;
  approved_by?: string;
  unit?: string;
  scope?: string;
  starts_at: string;
  expires_at: string;
  matched: Vehicle;
}

export interface FlagReason {
  code: string;
  name: string;
  name_zh?: string;
}

export interface Place {
  latitude: number;
  longitude: number;
}

export interface Checkpoint {
  id: string;
  name: string;
  name_zh?: string;
  kind: string;
  unit: string;
  ring?: number;
  shape: { point: Place } | { line: Place[] } | { polygon: Place[] };
  lead_s: number;
  ready_s: number;
  state: "manned" | "unmanned" | "closed";
  approximate: boolean;
  by_road: boolean;
}

export interface Closing {
  checkpoint: CheckpointView;
  state: string;
  place: Place;
  roads: string[];
  in_place_at: string;
  earliest_at: string;
  slack_s: number;
}

export interface WayOut {
  kind: string;
  name: string;
  place: Place;
  earliest_at: string;
}

export interface Containment {
  vehicle: Vehicle | null;
  place: Place;
  since: string;
  may_be_within_m: number;
  ways_out: number;
  closed: boolean;
  checkpoints: Closing[];
  uncovered: WayOut[];
}

// A CloudEvent.
export interface Event {
  id: string;
  type: string;
  time: string;
  sequence: string;
  data: unknown;
}

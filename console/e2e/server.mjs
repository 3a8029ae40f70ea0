// The real program on free ports, with the Dalian default and one road whose name is hostile, and
// trackers that report to it as OsmAnd does.

import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const FIXTURES = join(ROOT, "fixtures");
const ADMIN = "the-admin-of-a-test";
const KNOT_KMH = 1.852;

export const hostile = JSON.parse(readFileSync(join(FIXTURES, "hostile.json"), "utf8"));

function program() {
  const target = process.env.CARGO_TARGET_DIR ?? join(ROOT, "target");
  return process.env.INTERDICT_BIN ?? join(target, "debug", "interdict");
}

/** A track of the fixtures: fixes with their time in seconds. */
export function track(name, device) {
  const rows = readFileSync(join(FIXTURES, "tracks", `${name}.csv`), "utf8").trim().split("\n").slice(1);
  const fixes = rows.map((row) => {
    const [of, time, latitude, longitude, speed_kmh, course_deg, alarm] = row.split(",");
    return { of, at_s: Date.parse(time) / 1000, latitude, longitude, speed_kmh, course_deg, alarm };
  });
  return fixes.filter((fix) => device === undefined || fix.of === device);
}

/** The same hour of that night, seconds. */
export const night = (clock) => Date.parse(`2026-06-15T${clock}+08:00`) / 1000;

export class Server {
  /** `rules` are lines of the configuration's table. */
  static async start({ rules = "", name = hostile.names[0] } = {}) {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), "interdict-console-"));
    const roads = readFileSync(join(FIXTURES, "roads.geojson"), "utf8");
    const named = name === null ? roads : roads.replaceAll('"Northeast Expressway"', JSON.stringify(name));
    writeFileSync(join(server.folder, "roads.geojson"), named);
    const file = (fixture) => JSON.stringify(join(FIXTURES, fixture));
    writeFileSync(
      join(server.folder, "interdict.toml"),
      `source = "urn:interdict:test"\nzone = "Asia/Shanghai"\ndata = "data"\n[files]\ncheckpoints = ${file("checkpoints.geojson")}\n` +
        `regions = ${file("regions.geojson")}\nunits = ${file("units.toml")}\nfleet = ${file("fleet.csv")}\nroads = "roads.geojson"\n[persons]\napprover_age = 0\n[rules]\n${rules}\n`,
    );
    await server.run("127.0.0.1:0");
    return server;
  }

  async run(http) {
    const child = spawn(program(), ["serve", "--config", join(this.folder, "interdict.toml"), "--http", http, "--port", "osmand=127.0.0.1:0"], {
      env: { ...process.env, INTERDICT_ADMIN_TOKEN: ADMIN, RUST_LOG: "interdict=debug", NO_COLOR: "1" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.child = child;
    this.log = "";
    await new Promise((ready, failed) => {
      child.stderr.setEncoding("utf8").on("data", (text) => {
        this.log += text;
        const listening = (what) => this.log.match(new RegExp(`listening ${what} (\\S+)\\n`))?.[1];
        if (listening("http") && listening("osmand")) {
          this.address = listening("http");
          this.trackers = `http://${listening("osmand")}/`;
          ready();
        }
      });
      child.on("error", failed);
      child.on("exit", () => failed(new Error(`the server ended:\n${this.log}`)));
    });
    this.url = `http://${this.address}`;
  }

  async stop() {
    for (const line of this.lines?.values() ?? []) line.destroy();
    this.lines = undefined;
    const ended = new Promise((done) => this.child.once("exit", done));
    this.child.kill("SIGTERM");
    await ended;
  }

  restart() {
    return this.run(this.address);
  }

  async end() {
    await this.stop();
    rmSync(this.folder, { recursive: true });
  }

  async ask(method, path, body, token = ADMIN) {
    const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
    const response = await fetch(this.url + path, { method, headers, body: body && JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  }

  async token(name, role, unit) {
    return (await this.ask("POST", "/v1/tokens", { name, role, ...(unit && { unit }) })).token;
  }

  enrol(device, vehicle, plate) {
    return this.ask("POST", "/v1/devices", { device, vehicle, plate, class: "taxi" });
  }

  /** Flags a vehicle, as `flagger`; where somebody else must approve that, `approver` does. */
  async flag(vehicle, more = {}) {
    const asked = { vehicle, reason: "stolen", case: "C-17", authority: "duty officer", ...more };
    const flag = await this.ask("POST", "/v1/flags", asked, this.flagger);
    if (flag.state === "applied") await this.ask("POST", `/v1/flags/${flag.id}/approve`, {}, this.approver);
    return flag;
  }

  /** Reports a fix of `ago_s` ago, and waits until it is accepted. */
  async report(device, fix, ago_s) {
    const query = new URLSearchParams({
      id: device, lat: fix.latitude, lon: fix.longitude, timestamp: String(Date.now() - Math.round(ago_s * 1000)),
      speed: String(Number(fix.speed_kmh) / KNOT_KMH), bearing: fix.course_deg, ...(fix.alarm && { alarm: fix.alarm }),
    });
    // One connection a device: on a second one the same device would be a conflict.
    this.lines ??= new Map();
    if (!this.lines.has(device)) this.lines.set(device, new Agent({ keepAlive: true, maxSockets: 1 }));
    const status = await new Promise((done, failed) => {
      const asked = request(`${this.trackers}?${query}`, { method: "POST", agent: this.lines.get(device) }, (response) => {
        response.resume().on("end", () => done(response.statusCode));
      });
      asked.on("error", failed).end();
    });
    if (status !== 200) throw new Error(`a fix was refused: ${status}`);
  }

  /** Reports a track up to an hour of its night as if that hour were now. */
  async play(device, fixes, until_s) {
    const past = fixes.filter((fix) => fix.at_s <= until_s);
    for (const fix of past) await this.report(device, fix, until_s - fix.at_s);
    return past.length;
  }

  /** The first event that `wanted` takes, from a cursor on. */
  async event(wanted, after) {
    const stop = new AbortController();
    const timer = setTimeout(() => stop.abort(new Error("in vain: an event")), 30_000);
    const response = await fetch(`${this.url}/v1/events?after=${after}`, { headers: { authorization: `Bearer ${ADMIN}` }, signal: stop.signal });
    let text = "";
    for await (const bytes of response.body.pipeThrough(new TextDecoderStream())) {
      text += bytes;
      const lines = text.split("\n");
      text = lines.pop();
      for (const line of lines) {
        const event = line.startsWith("data: ") ? JSON.parse(line.slice(6)) : null;
        if (event && wanted(event)) {
          clearTimeout(timer);
          stop.abort();
          return event;
        }
      }
    }
    throw new Error("the stream ended");
  }
}

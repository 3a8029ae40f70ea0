// The map itself: MapLibre, loaded once the lists are on the screen.

import * as maplibre from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";
import { get } from "../api.js";
import type { Place } from "../model.js";
import type { Theme } from "../settings.js";
import { SOURCES, style } from "./style.js";
import { collection, type Collection } from "./geometry.js";

maplibre.setWorkerUrl(new URL(workerUrl, location.href).href);

export type Box = [west: number, south: number, east: number, north: number];
type Source = (typeof SOURCES)[number];

export interface Options {
  container: HTMLElement;
  theme: Theme;
  tiles: string | null;
  click(place: Place, key: string | null): void;
}

/** The coast is a file of the console's own. */
const COAST = "/coast.json";
/** Roads are fetched for so much more than is seen, so that a small step needs no request. */
const MARGIN = 0.35;

export class Chart {
  private map: maplibre.Map;
  private shown = new Map<Source, unknown>();
  private drawn = new Map<Source, string>();
  private roadsFor = "";
  private fitted = false;

  constructor(private options: Options) {
    this.map = new maplibre.Map({
      container: options.container,
      style: style(options.theme, COAST, options.tiles),
      center: [121.6, 38.95],
      zoom: 9.6,
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      fadeDuration: 0,
      localIdeographFontFamily: "\"Noto Sans CJK SC\", \"Microsoft YaHei\", \"PingFang SC\", sans-serif",
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new maplibre.ScaleControl({ maxWidth: 120 }), "bottom-right");
    this.map.on("styledata", () => this.restore());
    this.map.on("load", () => void this.loadRoads());
    this.map.on("moveend", () => void this.loadRoads());
    this.map.on("click", (event) => {
      const layers = ["vehicle", "vehicle-plates"].filter((layer) => this.map.getLayer(layer));
      const [hit] = this.map.queryRenderedFeatures(event.point, { layers });
      const key = hit ? String(hit.properties["key"] ?? "") : "";
      options.click({ latitude: event.lngLat.lat, longitude: event.lngLat.lng }, key === "" ? null : key);
    });
  }

  /** Says when the first picture is whole: tests wait for it. */
  whenDrawn(done: () => void): void {
    void this.map.once("idle", done);
  }

  set(source: Source, data: Collection): void {
    // To draw anew what is the same would keep a tablet warm all night.
    const text = JSON.stringify(data);
    if (this.drawn.get(source) === text) return;
    this.drawn.set(source, text);
    this.shown.set(source, data);
    this.put(source);
  }

  private put(source: Source): void {
    const found = this.map.getSource<maplibre.GeoJSONSource>(source);
    const data = this.shown.get(source);
    if (found && data) found.setData(data as never);
  }

  private restore(): void {
    for (const source of SOURCES) this.put(source);
  }

  setTheme(theme: Theme): void {
    this.map.setStyle(style(theme, COAST, this.options.tiles), { diff: false });
    this.map.once("styledata", () => this.restore());
  }

  resize(): void {
    this.map.resize();
  }

  setCursor(cursor: string): void {
    this.map.getCanvas().style.cursor = cursor;
  }

  fit(box: Box | null, once = false): void {
    if (!box || (once && this.fitted)) return;
    this.fitted = true;
    const small = this.map.getContainer().clientWidth < 500;
    this.map.fitBounds(box, { padding: small ? 40 : 90, maxZoom: 14, duration: once ? 0 : 500 });
  }

  private async loadRoads(): Promise<void> {
    const bounds = this.map.getBounds();
    const zoom = Math.floor(this.map.getZoom());
    const [w, s, e, n] = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
    // On a grid as wide as what is seen, so that a step within it asks for nothing new.
    const grid = 360 / 2 ** (zoom + 1);
    const [dx, dy] = [(e - w) * MARGIN, (n - s) * MARGIN];
    const box = [Math.floor((w - dx) / grid) * grid, Math.floor((s - dy) / grid) * grid, Math.ceil((e + dx) / grid) * grid, Math.ceil((n + dy) / grid) * grid];
    const wanted = `/v1/roads?bbox=${box.map((degrees) => degrees.toFixed(4)).join(",")}&zoom=${zoom}`;
    if (wanted === this.roadsFor) return;
    this.roadsFor = wanted;
    try {
      const roads = await get<Collection>(wanted);
      if (this.roadsFor === wanted) this.set("roads", roads);
    } catch {
      // The map says nothing that the lists do not: the next step on it asks again.
      this.roadsFor = "";
      this.set("roads", (this.shown.get("roads") as Collection | undefined) ?? collection([]));
    }
  }
}

// How the map looks: roads, water and what comes, in two lights. No sprite, no glyph file, no tile
// but one's own: labels are drawn with the machine's fonts.

import type { ExpressionSpecification, StyleSpecification } from "maplibre-gl";
import type { Theme } from "../settings.js";

const PALETTES = {
  dark: {
    sea: "#0a1420", land: "#141b24", coast: "#2b3c4e", casing: "#0d131a", major: "#5b6f85", middle: "#3d4b5b", minor: "#2a3541",
    label: "#93a4b8", halo: "#10161d", strong: "#eef4fa", manned: "#3ecf8e", unmanned: "#f2b53c", closed: "#6d7a88", info: "#58b8ff",
    approaching: "#ffb224", imminent: "#ff4d4d", silent: "#b48cff",
  },
  light: {
    sea: "#cfdfec", land: "#f3f1ec", coast: "#9db4c6", casing: "#d9d5cc", major: "#8797a8", middle: "#b3bdc8", minor: "#d3d8dd",
    label: "#55636f", halo: "#fbfaf7", strong: "#10202f", manned: "#0a8f56", unmanned: "#b26b00", closed: "#7b8794", info: "#0b6fc4",
    approaching: "#c46a00", imminent: "#d3222a", silent: "#7645d9",
  },
} as const;

/** Fonts of the machine, for every script that names may have. */
const FONTS = ["Noto Sans", "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "sans-serif"];
const EMPTY = { type: "FeatureCollection" as const, features: [] };
export const SOURCES = ["roads", "checkpoints", "vehicles", "ways", "reach", "containment"] as const;

export function style(theme: Theme, coast: string, tiles: string | null): StyleSpecification {
  const colour = PALETTES[theme];
  const own = (expression: unknown) => expression as ExpressionSpecification;
  const byState = own(["match", ["get", "state"], "manned", colour.manned, "unmanned", colour.unmanned, colour.closed]);
  const byStage = own(["match", ["get", "stage"], "approaching", colour.approaching, "silent", colour.silent, colour.imminent]);
  const grows = (least: number, most: number) => ["interpolate", ["exponential", 1.5], ["zoom"], 8, least, 16, most] as unknown as ExpressionSpecification;
  const classes = (...names: string[]) => ["in", ["get", "class"], ["literal", names]] as unknown as ExpressionSpecification;
  const text = (size: number) => ({ "text-font": FONTS, "text-size": size });
  const road = (id: string, names: string[], line: string, least: number, most: number) =>
    ({
      id, type: "line" as const, source: "roads", filter: classes(...names),
      layout: { "line-cap": "round" as const, "line-join": "round" as const },
      paint: { "line-color": line, "line-width": grows(least, most) },
    });
  return {
    version: 8,
    sources: {
      land: { type: "geojson", data: coast },
      ...(tiles === null ? {} : { tiles: { type: "raster" as const, tiles: [tiles], tileSize: 256 } }),
      ...Object.fromEntries(SOURCES.map((name) => [name, { type: "geojson" as const, data: EMPTY }])),
    },
    layers: [
      { id: "sea", type: "background", paint: { "background-color": colour.sea } },
      { id: "land", type: "fill", source: "land", paint: { "fill-color": colour.land } },
      { id: "coast", type: "line", source: "land", paint: { "line-color": colour.coast, "line-width": 1.2 } },
      ...(tiles === null ? [] : [{ id: "tiles", type: "raster" as const, source: "tiles", paint: { "raster-opacity": theme === "dark" ? 0.55 : 0.9 } }]),
      { id: "reach-area", type: "fill", source: "reach", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": colour.silent, "fill-opacity": 0.09 } },
      { id: "within", type: "fill", source: "containment", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": colour.info, "fill-opacity": 0.1 } },
      { id: "within-edge", type: "line", source: "containment", filter: ["==", ["geometry-type"], "Polygon"], paint: { "line-color": colour.info, "line-width": 1.5, "line-dasharray": [3, 2] } },
      road("minor", ["tertiary", "tertiary_link", "unclassified", "residential", "road", "living_street", "service", "track"], colour.minor, 0.5, 5),
      road("middle", ["secondary", "secondary_link", "primary_link", "trunk_link", "motorway_link"], colour.middle, 0.8, 7),
      road("casing", ["motorway", "trunk", "primary"], colour.casing, 2.4, 13),
      road("major", ["motorway", "trunk", "primary"], colour.major, 1.2, 9),
      { id: "reach", type: "line", source: "reach", filter: ["==", ["geometry-type"], "LineString"], layout: { "line-cap": "round" }, paint: { "line-color": colour.silent, "line-width": grows(1.6, 8), "line-opacity": 0.75 } },
      { id: "way-halo", type: "line", source: "ways", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": byStage, "line-width": grows(7, 20), "line-opacity": ["case", ["get", "selected"], 0.28, 0.14] } },
      { id: "way", type: "line", source: "ways", layout: { "line-cap": "round", "line-join": "round" }, paint: { "line-color": byStage, "line-width": ["case", ["get", "selected"], 4, 2.2], "line-dasharray": [1.6, 1.6] } },
      {
        id: "road-names", type: "symbol", source: "roads", minzoom: 10.5, filter: ["!=", ["get", "name"], ""],
        layout: { ...text(11), "symbol-placement": "line", "text-field": ["get", "name"], "symbol-spacing": 420, "text-max-angle": 35 },
        paint: { "text-color": colour.label, "text-halo-color": colour.halo, "text-halo-width": 1.6 },
      },
      { id: "checkpoint-area", type: "fill", source: "checkpoints", filter: ["==", ["geometry-type"], "Polygon"], paint: { "fill-color": byState, "fill-opacity": 0.22, "fill-outline-color": byState } },
      { id: "checkpoint-line", type: "line", source: "checkpoints", filter: ["==", ["geometry-type"], "LineString"], paint: { "line-color": byState, "line-width": 4 } },
      { id: "checkpoint-expected", type: "circle", source: "checkpoints", filter: ["all", ["==", ["geometry-type"], "Point"], ["get", "expected"]], paint: { "circle-radius": 15, "circle-color": colour.imminent, "circle-opacity": 0.22, "circle-stroke-color": colour.imminent, "circle-stroke-width": 1.5 } },
      {
        id: "checkpoint", type: "circle", source: "checkpoints", filter: ["==", ["geometry-type"], "Point"],
        paint: { "circle-radius": 6.5, "circle-color": ["match", ["get", "state"], "manned", colour.manned, colour.halo] as unknown as ExpressionSpecification, "circle-stroke-color": byState, "circle-stroke-width": 2.5 },
      },
      { id: "closing", type: "circle", source: "containment", filter: ["==", ["geometry-type"], "Point"], paint: { "circle-radius": 11, "circle-color": ["case", ["get", "late"], colour.imminent, colour.info], "circle-opacity": 0.35, "circle-stroke-color": ["case", ["get", "late"], colour.imminent, colour.info], "circle-stroke-width": 2 } },
      {
        id: "checkpoint-names", type: "symbol", source: "checkpoints", filter: ["==", ["geometry-type"], "Point"],
        layout: { ...text(12), "text-field": ["get", "name"], "text-anchor": "top", "text-offset": [0, 0.9], "text-max-width": 9, "symbol-sort-key": ["case", ["get", "expected"], 0, 1] },
        paint: { "text-color": ["case", ["get", "expected"], colour.strong, colour.label], "text-halo-color": colour.halo, "text-halo-width": 1.8 },
      },
      {
        id: "closing-names", type: "symbol", source: "containment", filter: ["==", ["geometry-type"], "Point"],
        layout: { ...text(13), "text-field": ["get", "name"], "text-anchor": "bottom", "text-offset": [0, -1], "text-allow-overlap": true },
        paint: { "text-color": ["case", ["get", "late"], colour.imminent, colour.info], "text-halo-color": colour.halo, "text-halo-width": 2 },
      },
      { id: "vehicle", type: "circle", source: "vehicles", paint: { "circle-radius": ["case", ["get", "selected"], 13, 10], "circle-color": byStage, "circle-stroke-color": colour.strong, "circle-stroke-width": ["case", ["get", "selected"], 3, 1.5] } },
      {
        id: "vehicle-course", type: "symbol", source: "vehicles", filter: ["get", "moving"],
        layout: { ...text(15), "text-field": "▲", "text-rotate": ["get", "course"], "text-rotation-alignment": "map", "text-allow-overlap": true, "text-ignore-placement": true },
        paint: { "text-color": "#fff" },
      },
      {
        id: "vehicle-plates", type: "symbol", source: "vehicles",
        layout: { ...text(14), "text-field": ["get", "name"], "text-anchor": "bottom", "text-offset": [0, -1], "text-allow-overlap": true, "text-ignore-placement": true },
        paint: { "text-color": colour.strong, "text-halo-color": colour.halo, "text-halo-width": 2.2 },
      },
    ],
  };
}

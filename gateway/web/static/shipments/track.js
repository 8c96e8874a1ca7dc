// Where a tracker was: its positions as a line, true to shape, with a scale. No map is fetched from anywhere.
import { momentText, number } from "../lib/time.js";
import { html } from "../lib/ui.js";
import { pointed } from "./traces.js";

const KM_A_DEGREE = 111.32; // of latitude
const WIDTH = 320;
const HEIGHT = 200;
const LEAST_KM = 0.5; // a parcel that stands still is a dot, not a scribble of errors
const JOIN_MS = 20; // latitude and longitude of one look are told with one time

/** [{ms, lat, lon}] in order of time from the two traces of each device. */
export function positions(series) {
  const found = [];
  for (const lat of series.filter((one) => one.metric === "lat_deg")) {
    const lon = series.find((one) => one.metric === "lon_deg" && one.device === lat.device && overlaps(one, lat));
    if (!lon) continue;
    const at = new Map(lon.points.filter(Boolean).map((point) => [Math.round(point[0] / JOIN_MS), point[1]]));
    for (const point of lat.points) {
      if (point && at.has(Math.round(point[0] / JOIN_MS))) found.push({ ms: point[0], lat: point[1], lon: at.get(Math.round(point[0] / JOIN_MS)) });
    }
  }
  return found.sort((a, b) => a.ms - b.ms);
}

const overlaps = (a, b) => a.points.find(Boolean)?.[0] === b.points.find(Boolean)?.[0];

/** The way as a drawing, and the last place in words. */
export function Track({ series, nowMs }) {
  const way = positions(series);
  if (!way.length) return html`<p class="empty">No position was told.</p>`;
  const last = way[way.length - 1];
  const shrink = Math.cos((last.lat * Math.PI) / 180);
  const flat = way.map((p) => ({ ms: p.ms, x: p.lon * shrink * KM_A_DEGREE, y: p.lat * KM_A_DEGREE }));
  const mid = (pick) => (Math.min(...flat.map(pick)) + Math.max(...flat.map(pick))) / 2;
  const wide = Math.max(LEAST_KM, ...["x", "y"].map((axis) => {
    const values = flat.map((p) => p[axis]);
    return (Math.max(...values) - Math.min(...values)) * (axis === "y" ? WIDTH / HEIGHT : 1);
  }));
  const scale = (WIDTH - 40) / wide;
  const [cx, cy] = [mid((p) => p.x), mid((p) => p.y)];
  const at = (p) => [WIDTH / 2 + (p.x - cx) * scale, HEIGHT / 2 - (p.y - cy) * scale];
  const bar = roundKm(wide / 4);
  const under = pointed.value ? flat.reduce((best, p) => (Math.abs(p.ms - pointed.value) < Math.abs(best.ms - pointed.value) ? p : best)) : null;
  const [sx, sy] = at(flat[0]);
  const [ex, ey] = at(flat[flat.length - 1]);
  const text = `${last.lat.toFixed(4)}, ${last.lon.toFixed(4)}`;
  return html`<figure class="track">
    <figcaption><b>Place</b> <span class="reading">${text} <small>${momentText(last.ms, nowMs)}</small></span></figcaption>
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label=${`Way of the parcel, ${way.length} positions, last at ${text}`}>
      <polyline points=${flat.map((p) => at(p).map((v) => v.toFixed(1)).join(",")).join(" ")} />
      <circle class="start" cx=${sx} cy=${sy} r="5" /><circle class="end" cx=${ex} cy=${ey} r="6.5" />
      ${under && html`<circle class="under" cx=${at(under)[0]} cy=${at(under)[1]} r="5" />`}
      <path class="bar" d=${`M16 ${HEIGHT - 14}v4h${(bar * scale).toFixed(1)}v-4`} />
      <text x="16" y=${HEIGHT - 19}>${bar < 1 ? `${number(bar * 1000)} m` : `${number(bar)} km`}</text>
    </svg>
  </figure>`;
}

function roundKm(km) {
  const ten = 10 ** Math.floor(Math.log10(km));
  return ([5, 2, 1].find((n) => n * ten <= km) ?? 1) * ten;
}

// Traces of one thing on one time axis: the mean as a line, low to high as a band, limits dashed, time out of limits in red, silence as a gap.
import { clockText, momentText, number } from "../lib/time.js";
import { html, signal, useEffect, useRef, useState } from "../lib/ui.js";
import uPlot from "../vendor/uplot.js";

const HEIGHT = 126;
const AXIS = 30; // more for the lowest, which bears the times
const LEFT = 54;
export const pointed = signal(0); // moment under the pointer, ms; 0 = none

const NAMES = {
  temperature_c: "Temperature", humidity_pct: "Humidity", shock_mps2: "Shock", tilt_deg: "Tilt", light_lx: "Light", gross_g: "Weight",
  door_open: "Door", battery_pct: "Battery",
};
const PEAKS = new Set(["shock_mps2", "tilt_deg"]); // of these the worst in a step is the story, not the mean
const PLACE = new Set(["lat_deg", "lon_deg", "position_error_m"]);
const MORE = new Set(["tilt_deg", "light_lx", "battery_pct"]); // shown when asked for, or when out of limits
const FLOOR = { shock_mps2: 20, humidity_pct: 10, temperature_c: 4, tilt_deg: 10, light_lx: 10 }; // least height of an axis, in its unit
const SWITCHES = new Set(["door_open"]); // 0 or 1; a mean between them was open for a part of its step
const switchText = (value) => (value > 0 ? "open" : "closed");
export const nameOf = (metric) => NAMES[metric] ?? metric;

/** Columns for uPlot from points and nulls, several devices in a row: [s, value, low, high]. A gap is a moment without values. */
export function columns(traces) {
  const all = [];
  for (const trace of traces) {
    let last = null;
    for (const point of trace.points) {
      if (point) all.push((last = point));
      else if (last) all.push([last[0] + 1, null, null, null]);
    }
    if (last) all.push([last[0] + 1, null, null, null]); // another device is another line
  }
  all.sort((a, b) => a[0] - b[0]);
  const peak = PEAKS.has(traces[0].metric);
  return [all.map((p) => p[0] / 1000), all.map((p) => (peak ? p[3] : p[1])), all.map((p) => p[2]), all.map((p) => p[3])];
}

/** One chart a metric, tied together. `traces`: [{metric, unit, points, low_milli, high_milli}], `excursions` as the gateway tells them. */
export function Traces({ traces, excursions, nowMs, zone, fromMs, toMs }) {
  const [isAll, showAll] = useState(false);
  const order = Object.keys(NAMES); // what is watched most comes first
  const known = [...new Set(traces.map((trace) => trace.metric))].filter((metric) => !PLACE.has(metric))
    .sort((a, b) => (order.indexOf(a) + 1 || order.length + 1) - (order.indexOf(b) + 1 || order.length + 1));
  const more = known.filter((metric) => MORE.has(metric) && !excursions.some((one) => one.kind === metric));
  const metrics = isAll ? known : known.filter((metric) => !more.includes(metric));
  const told = traces.filter((trace) => metrics.includes(trace.metric) && trace.points.some(Boolean));
  if (!told.length) return html`<p class="empty">Nothing was measured.</p>`;
  const times = told.flatMap((trace) => trace.points.filter(Boolean).map((point) => point[0]));
  const from = Math.min(fromMs || Infinity, ...times);
  const to = Math.max(toMs || 0, from + 60_000, ...times);
  return html`<div class="traces">${metrics.map((metric, n) => {
    const mine = told.filter((trace) => trace.metric === metric);
    return mine.length > 0 && html`<${Trace} key=${metric} metric=${metric} traces=${mine} from=${from} to=${to} last=${n === metrics.length - 1}
      zone=${zone} excursions=${excursions.filter((one) => one.kind === metric)} nowMs=${nowMs} />`;
  })}
  ${more.length > 0 && html`<button type="button" class="quiet" aria-expanded=${isAll} onClick=${() => showAll(!isAll)}>
    ${isAll ? "Fewer" : `Also ${more.map((metric) => nameOf(metric).toLowerCase()).join(", ")}`}</button>`}</div>`;
}

function Trace({ metric, traces, excursions, from, to, last, zone, nowMs }) {
  const box = useRef(null);
  const plot = useRef(null);
  const facts = useRef({});
  const data = columns(traces);
  const low = traces.find((trace) => trace.low_milli != null)?.low_milli;
  const high = traces.find((trace) => trace.high_milli != null)?.high_milli;
  facts.current = { excursions, nowMs, low: low == null ? null : low / 1000, high: high == null ? null : high / 1000, from, to };
  const shape = `${metric}/${last}/${zone}`;

  useEffect(() => {
    const make = () => {
      if (!box.current) return; // put away already
      plot.current?.destroy();
      plot.current = new uPlot(options(box.current, metric, last, zone, facts), data, box.current);
    };
    make();
    const sized = new ResizeObserver(() => box.current && plot.current?.setSize({ width: box.current.clientWidth, height: HEIGHT + (last ? AXIS : 0) }));
    sized.observe(box.current);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", make);
    return () => {
      sized.disconnect();
      dark.removeEventListener("change", make);
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape]);
  useEffect(() => {
    plot.current?.setData(data, true);
  }, [traces, from, to, excursions.length]);

  const out = excursions.some((one) => one.state === "open");
  return html`<figure class="trace">
    <figcaption><b>${nameOf(metric)}</b> <${Reading} metric=${metric} data=${data} unit=${traces[0].unit} nowMs=${nowMs} />
      <span class="limits">${limitText(facts.current, traces[0].unit)}</span>
      ${excursions.length > 0 && html`<span class="pill alarm">${out ? "out of limits" : "was out of limits"}</span>`}</figcaption>
    <div class="plot" ref=${box} role="img" aria-label=${`${nameOf(metric)} from ${clockText(from)} to ${clockText(to)}`}></div>
  </figure>`;
}

function limitText({ low, high }, unit) {
  if (low == null && high == null) return "";
  if (low == null || (low === 0 && high != null)) return `up to ${number(high)} ${unit}`;
  return high == null ? `from ${number(low)} ${unit}` : `${number(low)} to ${number(high)} ${unit}`;
}

/** The value under the pointer, else the last one. */
function Reading({ metric, data, unit, nowMs }) {
  const at = pointed.value / 1000;
  let n = data[0].length - 1;
  if (at) {
    n = data[0].findIndex((s) => s >= at);
    if (n < 0) n = data[0].length - 1;
    if (n > 0 && data[1][n] != null && data[1][n - 1] != null && at - data[0][n - 1] < data[0][n] - at) n -= 1;
  } else {
    while (n > 0 && data[1][n] == null) n -= 1;
  }
  const value = data[1][n];
  return html`<span class="reading">${value == null ? "no reading" : SWITCHES.has(metric) ? switchText(value) : `${number(Math.round(value * 10) / 10)} ${unit}`} <small>${momentText(data[0][n] * 1000, nowMs)}</small></span>`;
}

function options(box, metric, last, zone, facts) {
  const style = getComputedStyle(box);
  const colour = (name) => style.getPropertyValue(name).trim();
  const font = "12px Inter, system-ui, sans-serif";
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font };
  return {
    width: box.clientWidth,
    height: HEIGHT + (last ? AXIS : 0),
    legend: { show: false },
    padding: [8, 20, last ? 0 : 6, 0],
    tzDate: (s) => uPlot.tzDate(new Date(s * 1000), zone),
    cursor: { sync: { key: "traces", setSeries: false }, drag: { x: false, y: false }, points: { size: 7 }, y: false },
    scales: {
      x: { time: true, range: () => [facts.current.from / 1000, facts.current.to / 1000] },
      y: { range: (_, min, max) => span(metric, min, max, facts.current) },
    },
    axes: [
      { ...axis, show: true, size: last ? AXIS : 0, values: last ? (_, splits) => splits.map((s) => clockText(s * 1000)) : () => [], space: 70, incrs: [60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400] },
      SWITCHES.has(metric) ? { ...axis, size: LEFT, splits: () => [0, 1], values: () => ["closed", "open"] }
        : { ...axis, size: LEFT, space: 28, values: (_, splits) => splits.map((v) => number(v)) },
    ],
    series: [
      {},
      { stroke: colour("--stage-2"), width: 2, points: { show: (u) => u.data[0].length < 3 }, spanGaps: false },
      { stroke: "transparent", points: { show: false }, spanGaps: false },
      { stroke: "transparent", points: { show: false }, spanGaps: false },
    ],
    bands: [{ series: [3, 2], fill: colour("--band") }],
    hooks: {
      drawClear: [(u) => drawOut(u, facts.current, colour("--alarm"))],
      draw: [(u) => drawLimits(u, facts.current, colour("--alarm"))],
      setCursor: [(u) => (pointed.value = u.cursor.left >= 0 ? u.posToVal(u.cursor.left, "x") * 1000 : 0)],
    },
  };
}

function span(metric, min, max, { low, high }) {
  if (SWITCHES.has(metric)) return [-0.15, 1.15];
  if (min == null) return [0, 1];
  const height = Math.max(max - min, FLOOR[metric] ?? 1);
  // A limit is drawn where it is not so far off that the trace would be flat.
  if (high != null && high - max < height * 4) max = Math.max(max, high);
  if (low != null && min - low < height * 4) min = Math.min(min, low);
  const pad = Math.max(height, max - min) * 0.12;
  const floor = min >= 0 && !(low < 0) ? 0 : -Infinity;
  return [Math.max(floor, min - pad), Math.max(max + pad, min + height)];
}

function drawOut(u, { excursions, nowMs }, colour) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.fillStyle = colour;
  for (const one of excursions) {
    const left = Math.max(bbox.left, u.valToPos(one.from_ms / 1000, "x", true));
    const right = Math.min(bbox.left + bbox.width, u.valToPos((one.to_ms || nowMs) / 1000, "x", true));
    if (right < bbox.left || left > bbox.left + bbox.width) continue;
    ctx.globalAlpha = 0.13;
    ctx.fillRect(left, bbox.top, Math.max(2, right - left), bbox.height);
    ctx.globalAlpha = 0.9;
    ctx.fillRect(left, bbox.top, Math.max(2, right - left), 3 * devicePixelRatio);
  }
  ctx.restore();
}

function drawLimits(u, { low, high }, colour) {
  const { ctx, bbox } = u;
  ctx.save();
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.25 * devicePixelRatio;
  ctx.setLineDash([5 * devicePixelRatio, 4 * devicePixelRatio]);
  for (const limit of [low, high]) {
    if (limit == null) continue;
    const y = u.valToPos(limit, "y", true);
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

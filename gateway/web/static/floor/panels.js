// Figures, orders by state and by cut-off, who walks, what just happened.
import { figures, floorTime, streamState } from "../lib/feed.js";
import { clockSeconds, many, momentText, number, spanText } from "../lib/time.js";
import { html } from "../lib/ui.js";
import { chosen } from "./map.js";
import { block, latest, pace, plans, tours } from "./state.js";

/** States in the order in which an order goes through them, with how far that is: 0 waits, 1 on the floor, 2 packed, 3 left. */
export const STATES = [
  ["backordered", 0, "waits for stock"], ["reserved", 0, "stock promised"], ["released", 1, "on a tour"], ["picked", 1, "waits for a packer"],
  ["packed", 2, "waits for the truck"], ["shipped", 3, "with the carrier"], ["delivered", 3, "at the door"],
  ["returned", 3, "came back"], ["cancelled", 3, "called off"],
];
const STAGE = new Map(STATES.map(([name, stage]) => [name, stage]));
const CUT_OFFS = 6;
const WALKERS = 30; // pickers listed by name
const PLANS = 6;

export const stageOf = (state) => STAGE.get(state.replace(/^partly /, "")) ?? 0;

/** The seven numbers a shift leader looks at. */
export function Figures() {
  const told = figures.value;
  const orders = told?.orders;
  const house = orders ? Object.entries(orders.by_state).reduce((sum, [state, n]) => sum + (stageOf(state) < 3 ? n : 0), 0) : null;
  const open = told?.excursions.open;
  return html`<section class="figures" aria-label="Figures now">
    <${Figure} name="Lines an hour" value=${told?.lines.per_hour} wide><${Pace} /><//>
    <${Figure} name="Orders in the house" value=${house} note=${orders && `${number(orders.placed)} placed`} way="orders" />
    <${Figure} name="Late" value=${orders?.late} alarm=${orders?.late > 0} note=${orders && (orders.late ? "past their cut-off" : "none past cut-off")} way="orders/late" />
    <${Figure} name="Delivered" value=${orders?.delivered} note=${orders && `${number(orders.shipped)} left the house`} way="orders/delivered" />
    <${Figure} name="Walking" value=${told?.work.tours_taken} note=${told && `${many(told.work.tours_open, "tour")} open`} way="tours" />
    <${Figure} name="Readings a second" value=${told?.readings.per_second} note=${told && (told.readings.devices === null ? "no devices here" : many(told.readings.devices, "device"))} />
    <${Figure} name="Excursions" value=${open} alarm=${open > 0} note=${told && (told.excursions.total === null ? "nothing is watched" : `${number(told.excursions.total)} in all`)} link="/shipments#excursions" />
  </section>`;
}

function Figure({ name, value, note, alarm, way, link, wide, children }) {
  const inside = html`<span class="name">${name}</span><span class="value">${number(value)}</span>
    ${children ?? html`<span class="note">${note || " "}</span>`}`;
  const look = `figure ${alarm ? "alarm" : ""} ${wide ? "wide" : ""}`;
  const goes = link ?? (way ? `#${way}` : null);
  return goes ? html`<a class=${look} href=${goes}>${inside}</a>` : html`<div class=${look}>${inside}</div>`;
}

/** The line of lines an hour since the page knows them. */
function Pace() {
  const kept = pace.value;
  if (kept.length < 2) return html`<span class="note">picks of the last floor hour</span>`;
  const [from, to] = [kept[0][0], kept[kept.length - 1][0]];
  const most = Math.max(1, ...kept.map(([, v]) => v));
  const at = ([ms, v]) => `${(((ms - from) / (to - from)) * 100).toFixed(1)} ${(30 - (v / most) * 28).toFixed(1)}`;
  const line = kept.map(at).join("L");
  return html`<svg class="pace" viewBox="0 0 100 31" preserveAspectRatio="none" role="img" aria-label=${`Lines an hour over ${spanText(to - from)}, at most ${most}`}>
    <path class="under" d=${`M0 31L${line}L100 31z`} /><path class="line" d=${`M${line}`} vector-effect="non-scaling-stroke" />
  </svg>`;
}

/** Orders by state; each row leads to its orders. */
export function ByState() {
  const counts = figures.value?.orders.by_state ?? {};
  const total = STATES.map(([state, stage, means]) => {
    const partly = counts[`partly ${state}`] ?? 0;
    return { state, stage, means, count: (counts[state] ?? 0) + partly };
  }).filter((row) => row.count || row.stage === 1 || ["reserved", "packed", "shipped", "delivered"].includes(row.state));
  const most = Math.max(1, ...total.map((row) => row.count));
  return html`<section class="card" aria-label="Orders by state">
    <h2>Orders by state</h2>
    <ul class="bars">${total.map((row) => html`<li key=${row.state}>
      <a href=${`#orders/${row.state}`} title=${row.means}>
        <span class="label">${row.state}</span>
        <span class="track"><span class=${`fill stage-${row.stage}`} style=${`width:${(row.count / most) * 100}%`}></span></span>
        <span class="count">${number(row.count)}</span></a></li>`)}</ul>
  </section>`;
}

/** What has to leave with which truck. */
export function ByCutOff() {
  const told = figures.value;
  const rows = (told?.orders.by_cut_off ?? []).slice(0, CUT_OFFS).map(({ cut_off_ms, by_state }) => {
    const stages = [0, 0, 0, 0];
    for (const [state, n] of Object.entries(by_state)) stages[stageOf(state)] += n;
    return { cut_off_ms, stages, total: stages.reduce((a, b) => a + b, 0) };
  });
  const most = Math.max(1, ...rows.map((row) => row.total));
  const now = floorTime.now();
  return html`<section class="card" aria-label="Open orders by cut-off">
    <h2>By cut-off</h2>
    ${rows.length === 0 && html`<p class="empty">No order is open.</p>`}
    <ul class="bars cut-offs">${rows.map((row) => {
      const left = row.cut_off_ms - now;
      const late = left < 0 && row.stages[0] + row.stages[1] + row.stages[2] > 0;
      return html`<li key=${row.cut_off_ms}><span class="row">
        <span class="label">${momentText(row.cut_off_ms, now)}<small class=${late ? "late" : ""}>${left < 0 ? `${spanText(left)} ago` : `in ${spanText(left)}`}</small></span>
        <span class="track" title=${`${row.stages[0]} wait, ${row.stages[1]} on the floor, ${row.stages[2]} packed, ${row.stages[3]} left`}>
          ${row.stages.map((n, stage) => n > 0 && html`<span class=${`fill stage-${stage}`} style=${`width:${(n / most) * 100}%`}></span>`)}</span>
        <span class="count">${number(row.total)}</span></span></li>`;
    })}</ul>
    <p class="legend" aria-hidden="true">${["waiting", "on the floor", "packed", "left"].map((name, stage) => html`<span class="key"><i class=${`stage-${stage}`}></i>${name}</span>`)}</p>
  </section>`;
}

/** Everybody who walks, by name. */
export function Walkers() {
  const rows = [...tours.value].sort((a, b) => a.picker.localeCompare(b.picker));
  return html`<section class="card" aria-label="Pickers on tours">
    <div class="card-head"><h2>On tours</h2><a href="#tours" class="more">open tours</a></div>
    ${rows.length === 0 && html`<p class="empty">Nobody walks now.</p>`}
    <ul class="walkers">${rows.slice(0, WALKERS).map((tour) => {
      const done = tour.stops.filter((stop) => stop.state !== "open").length;
      const next = tour.stops.find((stop) => stop.state === "open");
      return html`<li key=${tour.tour}><a href=${`#tour/${tour.tour}`} onMouseEnter=${() => (chosen.value = tour.tour)} onMouseLeave=${leave}>
        <span class="label">${tour.picker}</span>
        <span class="next">${next ? next.location : "to the packers"}</span>
        <progress value=${done} max=${tour.stops.length || 1} aria-label=${`${done} of ${tour.stops.length} stops done`}></progress>
        <span class="count">${done}/${tour.stops.length}</span></a></li>`;
    })}</ul>
    ${rows.length > WALKERS && html`<p class="note">${number(rows.length - WALKERS)} more walk; <a href="#tours">all tours</a></p>`}
  </section>`;
}

/** How good the plans are: what they cost, what no plan can beat, what fell back or stayed out. */
export function Plans() {
  const rows = plans.value.slice(0, PLANS);
  const proven = plans.value.filter((plan) => plan.gap !== null);
  const sum = (name) => proven.reduce((total, plan) => total + plan[name], 0);
  return html`<section class="card" aria-label="Latest plans">
    <div class="card-head"><h2>Plans</h2><a href="#plans" class="more">all plans</a></div>
    ${proven.length > 0 && html`<p class="note">Last ${many(proven.length, "plan")}: ${metres(sum("length_mm"))} m, no plan below ${metres(sum("lower_bound_mm"))} m: gap ${percent(1 - sum("lower_bound_mm") / sum("length_mm"))}</p>`}
    ${(block.value?.blocked ?? []).map((one) => html`<p class="alarm-text">Aisle ${one.aisle} is blocked: ${one.cause}</p>`)}
    ${rows.length === 0 && html`<p class="empty">Nothing was planned yet.</p>`}
    <ul class="plans">${rows.map((plan) => html`<li key=${plan.number}><a href="#plans" class=${plan.cause || plan.unplanned.length ? "doubt" : ""} title=${planText(plan)}>
      <time>${clockSeconds(plan.at_ms).slice(0, 5)}</time>
      <span class="label">${many(plan.planned, "part")}, ${many(plan.tours, "tour")}${plan.unplanned.length ? `, ${plan.unplanned.length} left out` : ""}</span>
      <span class="count">${metres(plan.length_mm)} m</span>
      <span class="gap">${plan.gap === null ? (plan.cause ? "S-shape" : "–") : percent(plan.gap)}</span></a></li>`)}</ul>
  </section>`;
}

export const metres = (mm) => number(Math.round(mm / 1000));
export const percent = (share) => `${(share * 100).toFixed(1)} %`;
export const planText = (plan) =>
  [
    `planned by ${plan.planner}${plan.cause ? `: ${plan.cause}` : ""}`,
    plan.lower_bound_mm ? `no plan below ${metres(plan.lower_bound_mm)} m` : "no lower bound",
    plan.took_ms ? `${number(plan.took_ms)} ms` : "",
    ...plan.unplanned.map(([part, reason]) => `${part}: ${reason}`),
  ].filter(Boolean).join("; ");

const leave = () => {
  if (!location.hash.startsWith("#tour/")) chosen.value = "";
};

/** The last events, in words. */
export function Latest() {
  const rows = latest.value.slice(0, 18);
  return html`<section class="card latest" aria-label="What just happened">
    <div class="card-head"><h2>Just now</h2><span class=${`live ${streamState.value}`}>${streamState.value === "open" ? "live" : "not live"}</span></div>
    ${rows.length === 0 && html`<p class="empty">Nothing yet since this page was opened.</p>`}
    <ol>${rows.map((one) => html`<li key=${one.number} class=${one.sort}>
      <time>${clockSeconds(one.at_ms)}</time>
      ${one.way ? html`<a href=${`#${one.way}`}>${one.text}</a>` : html`<span>${one.text}</span>`}</li>`)}</ol>
  </section>`;
}

/** Work that waits for somebody. */
export function Waiting() {
  const work = figures.value?.work;
  const rows = [
    ["Parts without a tour", work?.parts_waiting], ["Picked, for a packer", work && work.parts_picked + work.parts_packing],
    ["Parcels for a truck", work?.parcels_labelled], ["Counts", work?.counts_open], ["Receipts", work?.purchases_open], ["Returns", work?.returns_open],
  ];
  const ill = (figures.value?.backlogs ?? []).filter((one) => !one.ok);
  return html`<section class="card" aria-label="Work that waits">
    <h2>Waiting</h2>
    <dl class="waiting">${rows.map(([name, count]) => html`<div><dt>${name}</dt><dd>${number(count)}</dd></div>`)}</dl>
    ${ill.map((one) => html`<p class="alarm-text">Behind: ${one.name} (${number(one.count)})</p>`)}
  </section>`;
}

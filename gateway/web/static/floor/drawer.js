// The rows behind a number: orders of a state, one order, tours, one tour, a bay. The address says which, so that it can be sent and gone back to.
import { get, post } from "../lib/api.js";
import { useAnswer } from "../lib/asking.js";
import { figures, floorTime } from "../lib/feed.js";
import { clockSeconds, dayText, many, momentText, number } from "../lib/time.js";
import { html, signal, useEffect, useRef, useState } from "../lib/ui.js";
import { chosen } from "./map.js";
import { metres, percent, STATES } from "./panels.js";
import { bins, block, plans, touched } from "./state.js";

const way = signal(read());

function read() {
  const [kind, ...rest] = decodeURIComponent(location.hash.slice(1)).split("/");
  return { kind, name: rest.join("/") };
}

addEventListener("hashchange", () => {
  way.value = read();
  chosen.value = way.value.kind === "tour" ? way.value.name : "";
});

const VIEWS = { orders: Orders, order: Order, tours: Tours, tour: Tour, plans: Plans, bay: Bay };

/** The drawer at the side; nothing while the address names nothing. */
export function Drawer() {
  const { kind, name } = way.value;
  const View = VIEWS[kind];
  const element = useRef(null);
  useEffect(() => {
    if (View) {
      chosen.value = kind === "tour" ? name : "";
      element.current.querySelector(".leave").focus({ preventScroll: true });
    }
  }, [kind, name]);
  if (!View) return null;
  return html`<aside class="drawer" ref=${element} aria-label="Details" onKeyDown=${(event) => event.key === "Escape" && leave()}>
    <button type="button" class="leave" aria-label="Close" onClick=${leave}>✕</button>
    <${View} name=${name} key=${`${kind}/${name}`} />
  </aside>`;
}

const leave = () => {
  history.pushState(null, "", location.pathname);
  way.value = read();
  chosen.value = "";
};

const Missing = ({ why }) => (why ? html`<p class="empty">${why}</p>` : html`<p class="empty" aria-busy="true">Asking …</p>`);

function Orders({ name }) {
  const now = floorTime.now();
  const [told, why] = useAnswer(async () => {
    if (name === "" || name === "late") {
      const found = (await get("/api/orders", { limit: 1000 })).orders.filter((o) => !["delivered", "shipped", "returned", "cancelled"].includes(o.state));
      return name === "late" ? found.filter((o) => o.cut_off_ms && o.cut_off_ms < floorTime.now()) : found;
    }
    const [whole, partly] = await Promise.all([
      get("/api/orders", { state: name, limit: 200 }),
      get("/api/orders", { state: `partly ${name}`, limit: 200 }).catch(() => ({ orders: [] })),
    ]);
    return [...partly.orders, ...whole.orders];
  }, [name]);
  const means = STATES.find(([state]) => state === name)?.[2];
  return html`<h2>${name === "late" ? "Orders past their cut-off" : name ? `Orders ${name}` : "Orders in the house"}</h2>
    ${means && html`<p class="note">${means}</p>`}
    ${!told ? html`<${Missing} why=${why} />` : told.length === 0 ? html`<p class="empty">None.</p>` : html`<div class="rows"><table>
      <thead><tr><th scope="col">Order</th><th scope="col">State</th><th scope="col" class="n">Lines</th><th scope="col" class="n">Units</th><th scope="col">Cut-off</th></tr></thead>
      <tbody>${told.slice(0, 200).map((o) => html`<tr key=${o.order_id}>
        <td><a href=${`#order/${o.order_id}`}>${o.reference}</a></td><td>${o.state}</td><td class="n">${number(o.lines)}</td><td class="n">${number(o.units)}</td>
        <td class=${o.cut_off_ms && o.cut_off_ms < now && !["shipped", "delivered", "returned", "cancelled"].includes(o.state) ? "late" : ""}>${momentText(o.cut_off_ms, now)}</td></tr>`)}</tbody>
    </table></div>${told.length > 200 && html`<p class="note">${many(told.length - 200, "more order")} not shown.</p>`}`}`;
}

function Order({ name }) {
  const [told, why] = useAnswer(() => get(`/api/orders/${encodeURIComponent(name)}`), [name]);
  if (!told) return html`<h2>Order</h2><${Missing} why=${why} />`;
  const now = floorTime.now();
  return html`<h2>Order ${told.reference}</h2>
    <p class="lead"><span class="pill">${told.state}</span> ${told.why}</p>
    <dl class="facts">
      <div><dt>Placed</dt><dd>${momentText(told.placed_at_ms, now)}</dd></div><div><dt>Channel</dt><dd>${told.channel}</dd></div>
      <div><dt>Carrier</dt><dd>${told.carrier}</dd></div><div><dt>To</dt><dd>${told.country}</dd></div>
    </dl>
    <h3>Lines</h3>
    <div class="rows"><table><thead><tr><th scope="col">SKU</th><th scope="col" class="n">Ordered</th><th scope="col">Where it stands</th></tr></thead>
      <tbody>${told.lines.map((l) => html`<tr key=${l.line}><td>${l.sku}</td><td class="n">${number(l.ordered)}</td>
        <td>${Object.entries(l.buckets).map(([state, n]) => `${number(n)} ${state}`).join(", ")}</td></tr>`)}</tbody></table></div>
    ${told.parts.length > 0 && html`<h3>Parts</h3><ul class="plain">${told.parts.map((p) => html`<li key=${p.part}><b>${p.part}</b> ${p.state}${p.tour ? html`, <a href=${`#tour/${p.tour}`}>tour ${p.tour}</a>` : ""}</li>`)}</ul>`}
    ${told.parcels.length > 0 && html`<h3>Parcels</h3><ul class="plain">${told.parcels.map((p) => html`<li key=${p.parcel}><a href=${`/shipments#parcel/${encodeURIComponent(p.parcel)}`}>${p.parcel}</a> ${p.status.replace(/_/g, " ")}, ${momentText(p.status_at_ms, now)}</li>`)}</ul>`}
    ${told.returns.length > 0 && html`<h3>Returns</h3><ul class="plain">${told.returns.map((r) => html`<li key=${r.rma}><b>${r.rma}</b> ${number(r.quantity)} × ${r.sku}, ${r.state}</li>`)}</ul>`}
    <h3>What happened</h3>
    <ol class="story">${[...told.events].reverse().slice(0, 40).map((e) => html`<li key=${e.number}><time title=${dayText(e.at_ms)}>${clockSeconds(e.at_ms)}</time> ${e.kind.replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase()}</li>`)}</ol>`;
}

function Tours() {
  const [told, why] = useAnswer(async () => {
    const [open, taken] = await Promise.all([get("/api/tours", { state: "open" }), get("/api/tours", { state: "taken" })]);
    return { open: open.tours, taken: taken.tours };
  }, []);
  const now = floorTime.now();
  return html`<h2>Tours</h2>
    ${!told ? html`<${Missing} why=${why} />` : html`${[["taken", "Being walked"], ["open", "Waiting for a picker"]].map(([state, title]) => html`
      <h3>${title} <span class="note">${told[state].length}</span></h3>
      ${told[state].length === 0 ? html`<p class="empty">None.</p>` : html`<div class="rows"><table>
        <thead><tr><th scope="col">Tour</th>${state === "taken" && html`<th scope="col">Picker</th>`}<th scope="col" class="n">Stops open</th><th scope="col" class="n">Metres</th><th scope="col">Cut-off</th></tr></thead>
        <tbody>${told[state].map((t) => html`<tr key=${t.tour}><td><a href=${`#tour/${t.tour}`}>${shortName(t.tour)}</a></td>${state === "taken" && html`<td>${t.picker}</td>`}
          <td class="n">${t.open_picks}/${t.picks}</td><td class="n">${number(Math.round(t.length_mm / 1000))}</td><td>${momentText(t.cut_off_ms, now)}</td></tr>`)}</tbody>
      </table></div>`}`)}`}`;
}

function Plans() {
  const now = floorTime.now();
  const told = plans.value;
  return html`<h2>Plans</h2>
    <p class="note">The bound is a length that no plan for the same parts can beat; the gap is how far a plan may be above it at most.</p>
    ${told.length === 0 ? html`<p class="empty">Nothing was planned yet.</p>` : html`<div class="rows"><table>
      <thead><tr><th scope="col">Made</th><th scope="col">By</th><th scope="col" class="n">Parts</th><th scope="col" class="n">Tours</th><th scope="col" class="n">Metres</th><th scope="col" class="n">Bound</th><th scope="col" class="n">Gap</th><th scope="col" class="n">ms</th></tr></thead>
      <tbody>${told.map((p) => html`<tr key=${p.number}><td>${momentText(p.at_ms, now)}</td><td>${p.planner}</td><td class="n">${number(p.planned)}</td><td class="n">${number(p.tours)}</td>
        <td class="n">${metres(p.length_mm)}</td><td class="n">${p.lower_bound_mm ? metres(p.lower_bound_mm) : "–"}</td><td class="n">${p.gap === null ? "–" : percent(p.gap)}</td><td class="n">${p.took_ms ? number(p.took_ms) : "–"}</td></tr>
        ${p.cause && html`<tr class="faint"><td></td><td colspan="7">S-shape: ${p.cause}</td></tr>`}
        ${p.unplanned.map(([part, reason]) => html`<tr class="faint"><td></td><td colspan="7">${part} has no walk: ${reason}</td></tr>`)}`)}</tbody>
    </table></div>`}`;
}

const shortName = (name) => (name.length > 14 ? `…${name.slice(-10)}` : name);

function Tour({ name }) {
  const [told, why] = useAnswer(() => get(`/api/tours/${encodeURIComponent(name)}`), [name]);
  if (!told) return html`<h2>Tour</h2><${Missing} why=${why} />`;
  const now = floorTime.now();
  const next = told.stops.find((stop) => stop.state === "open");
  return html`<h2>Tour ${shortName(told.tour)}</h2>
    <p class="lead"><span class="pill">${told.state}</span> ${told.picker ? `by ${told.picker}` : "waits for a picker"}${next && told.picker ? `, next ${next.location}` : ""}</p>
    <dl class="facts">
      <div><dt>Length</dt><dd>${number(Math.round(told.length_mm / 1000))} m</dd></div><div><dt>Planned by</dt><dd>${told.planner || "–"}</dd></div>
      <div><dt>Taken</dt><dd>${momentText(told.taken_at_ms, now)}</dd></div><div><dt>First truck</dt><dd>${momentText(told.cut_off_ms, now)}</dd></div>
    </dl>
    ${told.state === "taken" && html`<${Gone} tour=${told} key=${told.picker} />`}
    <div class="rows"><table>
      <thead><tr><th scope="col" class="n">Stop</th><th scope="col">Location</th><th scope="col">SKU</th><th scope="col" class="n">Units</th><th scope="col">State</th></tr></thead>
      <tbody>${told.stops.map((s) => html`<tr key=${s.number} class=${s === next ? "is-next" : ""}><td class="n">${s.number}</td><td>${s.location}</td><td>${s.sku}</td><td class="n">${s.state === "open" ? number(s.quantity) : `${number(s.picked)}/${number(s.quantity)}`}</td>
        <td>${s.state === "open" ? "open" : html`${s.state} <small>${momentText(s.done_at_ms, now)}</small>`}</td></tr>`)}</tbody>
    </table></div>`;
}

/** For a dispatcher: the picker is gone, so the rest of the tour is for whoever comes. Two clicks. */
function Gone({ tour }) {
  const [state, set] = useState("");
  const leave = async () => {
    set("asking");
    try {
      await post(`/api/tours/${encodeURIComponent(tour.tour)}/leave`, { picker: tour.picker, cause: "opened by the dispatcher" });
      set("done");
    } catch (error) {
      set(error.message);
    }
  };
  if (state === "sure") {
    return html`<p class="deed"><button type="button" class="secondary" name="leave" onClick=${leave}>Yes, give the rest to somebody else</button> <button type="button" class="secondary" onClick=${() => set("")}>No</button></p>`;
  }
  return html`<p class="deed"><button type="button" class="secondary" disabled=${state === "asking" || state === "done"} onClick=${() => set("sure")}>${tour.picker} is gone</button>
    ${state && !["asking", "done"].includes(state) && html` <span class="alarm-text">${state}</span>`}</p>`;
}

/** For a dispatcher: an aisle nobody can enter, and when it is open again. Two clicks. */
function Aisle({ aisle }) {
  const [state, set] = useState("");
  if (aisle === undefined) return null;
  const isBlocked = (block.value?.blocked ?? []).some((one) => one.aisle === aisle);
  const act = async () => {
    set("");
    try {
      await post(`/api/commands/${isBlocked ? "OpenAisle" : "BlockAisle"}`, isBlocked ? { aisle } : { aisle, cause: "blocked by the dispatcher" });
    } catch (error) {
      set(error.message);
    }
  };
  if (state === "sure") {
    return html`<p class="deed"><button type="button" class="secondary" name="aisle" onClick=${act}>Yes, ${isBlocked ? "open" : "block"} aisle ${aisle}</button> <button type="button" class="secondary" onClick=${() => set("")}>No</button></p>`;
  }
  return html`<p class="deed"><button type="button" class="secondary" onClick=${() => set("sure")}>${isBlocked ? "Open" : "Block"} aisle ${aisle}</button> ${state && html`<span class="alarm-text">${state}</span>`}</p>`;
}

function Bay({ name }) {
  const places = name.split(",").slice(0, 12);
  const changed = Math.max(0, ...places.map((place) => touched.value[place] ?? 0));
  const [told, why] = useAnswer(async () => Promise.all(places.map((place) => get("/api/stock", { place }))), [name], 2_000, changed);
  return html`<h2>Bay ${places[0].replace(/-\d+$/, "")}</h2>
    <${Aisle} aisle=${bins.value.find((bin) => bin.location === places[0])?.aisle} />
    ${!told ? html`<${Missing} why=${why} />` : html`<div class="rows"><table>
      <thead><tr><th scope="col">Location</th><th scope="col">SKU</th><th scope="col" class="n">On hand</th><th scope="col" class="n">Reserved</th><th scope="col">Status</th></tr></thead>
      <tbody>${told.flatMap((one, n) => one.rows.length ? one.rows.map((row) => html`<tr><td>${places[n]}</td><td>${row.sku}${row.lot ? ` · ${row.lot}` : ""}</td><td class="n">${number(row.on_hand)}</td><td class="n">${number(row.reserved)}</td><td>${row.status}</td></tr>`)
        : [html`<tr class="faint"><td>${places[n]}</td><td colspan="4">empty</td></tr>`])}</tbody>
    </table></div>`}`;
}

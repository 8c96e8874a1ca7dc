// Conditions: parcels, excursions, devices; what was measured of each, and what was put on hold.
import { get } from "../lib/api.js";
import { useAnswer } from "../lib/asking.js";
import * as feed from "../lib/feed.js";
import { Shell } from "../lib/shell.js";
import { clockSeconds, many, momentText, number, setZone, spanText } from "../lib/time.js";
import { Component, html, mount, signal, useEffect } from "../lib/ui.js";
import { latest, trouble, watch } from "./live.js";
import { Track } from "./track.js";
import { nameOf, Traces } from "./traces.js";

const LISTED = 1_000; // parcels asked for
const SHOWN = 200; // … and shown
const DEVICES = 500; // devices shown
const LIST_EVERY_MS = 4_000;
const AROUND_MS = 3_600_000; // of a device's trace before and after an excursion
const DEVICE_MS = 8 * 3_600_000; // of a device's trace without one
const STEPS = 400;
const WATCHED = ["temperature_c", "humidity_pct", "shock_mps2", "door_open", "gross_g"];
const STATUSES = ["packed", "labelled", "loaded", "in_transit", "out_for_delivery", "failed_attempt", "lost", "delivered", "delivered_in_error"];
const TABS = [["parcels", "Parcels"], ["excursions", "Excursions"], ["devices", "Devices"]];

const zone = signal("UTC");
const tab = signal("parcels");
const status = signal("");
const only = signal("measured"); // all, measured, excursion
const chosen = signal({ kind: "", name: "" });
const excursions = signal(null); // null until told; [] also where nothing is watched
const missing = signal("");

const words = (text) => text.replace(/_/g, " ");
const tail = (name) => (name.length > 14 ? `…${name.slice(-10)}` : name);
const valueText = (milli, unit) => `${number(Math.round(milli / 100) / 10)} ${unit}`;

function readAddress() {
  const [kind, ...rest] = decodeURIComponent(location.hash.slice(1)).split("/");
  const name = rest.join("/");
  if (TABS.some(([one]) => one === kind)) tab.value = kind;
  else if (["parcel", "excursion", "device"].includes(kind)) {
    tab.value = `${kind}s`;
    chosen.value = { kind, name };
  }
}

/** On a wide page something is shown at once: the newest excursion of a parcel, else the newest of all. */
function chooseFirst(found) {
  if (chosen.value.kind || location.hash || !matchMedia("(min-width: 821px)").matches) return;
  const one = found.find((row) => row.exposed[0]?.parcel) ?? found[0];
  if (!one) return;
  chosen.value = one.exposed[0]?.parcel ? { kind: "parcel", name: one.exposed[0].parcel } : { kind: "excursion", name: one.excursion };
}

/** The parcel an excursion is about, by name or "parcel:<sscc>". */
const isAbout = (one, parcel) => one.subject === `parcel:${parcel.sscc}` || one.exposed.some((row) => row.parcel === parcel.parcel);

function Page() {
  useEffect(() => {
    const ask = async () => {
      try {
        excursions.value = (await get("/api/excursions")).excursions;
        missing.value = "";
        chooseFirst(excursions.value);
      } catch (error) {
        if (error.status === 503 || error.error === "NoStore") {
          excursions.value = [];
          missing.value = "This gateway keeps no readings: it runs without a broker. Parcels and their scans are shown, traces are not.";
        }
      }
    };
    ask();
    const timer = setInterval(ask, LIST_EVERY_MS);
    return () => clearInterval(timer);
  }, []);
  return html`<${Shell} here="/shipments">
    <h1 class="unseen">Conditions of shipments</h1>
    ${missing.value && html`<p class="card notice">${missing.value}</p>`}
    <div class=${`conditions ${chosen.value.kind ? "has-one" : ""}`}>
      <section class="card list" aria-label="List">
        <div class="switch tabs" role="group" aria-label="What is listed">
          ${TABS.map(([name, text]) => html`<button type="button" aria-pressed=${tab.value === name} onClick=${() => (tab.value = name)}>
            ${text}${name === "excursions" && excursions.value?.some((one) => one.state === "open") ? html` <span class="count">${excursions.value.filter((one) => one.state === "open").length}</span>` : ""}</button>`)}
        </div>
        ${tab.value === "parcels" ? html`<${Parcels} />` : tab.value === "excursions" ? html`<${Excursions} />` : html`<${Devices} />`}
      </section>
      <section class="card one" aria-label="Details">${one()}</section>
    </div>
  <//>`;
}

function one() {
  const { kind, name } = chosen.value;
  if (kind === "parcel") return html`<${Parcel} name=${name} key=${name} />`;
  if (kind === "excursion") return html`<${ExcursionView} name=${name} key=${name} />`;
  if (kind === "device") return html`<${Device} name=${name} key=${name} />`;
  return html`<p class="empty tall">Choose a parcel, an excursion or a device to see what was measured.</p>`;
}

function Parcels() {
  const [told, why] = useAnswer(() => get("/api/shipments", { status: status.value, limit: LISTED }), [status.value], LIST_EVERY_MS);
  const out = excursions.value ?? [];
  const outOf = (parcel) => out.filter((one) => isAbout(one, parcel));
  const rows = (told?.shipments ?? []).filter((p) => only.value === "all" || (only.value === "measured" ? p.tracker || outOf(p).length : outOf(p).length));
  const now = feed.floorTime.now();
  return html`
    <div class="filters">
      <label>Status <select value=${status.value} onChange=${(e) => (status.value = e.target.value)}>
        <option value="">on the way</option>${STATUSES.map((s) => html`<option value=${s}>${words(s)}</option>`)}</select></label>
      <label>Show <select value=${only.value} onChange=${(e) => (only.value = e.target.value)}>
        <option value="measured">with a tracker</option><option value="excursion">with an excursion</option><option value="all">all</option></select></label>
    </div>
    ${!told ? html`<p class="empty" aria-busy=${!why}>${why || "Asking …"}</p>` : rows.length === 0 && html`<p class="empty">
      No such parcel${only.value === "all" ? "" : ` among ${many(told.shipments.length, "parcel")}`}.</p>`}
    <ul class="items">${rows.slice(0, SHOWN).map((p) => {
      const found = outOf(p);
      return html`<li key=${p.parcel}><a href=${`#parcel/${encodeURIComponent(p.parcel)}`} aria-current=${chosen.value.name === p.parcel ? "true" : null}>
        <span class="what">${tail(p.parcel)}</span>
        <span class="state">${words(p.status)}</span>
        <small>${p.carrier}${p.tracker ? ` · ${p.tracker}` : ""}</small>
        <small class="when">${found.length ? html`<span class="pill alarm">${found.some((one) => one.state === "open") ? "out of limits" : "excursion"}</span>` : momentText(p.status_at_ms, now)}</small></a></li>`;
    })}</ul>
    ${rows.length > SHOWN && html`<p class="note">${many(rows.length - SHOWN, "more parcel")} not shown.</p>`}`;
}

function Excursions() {
  const told = excursions.value;
  const now = feed.floorTime.now();
  if (!told) return html`<p class="empty" aria-busy="true">Asking …</p>`;
  if (!told.length) return html`<p class="empty">Nothing has been out of its limits.</p>`;
  return html`<ul class="items">${told.map((one) => html`<li key=${one.excursion}><a href=${`#excursion/${one.excursion}`} aria-current=${chosen.value.name === one.excursion ? "true" : null}>
    <span class="what">${nameOf(one.kind)} ${one.side}</span>
    <span class="state">${one.state === "open" ? html`<span class="pill alarm">lasts</span>` : one.state === "settled" ? `settled: ${one.decision}` : "to be decided"}</span>
    <small>${subjectText(one)}</small>
    <small class="when">${momentText(one.from_ms, now)}, ${spanText((one.to_ms || now) - one.from_ms)}</small></a></li>`)}</ul>`;
}

const subjectText = (one) => (one.subject.startsWith("parcel:") ? `parcel of order ${tail(one.exposed[0]?.order_id ?? one.subject)}` : one.subject);

function Devices() {
  useEffect(watch, []);
  const told = latest.value;
  if (missing.value) return html`<p class="empty">This gateway keeps no readings.</p>`;
  if (!told) return html`<p class="empty" aria-busy=${!trouble.value}>${trouble.value || "Asking …"}</p>`;
  const open = new Set((excursions.value ?? []).filter((one) => one.state === "open").map((one) => one.device));
  const rows = [...told].filter(([, metrics]) => WATCHED.some((name) => metrics.has(name))).sort(([a], [b]) => (a < b ? -1 : 1));
  if (!rows.length) return html`<p class="empty">No device has spoken yet.</p>`;
  const silent = rows.filter(([, metrics]) => [...metrics.values()].some((one) => one.stale)).length;
  return html`${trouble.value && html`<p class="empty">${trouble.value}</p>`}
    <p class="note">${many(rows.length, "device")}${silent ? `, ${number(silent)} silent` : ""}</p>
    <ul class="items">${rows.slice(0, DEVICES).map(([device, metrics]) => html`<${DeviceRow} key=${device} device=${device} metrics=${metrics}
      isOpen=${open.has(device)} isChosen=${chosen.value.name === device} />`)}</ul>
    ${rows.length > DEVICES && html`<p class="note">${many(rows.length - DEVICES, "more device")} not shown.</p>`}`;
}

/** A row is drawn again only when its device has said something. */
class DeviceRow extends Component {
  shouldComponentUpdate(next) {
    return ["metrics", "isOpen", "isChosen"].some((name) => next[name] !== this.props[name]);
  }

  render({ device, metrics, isOpen, isChosen }) {
    const told = WATCHED.map((name) => [name, metrics.get(name)]).filter(([, one]) => one);
    const shown = told.filter(([name]) => name !== "door_open").slice(0, 2);
    const word = told.some(([, one]) => one.stale) ? "silent" : metrics.get("door_open")?.value ? "door open" : shown.map(([name]) => nameOf(name).toLowerCase()).join(", ");
    return html`<li><a href=${`#device/${device}`} aria-current=${isChosen ? "true" : null}>
      <span class="what">${device}</span>
      <span class="state">${shown.map(([, one]) => `${number(Math.round(one.value * 10) / 10)} ${one.unit}`).join(" · ")}</span>
      <small>${word}</small>
      <small class="when">${isOpen ? html`<span class="pill alarm">out of limits</span>` : clockSeconds(Math.max(...told.map(([, one]) => one.at_ms)))}</small></a></li>`;
  }
}

function Parcel({ name }) {
  const [told, why] = useAnswer(() => get(`/api/shipments/${encodeURIComponent(name)}`), [name], LIST_EVERY_MS);
  if (!told) return html`<p class="empty" aria-busy=${!why}>${why || "Asking …"}</p>`;
  const now = feed.floorTime.now();
  const devices = new Set(told.bindings.map((row) => row.device)); // what was out of limits in a bin before is told below, not in these traces
  return html`
    <${Head} title=${`Parcel ${tail(told.parcel)}`} pill=${words(told.status)}
      more=${html`<a href=${`/#order/${told.order_id}`}>order ${tail(told.order_id)}</a>`} />
    <dl class="facts">
      <div><dt>Carrier</dt><dd>${told.carrier}</dd></div><div><dt>Tracking</dt><dd>${told.tracking || "–"}</dd></div>
      <div><dt>To</dt><dd>${told.country || "–"}</dd></div><div><dt>Weight</dt><dd>${number(told.weight_g / 1000)} kg</dd></div>
      <div><dt>Handed over</dt><dd>${momentText(told.handed_over_at_ms, now)}</dd></div><div><dt>Delivered</dt><dd>${momentText(told.delivered_at_ms, now)}</dd></div>
    </dl>
    ${told.series.length ? html`<${Traces} traces=${told.series} excursions=${told.excursions.filter((one) => devices.has(one.device))} nowMs=${now} zone=${zone.value} />
      <div class="below"><${Track} series=${told.series} nowMs=${now} /><${Scans} scans=${told.scans} nowMs=${now} /></div>`
      : html`<p class="empty">No tracker travels with it.</p><${Scans} scans=${told.scans} nowMs=${now} />`}
    ${told.excursions.map((one) => html`<${Case} one=${one} nowMs=${now} key=${one.excursion} />`)}
    <h3>Inside</h3>
    <ul class="plain">${told.lines.map((row) => html`<li>${number(row.quantity)} × ${row.sku}</li>`)}</ul>`;
}

function Head({ title, pill, alarm, more }) {
  return html`<div class="card-head"><h2>${title} ${pill && html`<span class=${`pill ${alarm ? "alarm" : ""}`}>${pill}</span>`}</h2><span>${more} <a class="back" href="#${tab.value}" onClick=${() => (chosen.value = { kind: "", name: "" })}>back</a></span></div>`;
}

function Scans({ scans, nowMs }) {
  return html`<div><h3>On its way</h3>${scans.length === 0 && html`<p class="empty">Nobody has scanned it yet.</p>`}
    <ol class="plain">${[...scans].reverse().map((scan) => html`<li><time>${momentText(scan.at_ms, nowMs)}</time> ${words(scan.status)} <small class="note">${scan.source}${scan.proof ? `, ${scan.proof}` : ""}</small></li>`)}</ol></div>`;
}

/** What was found, what was on hold for it, what was decided. */
function Case({ one, nowMs }) {
  const held = one.exposed.filter((row) => row.what === "held");
  const flagged = one.exposed.filter((row) => row.what !== "held");
  return html`<div class="case"><h3>${nameOf(one.kind)} ${one.side === "high" ? "above" : "below"} ${valueText(one.limit_milli, one.unit)}</h3>
    <p>${momentText(one.from_ms, nowMs)} to ${one.to_ms ? momentText(one.to_ms, nowMs) : "now"}, at worst <b>${valueText(one.peak_milli, one.unit)}</b>.
      ${" "}${one.state === "settled" ? `Decided: ${one.decision} by ${one.decided_by}.` : one.state === "ended" ? "Somebody has to decide." : "It lasts."}</p>
    ${[[held, "On hold"], [flagged, "Flagged in orders"]].map(([rows, title]) => rows.length > 0 && html`<h4>${title}</h4><ul class="plain">${rows.map((row) => html`<li>
      ${number(row.quantity)} × ${row.sku}${row.lot ? ` lot ${row.lot}` : ""} <small class="note">${row.order_id ? html`<a href=${`/#order/${row.order_id}`}>order ${tail(row.order_id)}</a>` : `at ${row.place}`}</small></li>`)}</ul>`)}
    ${one.exposures > one.exposed.length && html`<p class="note">and ${many(one.exposures - one.exposed.length, "more row")}</p>`}
    ${one.exposures === 0 && html`<p class="note">Nothing was there.</p>`}
  </div>`;
}

/** Readings of a device's metrics between two moments, as traces. */
async function tracesOf(device, metrics, fromMs, toMs) {
  const stepMs = Math.max(60_000, Math.ceil((toMs - fromMs) / STEPS));
  const told = await Promise.all(metrics.map((metric) => get("/api/readings", { device, metric, from_ms: Math.round(fromMs), to_ms: Math.round(toMs), step_ms: stepMs })));
  return told.filter((trace) => trace.points.length);
}

function ExcursionView({ name }) {
  const one = excursions.value?.find((row) => row.excursion === name);
  const from = one ? one.from_ms - AROUND_MS : 0;
  const [traces, why] = useAnswer(async () => {
    if (!one) return null;
    const until = Math.min(feed.floorTime.now() || Infinity, (one.to_ms || Infinity) + AROUND_MS);
    const metrics = one.kind === "temperature_c" ? ["temperature_c", "humidity_pct", "door_open"] : [one.kind];
    return (await tracesOf(one.device, metrics, from, until)).map((trace) => (trace.metric !== one.kind ? trace : { ...trace, [`${one.side}_milli`]: one.limit_milli }));
  }, [name, Boolean(one), one?.to_ms], LIST_EVERY_MS);
  if (!one) return html`<p class="empty" aria-busy=${!excursions.value}>${excursions.value ? "This excursion is not known (any more)." : "Asking …"}</p>`;
  const now = feed.floorTime.now();
  return html`<${Head} title=${`${nameOf(one.kind)} at ${subjectText(one)}`} pill=${one.state === "open" ? "lasts" : one.state} alarm=${one.state === "open"}
      more=${one.exposed[0]?.parcel && html`<a href=${`#parcel/${encodeURIComponent(one.exposed[0].parcel)}`}>the parcel</a>`} />
    <p class="note">Measured by <a href=${`#device/${one.device}`}>${one.device}</a></p>
    ${traces ? html`<${Traces} traces=${traces} excursions=${[one]} nowMs=${now} zone=${zone.value} fromMs=${from} />` : html`<p class="empty" aria-busy=${!why}>${why || "Asking …"}</p>`}
    <${Case} one=${one} nowMs=${now} />`;
}

function Device({ name }) {
  const [told, why] = useAnswer(async () => {
    const now = feed.floorTime.now();
    if (!now) return undefined;
    const [{ latest }, about] = await Promise.all([get("/api/readings/latest", { device: name }), get(`/api/devices/${encodeURIComponent(name)}`)]);
    const metrics = latest.map((row) => row.metric).filter((metric) => [...WATCHED, "tilt_deg", "light_lx", "battery_pct"].includes(metric));
    const traces = await tracesOf(name, metrics, now - DEVICE_MS, now);
    const limits = new Map(about.limits.map((one) => [one.metric, one]));
    return { about, traces: traces.map((trace) => ({ ...trace, ...limits.get(trace.metric) })) };
  }, [name], LIST_EVERY_MS);
  const now = feed.floorTime.now();
  const mine = (excursions.value ?? []).filter((one) => one.device === name && (one.to_ms || now) > now - DEVICE_MS);
  return html`<${Head} title=${name} pill="last ${DEVICE_MS / 3_600_000} hours" />
    ${told && html`<p class="note">${spokenFor(told.about)}</p>`}
    ${told ? html`<${Traces} traces=${told.traces} excursions=${mine} nowMs=${now} zone=${zone.value} />` : html`<p class="empty" aria-busy=${!why}>${why || "Asking …"}</p>`}
    ${mine.map((one) => html`<${Case} one=${one} nowMs=${now} key=${one.excursion} />`)}`;
}

/** What the device measures, in words; why there are no limits when there are none. */
function spokenFor({ subject, product_class, released_at_ms, limits }) {
  if (!subject) return "It is bound to no place and no parcel: its readings are kept, and no limits hold.";
  const goods = `${released_at_ms ? "Measured" : "Measures"} ${subject.startsWith("parcel:") ? `parcel ${subject.slice(7)}` : subject}`;
  if (!product_class) return `${goods}. No limits hold for what is there.`;
  return `${goods}, ${product_class} goods${limits.length ? "; dashed lines are their limits." : "."}`;
}

get("/api/floor", { parts: "block" }).then(({ block }) => {
  if (!block) return;
  setZone(block.zone);
  zone.value = block.zone;
}, () => {});
addEventListener("hashchange", readAddress);
readAddress();
feed.start();
mount(html`<${Page} />`);

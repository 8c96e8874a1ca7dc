// What the page knows of the floor: asked for once or now and then, kept fresh by events in between.
import { get } from "../lib/api.js";
import { figures, onEvents, onResume, streamState } from "../lib/feed.js";
import { setZone } from "../lib/time.js";
import { signal } from "../lib/ui.js";

const TOURS_EVERY_MS = 1_000; // at most; events ask for it
const TOURS_AT_LEAST_MS = 5_000; // also when no event came
const HEAT_EVERY_MS = 5_000;
const LATEST = 40; // things that happened, kept for the list
const PLANS_KEPT = 50;
const PACE_KEPT = 240; // points of the line of lines an hour

export const block = signal(null);
export const bins = signal([]);
export const heat = signal({});
export const touched = signal({}); // place -> number of the last event that changed what lies there
export const tours = signal([]);
export const plans = signal([]); // the newest first
export const latest = signal([]);
export const pace = signal([]); // [floor ms, lines an hour], a point a floor minute or two
export const fault = signal("");

const known = new Set(); // places on the map
const changes = new Map(); // place -> what events have told of it and the page does not show yet
let wanted = true;
let asking = false;
let askedAt = 0;

const tail = (name) => (name.length > 14 ? `…${name.slice(-8)}` : name);

const TELLING = {
  OrderPlaced: (b) => ["order", `Order ${b.reference} placed, ${b.lines.length} ${b.lines.length === 1 ? "line" : "lines"}`, `order/${b.order_id}`],
  ToursReleased: (b) => ["plan", `${b.tours.length} ${b.tours.length === 1 ? "tour" : "tours"} planned by ${b.planner}`, "plans"],
  TourTaken: (b) => ["tour", `${b.picker} took a tour`, `tour/${b.tour}`],
  PickConfirmed: (b) => ["pick", `${b.picker || "Somebody"} picked ${b.quantity} × ${b.sku}`, `order/${b.order_id}`],
  PickShort: (b) => ["short", `Short: ${b.missing} × ${b.sku} missing at ${b.place}`, `order/${b.order_id}`],
  TourLeft: (b) => ["alarm", `${b.picker} left a tour with ${b.open_picks} ${b.open_picks === 1 ? "pick" : "picks"} open`, `tour/${b.tour}`],
  AisleBlocked: (b) => ["alarm", `Aisle ${b.aisle} is blocked: ${b.cause}`, ""],
  AisleOpened: (b) => ["tour", `Aisle ${b.aisle} is open again`, ""],
  PartJoined: (b) => ["plan", `Part ${tail(b.part)} joined a tour under way`, `tour/${b.tour}`],
  StopsAdded: (b) => ["tour", `${b.picks.length} ${b.picks.length === 1 ? "stop" : "stops"} put into a tour: ${b.cause}`, `tour/${b.tour}`],
  TourDone: (b) => ["tour", b.picker ? `${b.picker} finished a tour` : "Nothing is left of a tour that nobody walked", `tour/${b.tour}`],
  CountWanted: (b) => ["count", `Count wanted at ${b.place}`, ""],
  ParcelPacked: (b) => ["parcel", `Parcel ${tail(b.parcel)} packed`, `order/${b.order_id}`],
  ParcelsHandedOver: (b) => ["truck", `${b.parcels.length} ${b.parcels.length === 1 ? "parcel" : "parcels"} handed to ${b.carrier}`, ""],
  ParcelDelivered: (b) => ["door", `Parcel ${tail(b.parcel)} delivered`, b.order_id ? `order/${b.order_id}` : ""],
  ParcelLost: (b) => ["alarm", `Parcel ${tail(b.parcel)} lost`, b.order_id ? `order/${b.order_id}` : ""],
  ExcursionFound: (b) => ["alarm", `Out of limits: ${b.kind.replace(/_.*/, "")} at ${b.subject}`, ""],
  WeightDiffers: (b) => ["count", `A scale disagrees with the books at ${b.place}`, ""],
};
// One such event in a rush of orders would push everything else off the list.
const QUIET = new Set(["PickConfirmed"]);

/** Begin to know. */
export function start() {
  onEvents(["ToursReleased", "TourChanged"], () => (wanted = true));
  onEvents(["ToursReleased"], ({ number, at_ms, body }) => planMade({ ...body, number, at_ms, tours: body.tours.length }));
  onEvents(["TourTaken"], () => (wanted = true));
  onEvents(["PickConfirmed", "PickShort"], ({ body, at_ms }) => stopDone(body, at_ms));
  onEvents(["AisleBlocked", "AisleOpened"], whole);
  onEvents(["TourDone", "TourLeft"], ({ body }) => {
    tours.value = tours.value.filter((tour) => tour.tour !== body.tour);
  });
  onEvents(["PickConfirmed", "PickShort", "StockReceived", "StockCounted", "StockMoved", "StatusChanged"], stockChanged);
  onEvents(Object.keys(TELLING), tell);
  onResume(() => {
    wanted = true;
    askPlans();
  });
  setInterval(ask, 250);
  whole();
  askHeat();
  setInterval(askHeat, HEAT_EVERY_MS);
  figures.subscribe(keepPace);
}

async function whole() {
  for (;;) {
    try {
      const told = await get("/api/floor", { parts: "block,bins" });
      if (told.block) {
        setZone(told.block.zone);
        block.value = told.block;
        bins.value = told.bins;
        for (const bin of told.bins) known.add(bin.location);
        fault.value = "";
        return;
      }
      fault.value = "This site has no racks yet.";
    } catch {
      fault.value ||= "Asking for the racks …";
    }
    await new Promise((go) => setTimeout(go, 2_000));
  }
}

async function askPlans() {
  try {
    plans.value = (await get("/api/plans", { limit: PLANS_KEPT })).plans;
  } catch {
    // the next (re)connect asks again
  }
}

function planMade(plan) {
  plan.gap = plan.lower_bound_mm && plan.length_mm ? 1 - plan.lower_bound_mm / plan.length_mm : null;
  plans.value = [plan, ...plans.value.filter((one) => one.number !== plan.number)].sort((a, b) => b.number - a.number).slice(0, PLANS_KEPT);
}

async function askHeat() {
  if (document.hidden) return;
  try {
    heat.value = (await get("/api/floor", { parts: "heat" })).heat.bins;
  } catch {
    // the banner tells; the old colours stay
  }
}

/** The colours follow picks and receipts as they happen; everything else comes with the next question. */
function stockChanged({ kind, number, body }) {
  if (!changes.size) queueMicrotask(applyChanges); // events come in bundles: one copy for all of them
  for (const place of [body.place, body.source, body.target]) {
    if (!known.has(place)) continue;
    const change = changes.get(place) ?? { units: 0, picked: 0, number };
    const units = place !== body.place ? 0 : kind === "PickConfirmed" ? -body.quantity : kind === "StockReceived" ? body.quantity : 0;
    changes.set(place, { units: change.units + units, picked: change.picked + Math.max(0, -units), number });
  }
}

function applyChanges() {
  if (!changes.size) return;
  const [nextHeat, nextTouched] = [{ ...heat.value }, { ...touched.value }];
  for (const [place, { units, picked, number }] of changes) {
    nextTouched[place] = number;
    const [there, before] = nextHeat[place] ?? [0, 0];
    if (units) nextHeat[place] = [Math.max(0, there + units), before + picked];
  }
  changes.clear();
  touched.value = nextTouched;
  heat.value = nextHeat;
}

async function ask() {
  const since = performance.now() - askedAt;
  const due = wanted ? TOURS_EVERY_MS : streamState.value === "open" ? TOURS_AT_LEAST_MS : TOURS_EVERY_MS;
  if (asking || document.hidden || since < due) return;
  asking = true;
  wanted = false;
  askedAt = performance.now();
  try {
    tours.value = merged((await get("/api/floor", { parts: "tours" })).tours);
  } catch {
    wanted = true;
  } finally {
    asking = false;
  }
}

/** The answer, except for stops that an event has told done since the question was asked: a stop is never open again. */
function merged(fresh) {
  const known = new Map(tours.value.map((tour) => [tour.tour, tour]));
  return fresh.map((tour) => {
    const before = known.get(tour.tour);
    if (!before || before.revision > tour.revision) return before ?? tour;
    const done = new Map(before.stops.filter((stop) => stop.state !== "open").map((stop) => [stop.number, stop]));
    return { ...tour, stops: tour.stops.map((stop) => (stop.state === "open" && done.get(stop.number)) || stop) };
  });
}

function stopDone(body, atMs) {
  const found = tours.value.find((tour) => tour.tour === body.tour);
  if (!found) {
    wanted = true;
    return;
  }
  const stops = found.stops.map((stop) =>
    stop.number !== body.number ? stop
    : { ...stop, state: body.missing ? "short" : "done", picked: body.quantity ?? body.found, done_at_ms: body.done_at_ms || atMs });
  const changed = { ...found, stops, open_picks: stops.filter((stop) => stop.state === "open").length };
  tours.value = tours.value.map((tour) => (tour === found ? changed : tour));
}

function tell({ kind, number, at_ms, body }) {
  const [sort, text, way] = TELLING[kind](body);
  const before = latest.value;
  const at = QUIET.has(kind) ? before.findIndex((one) => one.kind === kind) : -1;
  const kept = at >= 0 && at < 8 ? before.filter((_, n) => n !== at) : before;
  latest.value = [{ kind, number, at_ms, sort, text, way }, ...kept].slice(0, LATEST);
}

const PACE_STORE = "floorwise-pace";

function keepPace(told) {
  if (!told) return;
  if (!pace.value.length) {
    try {
      const saved = JSON.parse(sessionStorage.getItem(PACE_STORE) ?? "[]");
      pace.value = saved.filter(([ms]) => ms <= told.now_ms && ms > told.now_ms - 86_400_000);
    } catch {
      pace.value = [];
    }
  }
  const last = pace.value[pace.value.length - 1];
  if (last && told.now_ms - last[0] < 60_000) return;
  pace.value = [...pace.value, [told.now_ms, told.lines.per_hour]].slice(-PACE_KEPT);
  try {
    sessionStorage.setItem(PACE_STORE, JSON.stringify(pace.value));
  } catch {
    // a browser without storage: the line begins anew at the next page
  }
}

// A picker's work: take a tour, confirm stops, report shorts. What was done is noted first and told then.
import { get, post, Refused } from "../lib/api.js";
import { signal } from "../lib/ui.js";
import { floorNow, hand, keepHand, keepTour, newKey, note, queue, tour } from "./kept.js";
import { nudge } from "./telling.js";

const LOOK_MS = 400; // between two looks while waiting for a tour; others take them too
const TRIED = 10; // open tours tried at one look
const REFRESH_MS = 4_000;
const LEAVE = "/leave";

export const waiting = signal(false); // for a tour
export const trouble = signal("");

/** The stop to walk to; null when there is none left. */
export const nextStop = () => tour.value?.stops.find((stop) => stop.state === "open") ?? null;

/** Sign in; a tour that this picker walks already comes back. */
export async function signIn(picker) {
  keepHand({ picker });
  await resume();
}

/** Sign out. What is queued stays and is told. */
export async function signOut() {
  waiting.value = false;
  await keepTour(null);
  keepHand({ picker: "" });
}

/** Find the tour of this picker at the gateway, when the device has none. */
export async function resume() {
  if (!hand.value.picker || tour.value || queue.value.some((one) => one.path.endsWith(LEAVE) && !one.refused)) return;
  try {
    const { tours } = await get("/api/tours", { state: "taken", limit: 1000 });
    const mine = tours.find((one) => one.picker === hand.value.picker && one.open_picks > 0);
    if (mine && !tour.value) await keepTour(await get(`/api/tours/${encodeURIComponent(mine.tour)}`));
  } catch {
    // without the gateway there is nothing to find; the next look will
  }
}

/** Wait for a tour and take the first that nobody else takes. */
export async function takeNext() {
  waiting.value = true;
  trouble.value = "";
  while (waiting.value && !tour.value) {
    try {
      const { tours } = await get("/api/tours", { state: "open", limit: TRIED });
      for (const one of tours) {
        if (!waiting.value) return;
        if (await take(one.tour)) break;
      }
      trouble.value = "";
    } catch (error) {
      trouble.value = error.message;
    }
    if (!tour.value) await new Promise((go) => setTimeout(go, LOOK_MS));
  }
  waiting.value = false;
}

/** Take this tour; false when somebody else has it. */
export async function take(name) {
  try {
    await post(`/api/tours/${encodeURIComponent(name)}/take`, { picker: hand.value.picker });
  } catch (error) {
    if (error instanceof Refused && (error.status === 409 || error.status === 404)) return false;
    throw error;
  }
  await keepTour(await get(`/api/tours/${encodeURIComponent(name)}`));
  waiting.value = false;
  return true;
}

export const stopWaiting = () => (waiting.value = false);

/** `quantity` units lie in the tote. */
export function confirm(stop, quantity, serial) {
  const body = { quantity, picker: hand.value.picker, done_at_ms: floorNow(), serial };
  return done(stop, "confirm", body, { state: quantity ? "done" : "short", picked: quantity }, `${quantity} × ${stop.sku}`);
}

/** Only `found` units were there. */
export function short(stop, found) {
  const body = { found, picker: hand.value.picker, done_at_ms: floorNow() };
  return done(stop, "short", body, { state: found ? "done" : "short", picked: found }, `short: ${found} of ${stop.quantity} × ${stop.sku}`);
}

async function done(stop, verb, body, change, text) {
  const current = tour.value;
  const stops = current.stops.map((one) => (one.number === stop.number ? { ...one, ...change, done_at_ms: body.done_at_ms } : one));
  const path = `/api/tours/${encodeURIComponent(current.tour)}/picks/${stop.number}/${verb}`;
  await note({ key: newKey(), path, body, text, location: stop.location, at_ms: body.done_at_ms, tour: current.tour, number: stop.number }, { ...current, stops });
  nudge();
}

/** Hand the rest of the tour to whoever takes it next; told behind everything that was done on it. */
export async function leave() {
  const current = tour.value;
  const path = `/api/tours/${encodeURIComponent(current.tour)}${LEAVE}`;
  const body = { picker: hand.value.picker, cause: "handed back on the device" };
  await note({ key: newKey(), path, body, text: "the rest is for somebody else", location: "Tour", at_ms: floorNow(), tour: current.tour, number: 0 }, current);
  nudge();
  await keepTour(null);
}

/** Put the finished tour away. */
export const finish = () => keepTour(null);

/** Ask the gateway about the tour now and then: it may have changed while we walk. */
export function watch() {
  setInterval(refresh, REFRESH_MS);
}

async function refresh() {
  const [current, untold] = [tour.value, queue.value];
  if (!current) return resume();
  try {
    const fresh = await get(`/api/tours/${encodeURIComponent(current.tour)}`);
    // Something was done or told while we asked: the answer may be older than that. The next one will not.
    if (tour.value !== current || queue.value !== untold) return undefined;
    if (fresh.picker !== hand.value.picker && !untold.some((one) => one.tour === current.tour)) {
      trouble.value = "The rest of your tour was given to somebody else.";
      return keepTour(null);
    }
    const changed = merged(fresh);
    if (JSON.stringify(changed) !== JSON.stringify(tour.value)) await keepTour(changed);
  } catch (error) {
    if (error instanceof Refused && error.status === 404 && !queue.value.length) await keepTour(null);
  }
  return undefined;
}

/** The gateway's tour with what this device did and the gateway has not heard: a stop that is done is never open again. */
function merged(fresh) {
  const mine = new Map(tour.value.stops.map((stop) => [stop.number, stop]));
  return {
    ...fresh,
    stops: fresh.stops.map((stop) => {
      const here = mine.get(stop.number);
      return stop.state === "open" && here && here.state !== "open" && isUntold(stop.number) ? here : stop;
    }),
  };
}

const isUntold = (number) => queue.value.some((one) => one.tour === tour.value.tour && one.number === number);

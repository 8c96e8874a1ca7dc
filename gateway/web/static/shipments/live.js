// The last value of every series, as devices tell it: a stream that the gateway fills at most ten times a second.
import { signal } from "../lib/ui.js";

const AGAIN_MS = 2_000; // before a stream that ended is opened anew

export const latest = signal(null); // device -> Map of metric -> {value, unit, at_ms, stale}; null before the first word
export const trouble = signal("");

let source = null;
let users = 0;

/** Listen while somebody looks; call what this gives when they look no more. A hidden page holds no stream. */
export function watch() {
  users += 1;
  open();
  document.addEventListener("visibilitychange", seen);
  return () => {
    users -= 1;
    if (users) return;
    document.removeEventListener("visibilitychange", seen);
    close();
  };
}

const seen = () => (document.hidden ? close() : open());

function open() {
  if (source || document.hidden || !users) return;
  source = new EventSource("/api/readings/live");
  const mine = source;
  mine.addEventListener("latest", (message) => take(JSON.parse(message.data)));
  mine.onopen = () => (trouble.value = "");
  mine.onerror = () => {
    trouble.value = "The gateway does not tell readings now. This page goes on asking.";
    if (mine.readyState !== EventSource.CLOSED || source !== mine) return; // the browser comes back by itself
    close();
    setTimeout(open, AGAIN_MS);
  };
}

function close() {
  source?.close();
  source = null;
}

function take(rows) {
  const next = new Map(latest.value ?? []);
  for (const [device, metric, value, unit, at_ms, stale] of rows) {
    const own = next.get(device);
    const mine = own && own !== latest.value?.get(device) ? own : new Map(own ?? []); // a device whose map is another one has something new
    mine.set(metric, { value, unit, at_ms, stale });
    next.set(device, mine);
  }
  latest.value = next;
}

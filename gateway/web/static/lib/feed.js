// What the gateway says, as it says it: figures at most once a second, the journal as it is written, and how old the last word is.
import { get } from "./api.js";
import { FloorTime } from "./time.js";
import { signal } from "./ui.js";

const EVERY_MS = 1_000; // between two questions for the figures
const SILENT_MS = 3_500; // without an answer for this long the feed counts as cut
const AGAIN_MS = 2_000; // before a stream that ended is opened anew
const BUNDLE_MS = 180; // events of this time are told in one go, so that a rush of them draws the page five times a second and not more

export const floorTime = new FloorTime();
export const figures = signal(null);
export const heard = signal({ wallMs: 0, floorMs: 0 }); // the last answer
export const isCut = signal(false);
export const streamState = signal("opening"); // opening, open, broken

const listeners = new Map(); // event kind -> functions
const resumed = new Set();
let source = null;
let lastNumber = 0;
let startedAt = 0;
let bundle = []; // events that are not told yet

/** Call `told(event)` with {number, at_ms, kind, body} at each event of `kinds`. Before `start`. */
export function onEvents(kinds, told) {
  for (const kind of kinds) listeners.set(kind, [...(listeners.get(kind) ?? []), told]);
}

/** Call `again()` whenever the stream is open (anew): whatever was kept by counting events should be asked for once more. */
export function onResume(again) {
  resumed.add(again);
}

/** Begin; ends with the page. A hidden page holds no stream: browsers allow six connections to a host. */
export function start() {
  startedAt = Date.now();
  poll();
  setInterval(look, 500);
  if (listeners.size) {
    open();
    document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  }
}

async function poll() {
  for (;;) {
    const began = performance.now();
    if (!document.hidden) {
      try {
        const told = await get("/api/figures");
        floorTime.told(told.now_ms, told.rate, performance.now() - began);
        if (told.journal_number < lastNumber) restartStream(); // another ledger stands behind this address
        heard.value = { wallMs: Date.now(), floorMs: told.now_ms };
        figures.value = told;
        isCut.value = false;
      } catch {
        look();
      }
    }
    await new Promise((go) => setTimeout(go, Math.max(250, EVERY_MS - (performance.now() - began))));
  }
}

function look() {
  if (!document.hidden && Date.now() - (heard.value.wallMs || startedAt) > SILENT_MS) isCut.value = true;
}

function open() {
  if (source) return;
  const after = lastNumber ? `&after=${lastNumber}` : "";
  source = new EventSource(`/api/events?kinds=${[...listeners.keys()].join(",")}${after}`);
  const mine = source;
  mine.onopen = () => {
    streamState.value = "open";
    for (const again of resumed) again();
  };
  mine.onerror = () => {
    streamState.value = "broken";
    if (mine.readyState !== EventSource.CLOSED || source !== mine) return; // the browser comes back by itself
    close();
    setTimeout(() => !document.hidden && open(), AGAIN_MS);
  };
  for (const [kind, told] of listeners) {
    mine.addEventListener(kind, (message) => {
      const event = JSON.parse(message.data);
      lastNumber = Math.max(lastNumber, event.number);
      if (!bundle.length) setTimeout(tellBundle, BUNDLE_MS);
      bundle.push([told, event]);
    });
  }
}

function tellBundle() {
  const events = bundle;
  bundle = [];
  for (const [told, event] of events) for (const tell of told) tell(event);
}

function close() {
  source?.close();
  source = null;
}

function restartStream() {
  lastNumber = 0;
  if (!listeners.size) return;
  close();
  open();
}

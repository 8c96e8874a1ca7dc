// Tells the gateway what was done, in order, each once, for as long as it takes.
import { Away, get, post, Refused } from "../lib/api.js";
import { signal } from "../lib/ui.js";
import { keepHand, queue, refused, told } from "./kept.js";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;
const CLOCK_MS = 5_000; // between two questions for the floor clock, which also tell whether the gateway is there

export const isOnline = signal(navigator.onLine);

let wake = () => {};
let clockAt = 0;

/** There is something to tell. */
export const nudge = () => wake();

/** Tell until the page ends. Of several pages of one browser one tells. */
export function start() {
  addEventListener("online", nudge);
  addEventListener("offline", () => (isOnline.value = false));
  const run = () => forever();
  if (navigator.locks) navigator.locks.request("floorwise-telling", run);
  else run();
  setInterval(askClock, CLOCK_MS);
  askClock();
}

async function forever() {
  let pause = FIRST_PAUSE_MS;
  for (;;) {
    const entry = queue.value.find((one) => !one.refused);
    if (!entry) {
      await sleep(LONGEST_PAUSE_MS);
      continue;
    }
    try {
      await post(entry.path, entry.body, entry.key);
      isOnline.value = true;
      await told(entry);
      pause = FIRST_PAUSE_MS;
    } catch (error) {
      if (error instanceof Refused) {
        await refused(entry, error.message);
      } else {
        if (error instanceof Away) isOnline.value = false;
        await sleep(pause);
        pause = Math.min(LONGEST_PAUSE_MS, pause * 2);
      }
    }
  }
}

function sleep(ms) {
  return new Promise((go) => {
    const timer = setTimeout(go, ms);
    wake = () => {
      clearTimeout(timer);
      go();
    };
  });
}

async function askClock() {
  if (document.hidden) return;
  const began = Date.now();
  clockAt = began;
  try {
    const clock = await get("/api/clock");
    if (clockAt !== began) return;
    const wallMs = Date.now();
    keepHand({ floorMs: clock.now_ms + (clock.rate * (wallMs - began)) / 2, wallMs, rate: clock.rate, emulated: clock.emulated });
    if (!isOnline.value) nudge();
    isOnline.value = true;
  } catch {
    isOnline.value = false;
  }
}

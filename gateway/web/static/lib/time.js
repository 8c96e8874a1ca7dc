// Floor time between two words of the gateway, and how it is written.

const BLIND_MS = 3_000; // without a word, floor time stands still on the page after this

/** Floor time that runs at the rate last told. It never goes back. */
export class FloorTime {
  constructor(wall = () => performance.now()) {
    this.wall = wall;
    this.anchorMs = this.anchorWall = this.rate = this.lastMs = 0;
    this.saved = 0;
  }

  /** The gateway said `nowMs` and `rate`; the question took `tookMs` of wall time. */
  told(nowMs, rate, tookMs = 0) {
    this.anchorMs = nowMs + (rate * tookMs) / 2;
    this.anchorWall = this.wall();
    this.rate = rate;
  }

  /** Floor time now; 0 before the first word. A device that works alone for hours passes `blindMs` Infinity. */
  now(blindMs = BLIND_MS) {
    if (!this.anchorMs) return 0;
    const passed = Math.min(this.wall() - this.anchorWall, blindMs);
    this.lastMs = Math.max(this.lastMs, this.anchorMs + passed * this.rate);
    return this.lastMs;
  }
}

let zone = "UTC";
let made = {};

/** Write times in this zone from now on; the site's. */
export function setZone(name) {
  if (name && name !== zone) {
    zone = name;
    made = {};
  }
}

function format(name, options) {
  made[name] ??= new Intl.DateTimeFormat("en-GB", { timeZone: zone, hourCycle: "h23", ...options });
  return made[name];
}

export const clockText = (ms) => (ms ? format("clock", { hour: "2-digit", minute: "2-digit" }).format(ms) : "–");
export const clockSeconds = (ms) => (ms ? format("second", { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(ms) : "–");
export const dayText = (ms) => (ms ? format("day", { weekday: "short", day: "numeric", month: "short" }).format(ms) : "–");
const dateKey = (ms) => format("key", { year: "numeric", month: "2-digit", day: "2-digit" }).format(ms);

/** "17:30", or "Tue 17:30" when it is not the day of `nowMs`; while `nowMs` is not known (0), the time alone. */
export function momentText(ms, nowMs) {
  if (!ms) return "–";
  if (!nowMs) return clockText(ms);
  const day = format("weekday", { weekday: "short" });
  return dateKey(ms) === dateKey(nowMs) ? clockText(ms) : `${day.format(ms)} ${clockText(ms)}`;
}

/** "3 min", "2 h 05", "4 d": how long `ms` is, for people. */
export function spanText(ms) {
  const seconds = Math.round(Math.abs(ms) / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${String(minutes % 60).padStart(2, "0")}` : `${Math.floor(hours / 24)} d`;
}

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 });

/** "1,234", "3.4" below ten, "–" for what is not known. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  return Number.isInteger(value) || Math.abs(value) >= 10 ? whole.format(value) : tenth.format(value);
}

/** "1 order", "5 orders". */
export const many = (count, word) => `${number(count)} ${word}${count === 1 ? "" : "s"}`;

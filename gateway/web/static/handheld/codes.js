// What a scanned or typed code means at a stop. Pure.

const GTIN_LENGTHS = new Set([8, 12, 13, 14]);
const SYMBOLOGY = /^\][A-Za-z][0-9A-Za-z]/; // "]C1" and the like, which some scanners put in front (ISO/IEC 15424)
const GS = "\u001d";

/** Whether the last digit is the GS1 check digit of those before it: weights 3, 1, 3 … from the right. */
export function checkDigitFits(digits) {
  const sum = [...digits].reverse().slice(1).reduce((total, digit, n) => total + Number(digit) * (n % 2 ? 1 : 3), 0);
  return (10 - (sum % 10)) % 10 === Number(digits.at(-1));
}

/** {text, gtin, serial, fault}: `gtin` has 14 digits, "" where there is none; `fault` says why a code cannot be what it seems. */
export function read(raw) {
  const text = raw.trim().replace(SYMBOLOGY, "");
  const link = /^https?:\/\/[^/]+\/(?:.*\/)?01\/(\d{8,14})(?:\/.*?21\/([^/?]+))?/.exec(text);
  const human = /^\(01\)(\d{14})(?:.*?\(21\)([^(]+))?/.exec(text);
  const element = /^01(\d{14})(?:21([^\u001d]+))?/.exec(text.startsWith(GS) ? text.slice(1) : text);
  const found = link ?? human ?? element;
  if (found) return withGtin(text, found[1], found[2] ?? "");
  if (/^\d+$/.test(text) && GTIN_LENGTHS.has(text.length)) return withGtin(text, text, "");
  return { text, gtin: "", serial: "", fault: "" };
}

function withGtin(text, digits, serial) {
  if (!checkDigitFits(digits)) return { text, gtin: "", serial: "", fault: "The check digit is wrong. Scan again." };
  return { text, gtin: digits.padStart(14, "0"), serial: decodeURIComponent(serial), fault: "" };
}

const same = (a, b) => Boolean(a) && Boolean(b) && a.toUpperCase() === b.toUpperCase();
const isItem = (code, stop) => same(code.text, stop.sku) || (stop.gtin && code.gtin === stop.gtin.padStart(14, "0"));
const isPlace = (code, stop) => [stop.location, stop.place, stop.check_digits].some((name) => same(code.text, name));

/** {ok, what, serial, why} of a code at `stop`; `stops` are all of the tour, to name what was scanned instead. `what`: place, item. */
export function judge(raw, stop, stops) {
  const code = read(raw);
  if (!code.text) return { ok: false, why: "Nothing was scanned." };
  if (isPlace(code, stop)) return { ok: true, what: "place", serial: "" };
  if (isItem(code, stop)) return { ok: true, what: "item", serial: stop.serial && code.serial ? code.serial : "" };
  if (stop.serial && same(code.text, stop.serial)) return { ok: true, what: "item", serial: stop.serial };
  if (code.fault) return { ok: false, why: code.fault };
  const item = stops.find((one) => isItem(code, one));
  if (item) return { ok: false, why: `That is ${item.sku}. Here you pick ${stop.sku}.` };
  const place = stops.find((one) => isPlace(code, one));
  if (place) return { ok: false, why: `That is ${place.location}. Go to ${stop.location}.` };
  return { ok: false, why: `${shown(code.text)} is neither ${stop.sku} nor ${stop.location}.` };
}

const shown = (text) => (text.length > 24 ? `${text.slice(0, 24)}…` : text);

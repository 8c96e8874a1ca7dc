// HTTP to the gateway that served this page. Nothing else is ever asked.

const TIMEOUT_MS = 8_000;

/** The gateway refused: `status`, its `error` name and its `detail`. */
export class Refused extends Error {
  constructor(status, error, detail) {
    super(detail || error);
    this.status = status;
    this.error = error;
  }
}

/** The gateway did not answer, or cannot now: the same request may be made again. */
export class Away extends Error {}

/** The JSON that GET `path` gives; `query` entries that are "" or undefined are left out. */
export async function get(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== "" && value !== undefined);
  return ask(path + (given.length ? `?${new URLSearchParams(given)}` : ""), {});
}

/** The reply to a write. With a `key` the same request has its effect once, however often it is sent. */
export async function post(path, body, key = "") {
  const headers = { "Content-Type": "application/json" };
  if (key) headers["Idempotency-Key"] = key;
  return ask(path, { method: "POST", headers, body: JSON.stringify(body) });
}

async function ask(path, options) {
  const cut = new AbortController();
  const timer = setTimeout(() => cut.abort(), TIMEOUT_MS);
  let answer, text;
  try {
    answer = await fetch(path, { ...options, signal: cut.signal, cache: "no-store" });
    text = await answer.text();
  } catch {
    throw new Away("the gateway does not answer");
  } finally {
    clearTimeout(timer);
  }
  let told = {};
  try {
    told = JSON.parse(text);
  } catch {
    if (answer.ok) throw new Away("the gateway's answer was cut short");
  }
  if (answer.ok) return told;
  // 429 and 5xx pass; so does a proxy's page where JSON should be. What is left is the gateway's own no.
  if (answer.status >= 500 && told.error !== "NoStore") throw new Away(told.detail || `the gateway answered ${answer.status}`);
  if (answer.status === 429 || answer.status === 408) throw new Away(told.detail || "too many requests");
  throw new Refused(answer.status, told.error || "Refused", told.detail || `the gateway answered ${answer.status}`);
}

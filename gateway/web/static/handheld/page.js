// A picker's device. One thing at a time, large; green when it is right, red when it is not.
import { momentText, number, setZone } from "../lib/time.js";
import { html, mount, signal, useEffect, useRef, useState } from "../lib/ui.js";
import { get } from "../lib/api.js";
import { judge } from "./codes.js";
import { floorNow, hand, load, queue, told as forget, tour } from "./kept.js";
import { isOnline, start as startTelling } from "./telling.js";
import * as work from "./work.js";

const showQueue = signal(false);
const failed = signal("");

function Page() {
  const picker = hand.value.picker;
  return html`
    <header class="bar">
      <a href="/" class="home" aria-label="To the floor"><img src="/static/icon.svg" alt="" width="24" height="24" /></a>
      <span class="who">${picker || "Handheld"}</span>
      <button type="button" class=${`queue ${queue.value.length ? "some" : ""}`} aria-expanded=${showQueue.value} onClick=${() => (showQueue.value = !showQueue.value)}>
        ${queue.value.length ? `${queue.value.length} to tell` : "all told"}</button>
      <span class=${`link ${isOnline.value ? "on" : "off"}`} role="status">${isOnline.value ? "online" : "offline"}</span>
    </header>
    <main id="content">
      <h1 class="unseen">Handheld</h1>
      ${failed.value && html`<p class="fault" role="alert">${failed.value}</p>`}
      ${showQueue.value ? html`<${Queue} />` : !picker ? html`<${SignIn} />` : !tour.value ? html`<${Choose} />` : html`<${Tour} />`}
    </main>
    <${Emulated} />`;
}

/** As the other pages say it; known without a connection, too. */
function Emulated() {
  const steps = hand.value.emulated ?? [];
  return steps.length > 0 && html`<footer class="emulated">A synthetic floor. Emulated: ${steps.join(", ")}.</footer>`;
}

function SignIn() {
  const [name, set] = useState("");
  const go = (event) => {
    event.preventDefault();
    if (name.trim()) work.signIn(name.trim());
  };
  return html`<form class="sheet" onSubmit=${go}>
    <h2>Sign in</h2>
    <label>Your name<input name="picker" autocomplete="username" maxlength="64" required autofocus value=${name} onInput=${(e) => set(e.target.value)} /></label>
    <button type="submit" class="big">Sign in</button>
  </form>`;
}

function Choose() {
  const [open, set] = useState(null);
  useEffect(() => {
    let stopped = false;
    const ask = () => get("/api/tours", { state: "open", limit: 20 }).then((told) => !stopped && set(told.tours), () => {});
    ask();
    const timer = setInterval(ask, 2_000);
    return () => {
      stopped = true;
      clearInterval(timer);
    };
  }, []);
  const now = floorNow();
  if (work.waiting.value) {
    return html`<section class="sheet centre"><p class="large" aria-busy="true">Waiting for a tour …</p><p class="note">${work.trouble.value || "The first that nobody else takes is yours."}</p>
      <button type="button" class="big secondary" onClick=${work.stopWaiting}>Stop waiting</button></section>`;
  }
  return html`<section class="sheet">
    <button type="button" class="big" onClick=${work.takeNext}>Take the next tour</button>
    ${work.trouble.value && html`<p class="fault" role="alert">${work.trouble.value}</p>`}
    <h2>Open tours</h2>
    ${!open ? html`<p class="note">${isOnline.value ? "Asking …" : "Tours can be taken when the gateway is there again."}</p>` : open.length === 0 && html`<p class="note">None now. Take the next one: the device waits for it.</p>`}
    <ul class="tours">${(open ?? []).map((one) => html`<li key=${one.tour}><button type="button" class="row" onClick=${() => takeThis(one.tour)}>
      <b>${one.picks} ${one.picks === 1 ? "stop" : "stops"}</b><span>${number(Math.round(one.length_mm / 1000))} m</span><span>truck ${momentText(one.cut_off_ms, now)}</span></button></li>`)}</ul>
    <button type="button" class="quiet" onClick=${work.signOut}>Sign out</button>
  </section>`;
}

async function takeThis(name) {
  try {
    work.trouble.value = (await work.take(name)) ? "" : "Somebody else was faster. Take another one.";
  } catch (error) {
    work.trouble.value = error.message;
  }
}

function Tour() {
  const stop = work.nextStop();
  const { stops } = tour.value;
  const done = stops.filter((one) => one.state !== "open").length;
  return html`<div class="progress"><progress value=${done} max=${stops.length || 1} aria-label="Stops done"></progress><span>${done} of ${stops.length}</span></div>
    ${stop ? html`<${Stop} key=${`${tour.value.tour}/${stop.number}`} stop=${stop} /><${Leave} />` : html`<${Done} />`}`;
}

/** Two taps: the second one hands the tour back. */
function Leave() {
  const [isSure, setSure] = useState(false);
  return isSure
    ? html`<div class="sheet" role="group" aria-label="Leave this tour?"><p><b>Leave the cart here, for somebody else to go on?</b></p>
        <button type="button" class="secondary" name="leave" onClick=${work.leave}>Yes, leave it</button>
        <button type="button" class="quiet" onClick=${() => setSure(false)}>No, go on</button></div>`
    : html`<button type="button" class="quiet" onClick=${() => setSure(true)}>I cannot go on</button>`;
}

function Done() {
  const { stops } = tour.value;
  const shorts = stops.filter((stop) => stop.picked < stop.quantity).length;
  return html`<section class="sheet centre">
    <p class="tick" aria-hidden="true">✓</p>
    <h2>Tour done</h2>
    <p>${stops.length} ${stops.length === 1 ? "stop" : "stops"}${shorts ? `, ${shorts} short` : ""}. Bring the cart to the packers.</p>
    ${queue.value.length > 0 && html`<p class="note">${queue.value.length} still to tell the gateway; you may go on.</p>`}
    <button type="button" class="big" onClick=${async () => { await work.finish(); work.takeNext(); }}>Next tour</button>
    <button type="button" class="quiet" onClick=${work.finish}>Pause</button>
  </section>`;
}

function Stop({ stop }) {
  const [seen, see] = useState({ place: false, item: false, serial: "" });
  const [word, say] = useState(null); // {ok, text}
  const [quantity, setQuantity] = useState(stop.quantity);
  const [isShort, setShort] = useState(false);
  const [busy, setBusy] = useState(false);
  const isActing = useRef(false); // known at once, where `busy` is known at the next drawing
  const field = useRef(null);
  useEffect(() => field.current?.focus({ preventScroll: true }), []);

  const scan = (raw) => {
    const found = judge(raw, stop, tour.value.stops);
    if (found.ok) {
      see((before) => ({ ...before, [found.what]: true, serial: found.serial || before.serial }));
      say({ ok: true, text: found.what === "item" ? `Right: ${stop.sku}` : `Right place: ${stop.location}` });
    } else {
      say({ ok: false, text: found.why });
      navigator.vibrate?.([120, 60, 120]);
    }
  };
  // A scanner types fast and ends with Enter or Tab. Time between keys means nothing: a slow radio link must not cut a code in two.
  const onKey = (event) => {
    if (event.key !== "Enter" && event.key !== "Tab") return;
    if (event.key === "Tab" && !event.target.value) return; // the way to the next control
    event.preventDefault();
    const code = event.target.value;
    event.target.value = "";
    if (code.trim()) scan(code);
  };
  const ready = seen.place || seen.item;
  const act = async (deed) => {
    if (isActing.current) return; // a second tap on a slow device
    isActing.current = true;
    setBusy(true);
    try {
      await deed();
      failed.value = "";
    } catch (error) {
      failed.value = `This device could not keep it: ${error?.message ?? error}. Do not go on.`;
      isActing.current = false;
      setBusy(false);
    }
  };
  const state = word ? (word.ok ? "good" : "bad") : "";
  return html`<section class=${`stop ${state}`} aria-label=${`Stop ${stop.number}`}>
    <div class="where"><div><span class="name">Go to</span><p class="location" style=${`--letters:${Math.max(6, stop.location.length)}`}>${stop.location}</p></div>
      ${stop.check_digits && html`<div class="digits"><span class="name">Check</span><p>${stop.check_digits}</p></div>`}</div>
    <div class="pick"><div><span class="name">Pick</span><p class="sku">${stop.sku}</p>
        ${stop.gtin && html`<p class="note">${stop.gtin}</p>`}${stop.lot && html`<p class="note">lot ${stop.lot}</p>`}${stop.serial && html`<p class="note">serial ${stop.serial}</p>`}</div>
      <p class="quantity" aria-label=${`${stop.quantity} units`}>${stop.quantity}<small>×</small></p></div>
    ${stop.tote && html`<p class="tote"><span class="name">Into tote</span> <b>${stop.tote.replace(/^tote:/, "")}</b></p>`}
    <label class="scan"><span class="unseen">Scan the article, or type the check digits</span>
      <input ref=${field} name="scan" data-scan placeholder="Scan article or check digits" autocomplete="off" autocapitalize="off" spellcheck=${false} enterkeyhint="done" onKeyDown=${onKey} /></label>
    <p class="word" role="status" aria-live="assertive">${word ? html`<span aria-hidden="true">${word.ok ? "✓" : "✕"}</span> ${word.text}` : html`<span class="note">Scan the article or the location.</span>`}</p>
    ${isShort ? html`<div class="short" role="group" aria-label="How many did you find?">
        <p><b>How many did you find?</b></p>
        <div class="found">${few(stop.quantity).map((n) => html`<button type="button" class="secondary" disabled=${busy} onClick=${() => act(() => work.short(stop, n))}>${n}</button>`)}</div>
        ${stop.quantity > 12 && html`<${OtherCount} stop=${stop} busy=${busy} act=${act} />`}
        <button type="button" class="quiet" onClick=${() => setShort(false)}>Back</button></div>`
      : html`<div class="count">
          <button type="button" class="secondary" aria-label="One less" disabled=${quantity <= 1} onClick=${() => setQuantity(quantity - 1)}>−</button>
          <label><span class="unseen">Units picked</span><input name="quantity" type="number" inputmode="numeric" min="1" max="1000000" value=${quantity} onInput=${(e) => setQuantity(Math.max(0, Math.round(Number(e.target.value) || 0)))} /></label>
          <button type="button" class="secondary" aria-label="One more" disabled=${Boolean(stop.serial)} onClick=${() => setQuantity(quantity + 1)}>+</button></div>
        <div class="deeds">
          <button type="button" class="big" name="confirm" disabled=${!ready || busy || quantity < 1} onClick=${() => act(() => work.confirm(stop, quantity, seen.serial))}>
            ${quantity === stop.quantity ? `Confirm ${quantity}` : quantity < stop.quantity ? `Only ${quantity}: short` : `Confirm ${quantity}, more than asked`}</button>
          <button type="button" class="secondary" name="short" onClick=${() => setShort(true)}>Short</button></div>`}
  </section>`;
}

/** 0, 1, 2 …, at most twelve of them, for one tap. */
const few = (quantity) => [...Array(Math.min(quantity, 12)).keys()];

function OtherCount({ stop, busy, act }) {
  const [found, set] = useState("");
  const right = found !== "" && Number(found) >= 0 && Number(found) < stop.quantity && Number.isInteger(Number(found));
  return html`<div class="other"><label><span class="unseen">Another number</span><input type="number" inputmode="numeric" min="0" max=${stop.quantity - 1} placeholder="another number" value=${found} onInput=${(e) => set(e.target.value)} /></label>
    <button type="button" disabled=${!right || busy} onClick=${() => act(() => work.short(stop, Number(found)))}>Report</button></div>`;
}

function Queue() {
  const now = floorNow();
  return html`<section class="sheet"><h2>To tell the gateway</h2>
    ${queue.value.length === 0 && html`<p class="note">Everything has been told.</p>`}
    <ul class="queued">${queue.value.map((one) => html`<li key=${one.id} class=${one.refused ? "refused" : ""}>
      <b>${one.location}</b> ${one.text} <small class="note">${momentText(one.at_ms, now)}</small>
      ${one.refused && html`<p>${one.refused}</p><button type="button" class="secondary" onClick=${() => forget(one)}>Seen</button>`}</li>`)}</ul>
    <button type="button" class="quiet" onClick=${() => (showQueue.value = false)}>Back</button></section>`;
}

/** Keys that a scanner types while nothing has the focus belong into the scan field. */
function catchKeys() {
  addEventListener("keydown", (event) => {
    const field = document.querySelector("[data-scan]");
    if (!field || event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
    if (["INPUT", "SELECT", "TEXTAREA"].includes(document.activeElement?.tagName)) return;
    if (event.key === " " && document.activeElement?.tagName === "BUTTON") return;
    field.focus({ preventScroll: true }); // the key itself then goes there
  });
}

async function begin() {
  try {
    await load();
  } catch (error) {
    failed.value = `This browser keeps nothing (${error?.message ?? error}): work done without a connection would be lost.`;
  }
  navigator.storage?.persist?.();
  catchKeys();
  startTelling();
  work.watch();
  mount(html`<${Page} />`);
  work.resume();
  get("/api/floor", { parts: "block" }).then(({ block }) => block && setZone(block.zone), () => {});
  navigator.serviceWorker?.register("/sw.js").catch(() => {});
}

begin();

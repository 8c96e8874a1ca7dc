// What stands around every page: name, ways to the other pages, floor time, and a word when the feed is cut.
import { figures, floorTime, heard, isCut } from "./feed.js";
import { clockSeconds, clockText, dayText, number, spanText } from "./time.js";
import { effect, html, signal, useEffect } from "./ui.js";

const PAGES = [
  ["/", "Floor"],
  ["/shipments", "Conditions"],
  ["/handheld", "Handheld"],
];
const tick = signal(0); // one a second, for texts that tell an age

effect(() => {
  const late = figures.value?.orders.late;
  document.title = document.title.replace(/^(\(\d+\) )?/, late ? `(${late}) ` : "");
});

/** The whole page: header, banner, what `children` are, footer. */
export function Shell({ here, children }) {
  useEffect(() => {
    const timer = setInterval(() => (tick.value += 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return html`
    <a class="skip" href="#content">To the content</a>
    <header class="top">
      <a class="brand" href="/" aria-label="floorwise, the floor"><img src="/static/icon.svg" alt="" width="24" height="24" />floorwise</a>
      <nav aria-label="Pages">
        ${PAGES.map(([path, name]) => html`<a href=${path} aria-current=${path === here ? "page" : null}>${name}</a>`)}
      </nav>
      <${Clock} />
    </header>
    <${Cut} />
    <main id="content" tabindex="-1">${children}</main>
    <${Emulated} />
  `;
}

function Clock() {
  const told = figures.value;
  tick.value;
  if (!told) return html`<p class="clock" aria-label="Floor time">…</p>`;
  const now = floorTime.now();
  const slow = told.speed > 1 && told.rate < told.speed * 0.9;
  return html`<p class="clock" title="Floor time${told.speed > 1 ? `; asked for ${number(told.speed)}× the wall clock, reached ${number(told.speed_reached)}×` : ""}">
    <span class="day">${dayText(now)}</span> <time>${clockText(now)}</time>
    ${told.emulated?.length > 0 && html`<a class="speed" href="#emulated" title="Emulated: ${told.emulated.join(", ")}">synthetic</a>`}
    ${told.speed !== 1 && html`<span class="speed ${slow ? "slow" : ""}">${number(Math.round(told.rate * 10) / 10)}×</span>`}
  </p>`;
}

function Cut() {
  tick.value;
  const { wallMs, floorMs } = heard.value;
  const cut = isCut.value;
  return html`<div class="cut" role="alert">
    ${cut && !wallMs && "The gateway does not answer. This page goes on asking."}
    ${cut && wallMs > 0 && html`No word from the gateway<span aria-hidden="true"> for ${spanText(Date.now() - wallMs)}</span>.
      What you see is from ${clockSeconds(floorMs)}.`}
  </div>`;
}

function Emulated() {
  const steps = figures.value?.emulated ?? [];
  return html`<footer class="foot" id="emulated">
    ${steps.length > 0 &&
    html`<p class="emulated"><strong>A synthetic floor.</strong> Emulated: ${steps.join(", ")}. Orders, stock, plans, journal and
      what is on hold are the live system's own.</p>`}
    <p><a href="/docs">Interface</a> · <a href="/readyz">Readiness</a> · <a href="/metrics">Metrics</a></p>
  </footer>`;
}

// The map: racks and their heat on a canvas, names, routes and people as SVG above it.
import { floorTime, isCut } from "../lib/feed.js";
import { number } from "../lib/time.js";
import { html, signal, useEffect, useRef, useState } from "../lib/ui.js";
import { bins, block, fault, heat, tours } from "./state.js";
import { advance, goal, route, spotAt } from "./walk.js";

const FRAME_MS = 33;
const CROWD = 40; // people on the map, beyond which they are moved
const CROWD_FRAME_MS = 100; // … this seldom: each frame draws all of them
const CALM_FRAME_MS = 1_000; // for people who asked for less motion
const LEAVES_MS = 900; // wall time in which somebody whose tour is done walks out of the picture
const PAD = { left: 1_600, right: 1_600, top: 1_900, bottom: 2_600 }; // mm around the racks
const HALF_AISLE = 0.15; // of the distance between two aisles, as drawn
const RACK = 0.28; // depth of a rack, likewise: what is left parts the backs
const STORED = new Set(["pick", "reserve"]);

export const measure = signal("stock"); // or "picks"
export const chosen = signal(""); // tour whose way is shown

/** Faces of the racks: all levels of a bay and side are one cell {x, y, side, bins}. */
export function cells(allBins, floor) {
  const found = new Map();
  const sides = new Map(); // aisle/y -> names seen, for floors whose bins do not say their side
  for (const bin of allBins) {
    if (!STORED.has(bin.kind)) continue;
    const spot = `${bin.aisle}/${bin.y_mm}`;
    let side = /([LR])-\d+$/.exec(bin.location)?.[1];
    if (!side) {
      const seen = sides.get(spot) ?? 0;
      side = seen % 2 ? "R" : "L";
      if (bin.level === 0) sides.set(spot, seen + 1);
    }
    const name = `${spot}/${side}`;
    if (!found.has(name)) found.set(name, { x: floor.aisle_x_mm[bin.aisle] ?? 0, y: bin.y_mm, side, bins: [] });
    found.get(name).bins.push(bin.location);
  }
  return [...found.values()];
}

/** Height of a cell in mm: the distance between two neighbours along the aisle. */
function bayMm(all, lengthMm) {
  const ys = [...new Set(all.map((cell) => cell.y))].sort((a, b) => a - b);
  const gaps = ys.slice(1).map((y, n) => y - ys[n]);
  return gaps.length ? Math.min(...gaps) : lengthMm / 10;
}

/** 0 … 1, by the square root: a bay with 4,000 screws must not make all others look empty. */
const shade = (value, most) => (value > 0 ? 0.06 + 0.94 * Math.sqrt(value / Math.max(most, 1)) : 0);

/** Map, switch between stock and picks, legend. */
export function FloorMap() {
  const which = measure.value;
  const most = useMost();
  return html`<section class="card map" aria-label="Map of the floor">
    <div class="card-head">
      <h2>The floor</h2>
      <div class="switch" role="group" aria-label="What the colours show">
        ${[["stock", "Stock"], ["picks", "Picks, last hour"]].map(([name, text]) => html`
          <button type="button" aria-pressed=${which === name} onClick=${() => (measure.value = name)}>${text}</button>`)}
      </div>
    </div>
    ${block.value ? html`<${Drawing} most=${most} />` : html`<p class="empty tall" aria-busy=${!fault.value}>${fault.value || "Asking for the racks …"}</p>`}
    <div class="legend" aria-hidden="true">
      <span>0</span><span class="ramp"></span><span>${number(most)} ${which === "stock" ? "units a bay" : "units picked a bay"}</span>
      <span class="key"><i class="dot"></i>picker</span><span class="key"><i class="dot short"></i>at a short</span>
    </div>
  </section>`;
}

function useMost() {
  const index = measure.value === "stock" ? 0 : 1;
  if (!block.value) return 0;
  return Math.max(0, ...cellsNow().map((cell) => valueOf(cell, index)));
}

let cellsOf = [];
let cellsFor = null;

function cellsNow() {
  if (cellsFor !== bins.value) {
    cellsFor = bins.value;
    cellsOf = block.value ? cells(bins.value, block.value) : [];
  }
  return cellsOf;
}

const valueOf = (cell, index) => cell.bins.reduce((sum, bin) => sum + (heat.value[bin]?.[index] ?? 0), 0);

function frame(floor) {
  const xs = [...floor.aisle_x_mm, floor.depot_x_mm];
  const x = Math.min(...xs) - PAD.left;
  const width = Math.max(...xs) + PAD.right - x;
  return { x, width, height: floor.aisle_length_mm + PAD.top + PAD.bottom, top: floor.aisle_length_mm + PAD.top };
}

function Drawing({ most }) {
  const floor = block.value;
  const box = frame(floor);
  const all = cellsNow();
  const bay = bayMm(all, floor.aisle_length_mm);
  const canvas = useRef(null);
  const [pointed, point] = useState(null);
  const index = measure.value === "stock" ? 0 : 1;
  const values = heat.value;

  useEffect(() => {
    const draw = () => paint(canvas.current, floor, all, bay, box, index, most);
    draw();
    const sized = new ResizeObserver(draw);
    sized.observe(canvas.current);
    const dark = matchMedia("(prefers-color-scheme: dark)");
    dark.addEventListener("change", draw);
    return () => {
      sized.disconnect();
      dark.removeEventListener("change", draw);
    };
  }, [all, values, index, most]);

  const left = (cell) => leftOf(cell, floor);
  const find = (event) => {
    const frameBox = event.currentTarget.getBoundingClientRect();
    const x = box.x + ((event.clientX - frameBox.left) / frameBox.width) * box.width;
    const y = box.top - ((event.clientY - frameBox.top) / frameBox.height) * box.height;
    return all.find((cell) => {
      return x >= left(cell) && x <= left(cell) + RACK * floor.aisle_pitch_mm && y >= cell.y - bay / 2 && y <= cell.y + bay / 2;
    });
  };
  return html`<div class="drawing" style=${`aspect-ratio:${box.width}/${box.height}; --most:${box.width / box.height}`}>
    <canvas ref=${canvas} aria-hidden="true"></canvas>
    <svg viewBox=${`${box.x} 0 ${box.width} ${box.height}`} role="img" aria-label=${sentence()}
      onMouseMove=${(event) => point(find(event) ?? null)} onMouseLeave=${() => point(null)}
      onClick=${(event) => { const cell = find(event); if (cell) location.hash = `bay/${cell.bins.join(",")}`; }}>
      ${floor.aisle_x_mm.map((x, n) => html`<text class="aisle" x=${x} y=${box.top + 1_950} text-anchor="middle">${n + 1}</text>`)}
      <path class="depot" d=${`M${floor.depot_x_mm - 700} ${box.top + 620}h1400v320h-1400z`} />
      <${Way} top=${box.top} />
      <${People} top=${box.top} />
      ${pointed && html`<rect class="pointed" x=${left(pointed)}
        y=${box.top - pointed.y - bay / 2} width=${RACK * floor.aisle_pitch_mm} height=${bay} />`}
    </svg>
    ${pointed && html`<p class="tip" style=${tipPlace(pointed, box)}>
      <b>${pointed.bins[0].replace(/-\d+$/, "")}</b> ${number(valueOf(pointed, 0))} units · ${number(valueOf(pointed, 1))} picked</p>`}
  </div>`;
}

function tipPlace(cell, box) {
  const left = ((cell.x - box.x) / box.width) * 100;
  const top = ((box.top - cell.y) / box.height) * 100;
  return `left:${Math.min(78, Math.max(22, left))}%; top:${top}%; --up:${top > 14 ? "-135%" : "35%"}`;
}

const leftOf = (cell, floor) => cell.x + (cell.side === "L" ? -HALF_AISLE - RACK : HALF_AISLE) * floor.aisle_pitch_mm;

const sentence = () => {
  const floor = block.value;
  return `Map of ${floor.aisle_x_mm.length} aisles with ${number(cellsNow().length)} bays; ${tours.value.length} pickers are walking. The lists beside it tell the same.`;
};

function paint(canvas, floor, all, bay, box, index, most) {
  if (!canvas?.clientWidth) return;
  const dense = Math.min(3, devicePixelRatio || 1);
  canvas.width = Math.round(canvas.clientWidth * dense);
  canvas.height = Math.round(canvas.clientHeight * dense);
  const scale = canvas.width / box.width;
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(canvas);
  const [low, high] = ["--ramp-low", "--ramp-high"].map((name) => channels(style.getPropertyValue(name)));
  const empty = style.getPropertyValue("--ramp-empty");
  const gap = Math.max(0.5, Math.min(1.2 * dense, bay * scale * 0.12));
  for (const cell of all) {
    const share = shade(valueOf(cell, index), most);
    pen.fillStyle = share ? `rgb(${low.map((v, n) => Math.round(v + (high[n] - v) * share)).join(",")})` : empty;
    const x = (leftOf(cell, floor) - box.x) * scale;
    const y = (box.top - cell.y - bay / 2) * scale;
    pen.fillRect(x, y + gap / 2, RACK * floor.aisle_pitch_mm * scale, bay * scale - gap);
  }
}

const channels = (hex) => [1, 3, 5].map((n) => parseInt(hex.trim().slice(n, n + 2), 16));

function Way({ top }) {
  const tour = tours.value.find((one) => one.tour === chosen.value);
  if (!tour) return null;
  const line = route(tour, block.value);
  const path = line.points.map((p, n) => `${n ? "L" : "M"}${p.x} ${top - p.y}`).join("");
  return html`<g class="way">
    <path d=${path} />
    ${tour.stops.map((stop) => html`<circle class=${stop.state} cx=${block.value.aisle_x_mm[stop.aisle]} cy=${top - stop.y_mm} r="330" />`)}
  </g>`;
}

/** People, moved frame by frame without drawing the page anew. */
function People({ top }) {
  const group = useRef(null);
  useEffect(() => {
    const crew = new Map(); // tour -> {element, line, shown, tour, left}
    const calm = matchMedia("(prefers-reduced-motion: reduce)");
    let last = performance.now();
    let due = 0;
    let asked = requestAnimationFrame(step);
    function step(now) {
      asked = requestAnimationFrame(step);
      if (now < due || !group.current) return;
      due = now + (calm.matches ? CALM_FRAME_MS : crew.size > CROWD ? CROWD_FRAME_MS : FRAME_MS) - 4;
      const passed = calm.matches ? 60 : Math.min(1, (now - last) / 1000);
      last = now;
      move(crew, group.current, top, passed, now);
    }
    return () => cancelAnimationFrame(asked);
  }, [top]);
  return html`<g class="people" ref=${group}></g>`;
}

function move(crew, group, top, passedS, now) {
  const floorNow = floorTime.now();
  const walking = new Map(tours.value.map((tour) => [tour.tour, tour]));
  for (const tour of walking.values()) {
    let one = crew.get(tour.tour);
    if (!one) {
      one = { element: dot(tour), shown: 0, left: 0, tour: null, aside: aside(tour.picker) };
      group.append(one.element);
      crew.set(tour.tour, one);
    }
    if (one.tour !== tour) {
      const before = one.line;
      one.tour = tour;
      one.line = route(tour, block.value);
      if (!before) one.shown = goal(tour, one.line, floorNow);
      // A changed plan is another line: the distance walked so far is kept where both agree, and cut where the new one is shorter.
      one.shown = Math.min(one.shown, one.line.length);
      const open = tour.stops.findIndex((stop) => stop.state === "open");
      const at = open < 0 ? tour.stops.length - 1 : open - 1;
      one.element.classList.toggle("short", at >= 0 && tour.stops[at]?.state === "short");
    }
  }
  for (const [name, one] of crew) {
    if (!walking.has(name)) {
      one.left ||= now;
      if (now - one.left > LEAVES_MS) {
        one.element.remove();
        crew.delete(name);
        continue;
      }
      one.element.style.opacity = String(1 - (now - one.left) / LEAVES_MS);
    } else if (one.left) {
      one.left = 0;
      one.element.style.opacity = "1";
    }
    const wanted = one.left ? one.line.length : goal(one.tour, one.line, floorNow);
    if (!isCut.value) one.shown = advance(one.shown, wanted, passedS);
    const spot = spotAt(one.line, one.shown);
    one.element.setAttribute("transform", `translate(${(spot.x + one.aside.x).toFixed(0)} ${(top - spot.y + one.aside.y).toFixed(0)})`);
    one.element.dataset.walked = one.shown.toFixed(0);
    one.element.classList.toggle("chosen", chosen.value === name);
  }
}

const SVG = "http://www.w3.org/2000/svg";

function dot(tour) {
  const element = document.createElementNS(SVG, "g");
  element.setAttribute("class", "person");
  element.dataset.tour = tour.tour;
  const mark = document.createElementNS(SVG, "circle");
  mark.setAttribute("r", "620");
  const name = document.createElementNS(SVG, "text");
  name.setAttribute("text-anchor", "middle");
  name.setAttribute("dy", "260");
  name.textContent = initials(tour.picker);
  const title = document.createElementNS(SVG, "title");
  title.textContent = `${tour.picker}, tour ${tour.tour}`;
  element.append(mark, name, title);
  element.addEventListener("click", (event) => {
    event.stopPropagation();
    location.hash = `tour/${tour.tour}`;
  });
  return element;
}

/** A step aside, always the same for the same name: people who stand at one spot should all be seen. */
function aside(name) {
  const n = [...name].reduce((sum, letter) => sum + letter.codePointAt(0), 0);
  return { x: ((n % 5) - 2) * 170, y: ((n % 3) - 1) * 260 };
}

/** Two characters for a name: "picker-07" is 07, "Anna" is An. */
export function initials(name) {
  const digits = /(\d{1,2})$/.exec(name);
  return digits ? digits[1] : name.slice(0, 2);
}

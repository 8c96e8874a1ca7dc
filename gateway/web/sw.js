// Lets the handheld open without a connection: its files are kept as they were last served. Nothing of /api is ever answered from here.
const KEPT = "floorwise-handheld-1";
const PATIENCE_MS = 2_500; // for the gateway, before what was kept is shown
const FILES = [
  "/handheld", "/manifest.webmanifest", "/static/icon.svg", "/static/base.css", "/static/handheld/handheld.css",
  "/static/handheld/page.js", "/static/handheld/codes.js", "/static/handheld/kept.js", "/static/handheld/telling.js", "/static/handheld/work.js",
  "/static/lib/api.js", "/static/lib/time.js", "/static/lib/ui.js",
  "/static/vendor/preact.js", "/static/vendor/preact-hooks.js", "/static/vendor/htm.js", "/static/vendor/signals.js", "/static/vendor/signals-core.js",
  "/static/vendor/pico.css", "/static/vendor/inter-latin.woff2",
];

addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(FILES)).then(() => skipWaiting()));
});

addEventListener("activate", (event) => {
  const old = caches.keys().then((names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name))));
  event.waitUntil(old.then(() => clients.claim()));
});

addEventListener("fetch", (event) => {
  const path = new URL(event.request.url).pathname;
  if (event.request.method === "GET" && FILES.includes(path)) event.respondWith(fresh(event.request, path));
});

/** What the gateway serves now; what was kept when it does not answer in time. */
async function fresh(request, path) {
  const cache = await caches.open(KEPT);
  const asked = fetch(request).then(async (answer) => {
    if (answer.ok) await cache.put(path, answer.clone());
    return answer;
  });
  const kept = await cache.match(path);
  if (!kept) return asked;
  const late = new Promise((go) => setTimeout(go, PATIENCE_MS, null));
  const answer = await Promise.race([asked.catch(() => null), late]);
  return answer?.ok ? answer : kept;
}

// What a handheld keeps through a dead battery: the tour it walks, and what it has still to tell.
import { signal } from "../lib/ui.js";

const NAME = "floorwise-handheld";
const CURRENT = "current";
const HAND = "floorwise-hand"; // who is signed in, and the floor clock as last told

export const queue = signal([]); // in the order in which it was done
export const tour = signal(null);
export const hand = signal(readHand());

let opened = null;

function open() {
  opened ??= new Promise((done, fail) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      asked.result.createObjectStore("queue", { keyPath: "id", autoIncrement: true });
      asked.result.createObjectStore("tour");
    };
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => fail(asked.error);
  });
  return opened;
}

/** Do `work(stores)` in one transaction that is on the disk when this returns. */
async function together(work) {
  const db = await open();
  return new Promise((done, fail) => {
    const transaction = db.transaction(["queue", "tour"], "readwrite", { durability: "strict" });
    const told = work(transaction.objectStore("queue"), transaction.objectStore("tour"));
    transaction.oncomplete = () => done(told?.result);
    transaction.onabort = transaction.onerror = () => fail(transaction.error);
  });
}

/** Read everything back. */
export async function load() {
  const db = await open();
  const transaction = db.transaction(["queue", "tour"]);
  const [waiting, current] = await Promise.all([
    answer(transaction.objectStore("queue").getAll()),
    answer(transaction.objectStore("tour").get(CURRENT)),
  ]);
  queue.value = waiting;
  tour.value = current ?? null;
}

const answer = (asked) => new Promise((done, fail) => {
  asked.onsuccess = () => done(asked.result);
  asked.onerror = () => fail(asked.error);
});

/** Keep the tour; null forgets it. */
export async function keepTour(told) {
  await together((_, store) => (told ? store.put(told, CURRENT) : store.delete(CURRENT)));
  tour.value = told;
}

/** Note a deed and what it changes in the tour, both or neither. */
export async function note(entry, changed) {
  const id = await together((waiting, store) => {
    store.put(changed, CURRENT);
    return waiting.add(entry);
  });
  tour.value = changed;
  queue.value = [...queue.value, { ...entry, id }];
}

/** It has been told: forget it. */
export async function told(entry) {
  await together((waiting) => waiting.delete(entry.id));
  queue.value = queue.value.filter((one) => one.id !== entry.id);
}

/** It was refused for good: keep it to be seen. */
export async function refused(entry, reason) {
  const changed = { ...entry, refused: reason };
  await together((waiting) => waiting.put(changed));
  queue.value = queue.value.map((one) => (one.id === entry.id ? changed : one));
}

function readHand() {
  try {
    return JSON.parse(localStorage.getItem(HAND)) ?? {};
  } catch {
    return {};
  }
}

/** Remember `changes` about this device. */
export function keepHand(changes) {
  hand.value = { ...hand.value, ...changes };
  localStorage.setItem(HAND, JSON.stringify(hand.value));
}

/** Floor time by the device: the gateway's, carried on by the device's own clock while it is alone. 0 = never told, then the gateway dates. */
export function floorNow() {
  const { floorMs, wallMs, rate } = hand.value;
  return floorMs ? Math.round(floorMs + Math.max(0, Date.now() - wallMs) * rate) : 0;
}

/** A key that no other deed bears, also where the page is not served securely. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `handheld/${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

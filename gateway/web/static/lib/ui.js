// The few words all pages are written in: preact with htm, and signals.
import { Component, h, render } from "../vendor/preact.js";
import htm from "../vendor/htm.js";

export { Component };
export { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
export { computed, effect, signal } from "../vendor/signals.js";
export const html = htm.bind(h);

/** Put a page where its first words stand. */
export function mount(page) {
  const element = document.getElementById("page");
  element.replaceChildren();
  render(page, element);
}

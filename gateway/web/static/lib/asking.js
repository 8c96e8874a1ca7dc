// An answer that is asked for again and again while it is shown.
import { useEffect, useState } from "./ui.js";

/** What `ask()` gives, every `everyMs`: [answer or null, why there is no newer one]. A new question begins when `deps` change. */
export function useAnswer(ask, deps, everyMs = 2_000) {
  const [state, set] = useState([null, ""]);
  useEffect(() => {
    let stopped = false;
    let timer;
    const go = async () => {
      try {
        const told = document.hidden ? undefined : await ask();
        if (!stopped && told !== undefined) set([told, ""]);
      } catch (error) {
        if (!stopped) set(([before]) => [before, error.message]);
      }
      if (!stopped) timer = setTimeout(go, everyMs);
    };
    set([null, ""]);
    go();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, deps);
  return state;
}

// An answer that is asked for again and again while it is shown.
import { useEffect, useRef, useState } from "./ui.js";

/**
 * What `ask()` gives, every `everyMs`: [answer or null, why there is no newer one]. A new question begins when `deps` change; when `nudge`
 * changes the same one is asked again at once.
 */
export function useAnswer(ask, deps, everyMs = 2_000, nudge = 0) {
  const [state, set] = useState([null, ""]);
  const again = useRef(() => {});
  useEffect(() => again.current(), [nudge]);
  useEffect(() => {
    let stopped = false;
    let timer;
    let isAsking = false;
    let isNudged = false;
    const go = async () => {
      isAsking = true;
      try {
        const told = document.hidden ? undefined : await ask();
        if (!stopped && told !== undefined) set([told, ""]);
      } catch (error) {
        if (!stopped) set(([before]) => [before, error.message]);
      }
      isAsking = false;
      if (!stopped) timer = setTimeout(go, isNudged ? 0 : everyMs);
      isNudged = false;
    };
    again.current = () => {
      if (isAsking) isNudged = true; // the answer under way may be older
      else {
        clearTimeout(timer);
        go();
      }
    };
    set([null, ""]);
    go();
    return () => {
      stopped = true;
      again.current = () => {};
      clearTimeout(timer);
    };
  }, deps);
  return state;
}

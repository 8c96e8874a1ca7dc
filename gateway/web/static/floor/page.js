// The floor: where everything stands now.
import * as feed from "../lib/feed.js";
import { Shell } from "../lib/shell.js";
import { html, mount } from "../lib/ui.js";
import { Drawer } from "./drawer.js";
import { FloorMap } from "./map.js";
import { ByCutOff, ByState, Figures, Latest, Plans, Waiting, Walkers } from "./panels.js";
import * as state from "./state.js";

function Page() {
  return html`<${Shell} here="/">
    <h1 class="unseen">The floor now</h1>
    <${Figures} />
    <div class="floor">
      <${FloorMap} />
      <div class="side"><${ByState} /><${ByCutOff} /><${Waiting} /></div>
      <div class="side"><${Walkers} /><${Plans} /><${Latest} /></div>
    </div>
    <${Drawer} />
  <//>`;
}

state.start();
feed.start();
mount(html`<${Page} />`);

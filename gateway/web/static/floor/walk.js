// Where a picker is: between the last stop done and the next open one, along the aisles. Pure; lengths in mm, times in floor ms.

export const WALK_MM_S = 1_000; // an unhurried pace with a cart; a picker who is faster is caught up with at the next stop
const CATCH_UP_S = 0.35; // wall time in which most of a lag is made good

/** Corners of the shortest way between two spots {x, y}: along the aisle, or round by the nearer cross-aisle. */
export function corners(from, to, lengthMm) {
  if (from.x === to.x) return [from, to];
  const y = from.y + to.y <= 2 * lengthMm - from.y - to.y ? 0 : lengthMm;
  return [from, { x: from.x, y }, { x: to.x, y }, to];
}

/** The whole walk of a tour as a line: {points: [{x, y, at}], stops: [distance of each stop], length}. Begins and ends at the depot. */
export function route(tour, block) {
  const depot = { x: block.depot_x_mm, y: 0 };
  const points = [{ ...depot, at: 0 }];
  const stops = [];
  let here = depot;
  const go = (spot) => {
    for (const corner of corners(here, spot, block.aisle_length_mm).slice(1)) {
      const last = points[points.length - 1];
      points.push({ ...corner, at: last.at + Math.abs(corner.x - last.x) + Math.abs(corner.y - last.y) });
    }
    here = spot;
  };
  for (const stop of tour.stops) {
    go({ x: block.aisle_x_mm[stop.aisle] ?? 0, y: stop.y_mm });
    stops.push(points[points.length - 1].at);
  }
  go(depot);
  return { points, stops, length: points[points.length - 1].at };
}

/** The spot at `distance` along a route. */
export function spotAt(line, distance) {
  const { points } = line;
  let n = 1;
  while (n < points.length - 1 && points[n].at < distance) n += 1;
  const [a, b] = [points[n - 1], points[n]];
  const share = b.at > a.at ? Math.min(1, Math.max(0, (distance - a.at) / (b.at - a.at))) : 1;
  return { x: a.x + (b.x - a.x) * share, y: a.y + (b.y - a.y) * share };
}

/** How far along its route the tour's picker should be at floor time `nowMs`: never beyond the next open stop. */
export function goal(tour, line, nowMs) {
  const open = tour.stops.findIndex((stop) => stop.state === "open");
  const next = open < 0 ? tour.stops.length : open;
  const left = next ? tour.stops[next - 1].done_at_ms || tour.taken_at_ms : tour.taken_at_ms;
  const from = next ? line.stops[next - 1] : 0;
  const to = next < line.stops.length ? line.stops[next] : line.length;
  return Math.min(to, from + Math.max(0, nowMs - left) * (WALK_MM_S / 1000));
}

/** The distance to show next, `wallS` after `shown`: on towards `wanted`, quickly but without a jump, and never back. */
export function advance(shown, wanted, wallS) {
  return wanted <= shown ? shown : shown + (wanted - shown) * (1 - Math.exp(-wallS / CATCH_UP_S));
}

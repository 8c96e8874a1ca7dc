"""A tour as a picture: SVG text of the floor, the walk and its stops, for reports and pages.

Colours come from CSS classes with defaults in the file, so a page may restyle it; nothing is loaded from elsewhere.
"""

from collections.abc import Sequence
from html import escape
from itertools import pairwise

from floorwise.optimizer.check import depot_node, location_node, shortest_path, walk_graph
from floorwise.optimizer.routing import Floor, Tour
from floorwise.optimizer.walkgraph import WalkGraph

MOST_WIDTH_PX, MOST_HEIGHT_PX, MARGIN_PX, LEAST_WIDTH_PX = 1_000, 800, 40, 560

STYLE = (
    ".floor{stroke:#c9ced6;stroke-width:6;stroke-linecap:round;fill:none}.shut{stroke:#c0392b;stroke-width:4}"
    ".walk{stroke:#1f6feb;stroke-width:2.5;fill:none;stroke-linejoin:round;opacity:.85}.stop{fill:#fff;stroke:#1f6feb;stroke-width:2}"
    ".depot{fill:#1f2933}text{font:11px system-ui,sans-serif;fill:#1f2933}.title{font-size:14px;font-weight:600}"
)


def svg(floor: Floor, tours: Sequence[Tour], title: str = "") -> str:
    """Return an SVG drawing of one or more tours; any tour that `check.check_tour` accepts can be drawn.

    A WalkGraph without coordinates for every node is drawn on a circle, its lengths then being out of scale.
    """
    place = _Plan(floor, tours)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {place.width_px} {place.height_px}" '
        f'width="{place.width_px}" height="{place.height_px}" role="img">',
        f"<title>{escape(title or 'Picking walk')}</title><style>{STYLE}</style>",
    ]
    parts += place.floor_lines()
    for number, tour in enumerate(tours):
        parts += place.walk(tour, number)
    for depot in floor.depots:
        x, y = place.px(place.xy[depot_node(floor, floor.depots.index(depot))])
        parts.append(
            f'<rect class="depot" x="{x - 7:.1f}" y="{y - 7:.1f}" width="14" height="14"><title>{escape(depot.name)}</title></rect>'
        )
    if title:
        parts.append(f'<text class="title" x="{MARGIN_PX}" y="22">{escape(title)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


class _Plan:
    def __init__(self, floor: Floor, tours: Sequence[Tour]) -> None:
        self.floor = floor
        stops = sorted({stop for tour in tours for stop in tour.stops})
        self.graph = walk_graph(floor, stops)
        self.xy = self._coordinates()
        xs, ys = [p[0] for p in self.xy.values()], [p[1] for p in self.xy.values()]
        self.left, self.front = min(xs), min(ys)
        wide, high = max(max(xs) - self.left, 1), max(max(ys) - self.front, 1)
        self.scale = min((MOST_WIDTH_PX - 2 * MARGIN_PX) / wide, (MOST_HEIGHT_PX - 2 * MARGIN_PX) / high)
        self.width_px = max(round(wide * self.scale) + 2 * MARGIN_PX, LEAST_WIDTH_PX)
        self.height_px = round(high * self.scale) + 2 * MARGIN_PX + 10
        self.legs = 0

    def _coordinates(self) -> dict:
        floor = self.floor
        if not isinstance(floor, WalkGraph):
            x = floor.aisle_x_mm.tolist()
            return {node: (x[node[0]], node[1]) for node in self.graph}
        from math import cos, sin, tau

        names = sorted({name for way in floor.ways for name in (way.start, way.end)})
        at = {}
        for k, name in enumerate(names):
            turn = tau * k / len(names)
            at[name] = tuple(floor.xy_of(name)) if floor.has_xy else (round(10_000 * cos(turn)), round(10_000 * sin(turn)))
        ways = {way.label: way for way in floor.ways}
        xy = {}
        for node in {*self.graph, *(depot_node(floor, d) for d in range(len(floor.depots)))}:
            if node[0] == "node":
                xy[node] = at[node[1]]
            else:
                way = ways[node[1]]
                share = node[2] / way.length_mm
                xy[node] = tuple(a + (b - a) * share for a, b in zip(at[way.start], at[way.end], strict=True))
        return xy

    def px(self, point: tuple[float, float], shift: float = 0.0) -> tuple[float, float]:
        x = MARGIN_PX + (point[0] - self.left) * self.scale + shift
        y = self.height_px - MARGIN_PX - (point[1] - self.front) * self.scale + shift
        return x, y

    def floor_lines(self) -> list[str]:
        lines = []
        for node in sorted(self.graph):
            for other, _ in self.graph[node]:
                if node < other or not any(back == node for back, _ in self.graph.get(other, ())):
                    (x1, y1), (x2, y2) = self.px(self.xy[node]), self.px(self.xy[other])
                    lines.append(f'<line class="floor" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')
        if not isinstance(self.floor, WalkGraph):
            for aisle, blocks in enumerate(self.floor.closed_mm.tolist()):
                for mm in blocks:
                    if mm >= 0:
                        x, y = self.px((int(self.floor.aisle_x_mm[aisle]), mm))
                        lines.append(f'<path class="shut" d="M{x - 6:.1f} {y - 6:.1f}l12 12m0 -12l-12 12"/>')
        return lines

    def walk(self, tour: Tour, number: int) -> list[str]:
        floor = self.floor
        if not tour.stops:
            return []
        nodes = [depot_node(floor, tour.start), *(location_node(floor, stop) for stop in tour.stops), depot_node(floor, tour.end)]
        points = []
        for here, there in pairwise(nodes):
            # each leg a little aside, so that ways walked twice show as two lines
            shift = (self.legs % 5 - 2) * 1.5
            self.legs += 1
            points += [self.px(self.xy[node], shift) for node in shortest_path(self.graph, here, there)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        colour = "" if number == 0 else f' style="stroke:hsl({(215 + 67 * number) % 360},70%,45%)"'
        parts = [f'<polyline class="walk"{colour} points="{path}"/>']
        for k, stop in enumerate(tour.stops, start=1):
            x, y = self.px(self.xy[location_node(floor, stop)])
            label = escape(floor.location_name(stop))
            parts.append(f'<circle class="stop" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{k}: {label}</title></circle>')
            parts.append(f'<text x="{x + 7:.1f}" y="{y + 4:.1f}">{k}</text>')
        return parts

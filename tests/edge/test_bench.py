"""The benchmark of the edge runs, measures all it promises, and checks its own work."""

import json
import subprocess
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "benchmarks" / "edge_accept.py"


def test_the_edge_benchmark_gives_figures_beside_its_yardstick():
    words = [sys.executable, str(BENCH), '{"readings": 1000, "rounds": 1, "callers": 16}']
    found = json.loads(subprocess.run(words, capture_output=True, text=True, check=True, timeout=60).stdout)
    assert set(found) == {"name", "figures", "yardstick", "ratio"}
    for name in ("single", "batched"):
        assert set(found["figures"][name]) == {"per_s", "cpu_us", "p99_ms"}
        assert found["figures"][name]["per_s"] > 0
    assert found["ratio"] == round(found["figures"]["batched"]["per_s"] / found["yardstick"]["per_s"], 3)

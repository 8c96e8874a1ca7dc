"""A small order file that holds what bites in real ones."""

import json
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

HEADER = "order,sku,quantity,price,placed_at,customer,is_return"


@pytest.fixture(scope="session")
def order_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 orders on two days: repeated SKUs, equal rows, an order beyond a cart, a bulk line, returns with and without a sale."""
    rng, rows = random.Random(7), [HEADER]
    for number in range(150):
        day, hour, minute = 3 + number % 2, rng.randint(8, 17), rng.randint(0, 59)
        for _ in range(rng.choice((1, 1, 2, 3, 5, 9))):
            rows.append(
                f"N{number:03},A{rng.randint(1, 40):03},{rng.randint(1, 12)},2.50,2025-03-{day:02} {hour:02}:{minute:02},C{number % 30},no"
            )
    rows += [rows[5], rows[5]]  # equal rows are separate lines
    rows += [f"LONG,A{n % 50 + 1:03},2,1.00,2025-03-03 10:00,C1,no" for n in range(150)]
    rows.append("BULK,A001,30000,0.10,2025-03-03 11:00,C2,no")
    rows.append("R1,A001,30000,0.10,2025-03-03 11:20,C2,yes")  # written before its sale is delivered
    rows.append("R2,A039,5,1.00,2025-03-04 12:00,NOBODY,yes")
    path = tmp_path_factory.mktemp("orders") / "shop.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture(scope="session")
def told() -> Callable[[subprocess.CompletedProcess[str]], dict]:
    """The JSON object on the last line of a command's stdout; a failure shows what the command said."""

    def read(done: subprocess.CompletedProcess[str]) -> dict:
        assert done.stdout.strip(), f"exit {done.returncode}: {done.stderr[-2000:]}"
        return json.loads(done.stdout.splitlines()[-1])

    return read

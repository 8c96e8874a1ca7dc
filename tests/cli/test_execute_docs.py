"""What docs/how-to/execute-commands.md shows is what happens."""

import json
import re

from floorwise.cli import main as door


def blocks(repository) -> list[list[dict]]:
    text = (repository / "docs/how-to/execute-commands.md").read_text(encoding="utf-8")
    return [[json.loads(line) for line in block.splitlines()] for block in re.findall(r"```json\n(.*?)```", text, flags=re.DOTALL)]


def test_the_first_floor_and_the_pallet_of_the_document_are_executed_as_shown(repository, tmp_path, capsys):
    floor, replies, pallet = blocks(repository)
    path = tmp_path / "floor.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in [*floor, *pallet]), encoding="utf-8")
    assert door.run(["execute", str(path), "--data", str(tmp_path / "floor")]) == 0
    given = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [reply["ok"] for reply in given] == [True] * 12
    assert given[4] == replies[0]
    path.write_text(json.dumps({"do": "TakeTour", "with": {"tour": "T9", "picker": "ann"}}), encoding="utf-8")
    assert door.run(["execute", str(path), "--data", str(tmp_path / "floor")]) == 0
    (refused,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert refused == replies[1] | {"line": 1}
    assert door.run(["stock", "--data", str(tmp_path / "floor"), "--place", "A2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["units"] == 48
    assert door.run(["verify", "--data", str(tmp_path / "floor"), "--json"]) == 0

"""`floorwise bench`: finds a benchmark by its name and prints what it measured beside its yardstick."""

import json

import pytest

from floorwise.cli.main import run


def said(capsys, *words: str) -> tuple[int, str, str]:
    code = run(list(words))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("ledger", ("postings=500", "skus=5", "group=10", "rounds=1")),
        ("journal", ("events=500", "group=50", "rounds=1")),
    ],
)
def test_a_benchmark_gives_figures_a_yardstick_and_their_ratio(capsys, name, options):
    words = [word for option in options for word in ("--option", option)]
    code, out, _ = said(capsys, "bench", name, *words, "--json")
    told = json.loads(out.splitlines()[-1])
    assert code == 0
    assert told["name"] == name and told["figures"] and told["yardstick"] and told["ratio"] > 0


def test_without_a_name_it_tells_which_benchmarks_there_are(capsys):
    code, out, _ = said(capsys, "bench", "--json")
    assert code == 0
    assert {"ledger", "journal"} <= set(json.loads(out.splitlines()[-1])["benchmarks"])


@pytest.mark.parametrize(("words", "complaint"), [(("no_such",), "'no_such' is unknown"), (("ledger", "-o", "rounds"), "not KEY=VALUE")])
def test_bad_input_is_one_line_and_exit_code_2(capsys, words, complaint):
    code, out, err = said(capsys, "bench", *words)
    assert (code, out) == (2, "")
    assert complaint in err and len(err.splitlines()) == 1

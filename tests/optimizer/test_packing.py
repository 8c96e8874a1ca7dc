"""Units into totes: worked out by hand, checked place by place, and lies found."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from floorwise.optimizer.packing import Article, Block, Packed, Tote, check_packing, pack

TOTE = Tote((600, 400, 300), 72_000, 0, (600, 400, 300))
MUG = Article(500, 6_000, (300, 200, 100))


def test_twelve_mugs_of_six_litres_fill_a_tote_of_seventy_two():
    for units, totes in ((12, 1), (13, 2), (24, 2)):
        made, fault = pack([("mug", units)], {"mug": MUG}, TOTE)
        assert (len(made), fault, check_packing([("mug", units)], {"mug": MUG}, TOTE, made)) == (totes, "", [])


def test_what_fits_by_volume_and_not_by_sides_takes_more_totes():
    # Cubes of 250: two along, one deep, one high, though 72 l would be more than four of 15.6 l.
    cube = {"cube": Article(0, 15_625, (250, 250, 250))}
    made, _ = pack([("cube", 4)], cube, TOTE)
    assert (len(made), check_packing([("cube", 4)], cube, TOTE, made)) == (2, [])


def test_a_long_thing_lies_across_and_one_longer_than_the_tote_is_refused():
    assert pack([("rod", 1)], {"rod": Article(0, 60, (600, 10, 10))}, TOTE)[1] == ""
    assert pack([("rod", 1)], {"rod": Article(0, 70, (700, 10, 10))}, TOTE) == ((), "article rod does not fit the tote")


def test_weight_and_volume_limits_open_another_tote():
    heavy = replace(TOTE, weight_g=1_200)
    made, _ = pack([("mug", 5)], {"mug": MUG}, heavy)
    assert [sum(block.units for block in one.blocks) for one in made] == [2, 2, 1]
    assert check_packing([("mug", 5)], {"mug": MUG}, heavy, made) == []
    assert check_packing([("mug", 5)], {"mug": MUG}, replace(heavy, weight_g=999), made)[0] == "tote 0 holds weight_g 1000 > 999"


def test_articles_without_sides_count_by_volume_alone():
    made, _ = pack([("salt", 3)], {"salt": Article(0, 30_000)}, TOTE)
    assert made == (Packed((), (("salt", 2),)), Packed((), (("salt", 1),)))
    assert check_packing([("salt", 3)], {"salt": Article(0, 30_000)}, TOTE, made) == []


def test_the_check_sees_overlaps_floating_blocks_and_missing_units():
    one = Block("mug", (0, 0, 0), (300, 200, 100), (1, 1, 1))
    lies = [
        ([one, replace(one, at_mm=(100, 0, 0))], "lie in one place"),
        ([one, replace(one, at_mm=(0, 0, 150))], "hangs in the air"),
        ([one, replace(one, at_mm=(0, 300, 0))], "sticks out"),
        ([one, replace(one, at_mm=(300, 0, 0), unit_mm=(300, 200, 90))], "is no block of mug"),
        ([one], "1 of mug are in no tote"),
        ([one, replace(one, at_mm=(300, 0, 0), count=(1, 2, 1))], "1 of mug too many"),
    ]
    for blocks, words in lies:
        said = check_packing([("mug", 2)], {"mug": MUG}, TOTE, [Packed(tuple(blocks))])
        assert any(words in one for one in said), (words, said)
    assert check_packing([("mug", 1)], {"mug": MUG}, TOTE, [Packed((), (("mug", 1),))]) == ["tote 0 holds mug without a place"]


@given(
    st.lists(st.tuples(st.tuples(*[st.integers(1, 700)] * 3), st.integers(0, 9_000), st.integers(1, 40)), min_size=1, max_size=6),
    st.integers(0, 20_000),
)
def test_every_packing_made_is_one_the_check_agrees_with(items, weight):
    articles = {
        str(n): Article(grams, -(-sides[0] * sides[1] * sides[2] // 1_000), tuple(sorted(sides, reverse=True)))
        for n, (sides, grams, _) in enumerate(items)
    }
    lines = [(str(n), units) for n, (_, _, units) in enumerate(items)]
    tote = replace(TOTE, weight_g=weight)
    made, fault = pack(lines, articles, tote)
    if fault:
        assert made == () and any(
            max(article.sides_mm) > 600 or sorted(article.sides_mm)[1] > 400 or min(article.sides_mm) > 300
            or (weight and article.weight_g > weight)
            for article in articles.values()
        )  # fmt: skip
    else:
        assert check_packing(lines, articles, tote, made) == []

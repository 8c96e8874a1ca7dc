"""The files printed in the documentation do what it says of them."""

import re

from floorwise.core.model.intake import REASONS, OrderDraft, ReturnDraft, ReviewRow
from floorwise.gateway.channels import online_retail, order_csv
from floorwise.gateway.channels.order_file import open_order_file


def block(page, language, nth=0):
    return re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL)[nth]


def test_the_file_of_the_how_to_gives_two_orders_and_parks_its_fourth_row(repository, tmp_path):
    page = repository / "docs" / "how-to" / "replay-your-orders.md"
    (tmp_path / "orders.csv").write_text(block(page, "csv"))
    for with_list in (False, True):
        if with_list:
            (tmp_path / "orders_skus.csv").write_text(block(page, "csv", 1))
        file = open_order_file(tmp_path / "orders.csv")
        assert [type(draft) for draft in file] == [OrderDraft, OrderDraft, ReviewRow]
        assert (file.rows_read, file.lines_accepted, file.lines_review) == (4, 3, 1)
    assert file.catalogue.names["TEA-EARL"] == "Earl Grey, 100 g"


def test_the_json_lines_of_the_reference_are_an_order_and_its_return(repository, tmp_path):
    (tmp_path / "orders.jsonl").write_text(block(repository / "docs" / "reference" / "order-files.md", "json"))
    assert [type(draft) for draft in open_order_file(tmp_path / "orders.jsonl")] == [OrderDraft, ReturnDraft]


def test_the_reference_names_every_column_and_every_reason_a_file_can_give(repository):
    page = (repository / "docs" / "reference" / "order-files.md").read_text()
    assert [column for column in order_csv.COLUMNS if f"| `{column}` |" not in page] == []
    assert ",".join(online_retail.COLUMNS) in page
    assert [reason for reason in REASONS if f"`{reason}`" not in page] == ["no_sale_in_history"]  # found by the return flow

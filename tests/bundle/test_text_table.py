from bundle.text_table import text_table


def test_columns_are_as_wide_as_their_cells():
    assert text_table(("path", "bytes"), [("a", "1,000"), ("a/long", "2")], right=(1,)).splitlines() == [
        "path    bytes",
        "------  -----",
        "a       1,000",
        "a/long      2",
    ]

import io

from crypto_prices.aws.redshift_data import StatementResult

from dev.sql.row_output import write_rows


def written(columns, records, row_format, row_total=None):
    output = io.StringIO()
    write_rows(output, StatementResult(columns, records, row_total), row_format)
    return output.getvalue()


def test_a_table_keeps_every_digit_and_ends_with_the_number_of_rows():
    text = written(["symbol", "price"], [["BTC", "42102.500000000000000000"], ["ETH", None]], "table")
    assert [line.split("|") for line in text.splitlines()[2:4]] == [
        [" BTC      ", " 42102.500000000000000000"],
        [" ETH      ", ""],
    ]
    assert text.endswith("(2 rows)\n")
    assert written(["a"], [[1]], "table").endswith("(1 row)\n")


def test_csv_has_a_header_even_without_rows_and_quotes_what_needs_it():
    assert written(["a", "a"], [[1, 'x,"y"'], [None, True]], "csv") == 'a,a\n1,"x,""y"""\n,true\n'
    assert written(["a"], [], "csv") == "a\n"


def test_a_statement_without_rows_says_so_only_in_a_table():
    assert "no rows" in written([], [], "table")
    assert written([], [], "csv") == ""


def test_a_statement_that_changes_rows_says_how_many_only_in_a_table():
    assert "4 rows changed" in written([], [], "table", row_total=4)
    assert "0 rows changed" in written([], [], "table", row_total=0)
    assert written([], [], "csv", row_total=4) == ""

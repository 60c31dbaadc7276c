from benchmarks.table import Results, tables


def test_a_figure_is_the_median_of_its_rounds_and_a_ratio_to_nginx() -> None:
    results: Results = {
        "nginx": {"request µs": [10.0, 30.0, 20.0]},
        "relay": {"request µs": [90.0, 60.0, 50.0]},
    }
    lines = tables(results).splitlines()
    assert lines[0].startswith("| A chat request of 1 KB | CPU µs/request | times nginx |")
    assert lines[2].startswith("| nginx | 20.0 (10.0 to 30.0) | 1.00 |")
    assert lines[3].startswith("| relay | 60.0 (50.0 to 90.0) | 3.00 |")


def test_without_nginx_there_is_no_ratio() -> None:
    assert "| relay | 60.0 |  |" in tables({"relay": {"request µs": [60.0]}})


def test_only_what_was_measured_has_a_table_and_a_row() -> None:
    results: Results = {"nginx": {"idle MiB": [13.0]}, "relay": {}}
    assert tables(results).splitlines() == [
        "| Start | first answer after s | idle MiB |",
        "| --- | ---: | ---: |",
        "| nginx |  | 13 |",
    ]

from gateway.control.counters import CounterSums, render_metrics


def test_deltas_of_all_edges_are_added_up() -> None:
    sums = CounterSums()
    sums.add({"requests_total": 2, 'faults_total{fault="x"}': 1})
    sums.add({"requests_total": 3})
    assert sums.sums == {"requests_total": 5, 'faults_total{fault="x"}': 1}


def test_names_that_would_break_the_page_are_not_kept() -> None:
    sums = CounterSums()
    sums.add({"a b": 1, "a\nb 2": 1, "": 1, 'x{l="}"}\n': 1, "X": 1})
    assert sums.sums == {}


def test_series_are_bounded() -> None:
    sums = CounterSums()
    sums.add({f"n{number}": 1 for number in range(6000)})
    sums.add({"n0": 1})
    assert len(sums.sums) == 5000
    assert sums.sums["n0"] == 2


def test_the_page_has_one_type_line_for_each_family() -> None:
    text = render_metrics({'b{x="1"}': 1, "bb_total": 4, 'b{x="2"}': 2, "aig_a": 3}, {"g": 0})
    assert text == (
        "# TYPE aig_a_total counter\naig_a_total 3\n"
        '# TYPE aig_b_total counter\naig_b_total{x="1"} 1\naig_b_total{x="2"} 2\n'
        "# TYPE aig_bb_total counter\naig_bb_total 4\n"
        "# TYPE aig_g gauge\naig_g 0\n"
    )

"""The contenders of the miniflow benchmark compute the same; how fast they are is not tested."""

import numpy as np
import pytest

from benchmarks import miniflow as suite
from benchmarks.demo import installed


@pytest.mark.parametrize("sizes", suite.NETWORKS, ids=str)
@pytest.mark.parametrize("contender", [suite.in_one_call, suite.sorted_once, suite.in_torch])
def test_contenders_train_as_the_step_by_hand(contender, sizes):
    if contender is suite.in_torch and not installed("torch"):
        pytest.skip("needs torch")
    ours, by_hand = (c(*suite.data(sizes)) for c in (contender, suite.by_hand))
    losses = [by_hand() for _ in range(5)]
    np.testing.assert_allclose([ours() for _ in range(5)], losses, rtol=1e-12)
    assert losses == sorted(losses, reverse=True)


def test_contenders_that_differ_are_an_error():
    def wrong(x, y, arrays):
        step = suite.by_hand(x, y, arrays)
        return lambda: 1.001 * step()

    with pytest.raises(AssertionError, match=r"\[64, 10\]: the losses differ"):
        suite.measure([64, 10], [suite.by_hand, wrong], rounds=1)


def test_table_has_a_row_for_each_network(monkeypatch):
    monkeypatch.setattr(suite, "CALLS", 1)
    table = suite.run(rounds=1)
    assert [row[0] for row in table.rows] == ["64→10", "784→10", "64→32→10"]
    assert all(len(row) == len(table.columns) for row in table.rows)

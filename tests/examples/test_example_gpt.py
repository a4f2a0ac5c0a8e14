"""The GPT of scalars learns names, and learns the same compiled and scalar by scalar."""

import doctest
import math
import signal
import subprocess
import sys
import zoneinfo
from itertools import islice, pairwise

import numpy as np
import pytest
from oracles import ROOT

from examples.gpt import command as gpt
from examples.gpt import names as data
from examples.gpt.model import GPT
from examples.gpt.names import Alphabet, Split, bigram_loss, cities, read, split
from examples.gpt.pictures import head_of
from examples.gpt.training import Plan, Programs, batches, by_length, invent, train
from scalargrad import functional as F
from scalargrad.engine import operands
from scalargrad.graph import topological_sort

SIZE = ["--heads", "2", "--width", "8"]
PICTURES = ["gpt_attention.png", "gpt_head.html", "gpt_letters.png", "gpt_loss.png"]


def small(*words, seed=0, width=8):
    """Return the programs of a small GPT for some names."""
    alphabet = Alphabet(words)
    places = max(map(len, words)) + 1
    model = GPT(len(alphabet), places, layers=1, heads=2, width=width, seed=seed)
    return Programs(model, alphabet)


@pytest.fixture
def echoes(tmp_path):
    """Write a file of names that end as they begin, which no bigram model can know."""
    letters = "abcdefg"
    path = tmp_path / "echoes.txt"
    path.write_text("\n".join(f"{a}x{b}x{a}" for a in letters for b in letters), "utf-8")
    return path


# ── learning ────────────────────────────────────────────────────────────────────────────────────


def test_cities_are_learned_better_than_by_a_bigram_model(tmp_path, capsys):
    result = gpt.main(["--steps", "500", "--out", str(tmp_path)])
    *_, last = result.run.held_out.values()
    assert last < result.bigram < math.log(20)
    printed = capsys.readouterr().out
    assert f"bigram model        {result.bigram:.4f}" in printed
    assert f"GPT                 {last:.4f}" in printed
    assert ", ".join(result.invented[:1]) in printed
    assert sorted(path.name for path in tmp_path.iterdir()) == PICTURES


def test_what_a_bigram_model_cannot_know_is_learned_by_attention(tmp_path, echoes):
    arguments = [*SIZE, "--names", str(echoes), "--steps", "300", "--rate", "0.02", "--decay", "0"]
    result = gpt.main([*arguments, "--out", str(tmp_path / "out")])
    *_, last = result.run.held_out.values()
    assert last < result.bigram - 0.2
    assert sum(name[1::2] == "xx" for name in result.invented) > 15  # of 20


def test_both_ways_give_the_same_losses_and_the_same_model(tmp_path, echoes):
    arguments = ["--names", str(echoes), "--steps", "6", "--batch", "4", *SIZE, "--layers", "2"]
    compiled = gpt.main([*arguments, "--out", str(tmp_path / "compiled")])
    eager = gpt.main([*arguments, "--out", str(tmp_path / "eager"), "--eager"])
    assert eager.run.losses == pytest.approx(compiled.run.losses, rel=1e-12)
    assert eager.run.held_out == pytest.approx(compiled.run.held_out, rel=1e-12)
    assert len(eager.run.losses) == 6
    both = zip(eager.model.parameters(), compiled.model.parameters(), strict=True)
    assert all(a.data == pytest.approx(b.data, rel=1e-7, abs=1e-9) for a, b in both)
    assert eager.invented == compiled.invented


# ── the model ───────────────────────────────────────────────────────────────────────────────────


def by_hand(model, tokens):
    """Return the logits of the same model, in arrays."""

    def numbers(matrix):
        return np.array([[v.data for v in row] for row in matrix])

    def normed(x):
        return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5)

    count = len(tokens)
    x = normed(numbers(model.letters)[tokens] + numbers(model.places)[:count])
    for block in model.blocks:
        queries, keys, values = (
            np.split(normed(x) @ numbers(w).T, block.heads, axis=1)
            for w in (block.query, block.key, block.value)
        )
        seen = []
        for q, k, v in zip(queries, keys, values, strict=True):
            scores = q @ k.T / math.sqrt(q.shape[1])
            scores[np.triu_indices(count, 1)] = -np.inf
            weights = np.exp(scores)
            seen.append(weights / weights.sum(axis=1, keepdims=True) @ v)
        x = x + np.hstack(seen) @ numbers(block.mix).T
        x = x + np.maximum(normed(x) @ numbers(block.up).T, 0) @ numbers(block.down).T
    return x @ numbers(model.head).T


def test_logits_and_loss_are_those_of_array_code():
    model = GPT(5, 6, layers=2, heads=2, width=4, seed=1)
    for p in model.parameters():
        p.data *= 5  # so that no norm hides a part
    tokens = [0, 3, 1, 4, 4, 0]
    expected = by_hand(model, tokens[:-1])
    found = np.array([[z.data for z in row] for row in model.logits(tokens[:-1])])
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)
    chances = np.exp(expected) / np.exp(expected).sum(axis=1, keepdims=True)
    loss = -np.log(chances[np.arange(5), tokens[1:]]).mean()
    assert model.loss(tokens).data == pytest.approx(loss, rel=1e-12)


def test_later_letters_make_no_difference_to_earlier_places():
    model = GPT(5, 6, layers=2, heads=2, width=4, seed=1)
    one, other = model.logits([0, 1, 2, 3]), model.logits([0, 1, 4, 4])
    assert [[z.data for z in row] for row in one[:2]] == [
        [z.data for z in row] for row in other[:2]
    ]
    assert one[2][0].data != other[2][0].data


def test_size_is_that_of_microgpt():
    model = GPT(27, 16, layers=1, heads=4, width=16, seed=0)
    assert len(model.parameters()) == 4192


def test_programs_give_the_loss_of_each_name_and_its_gradient():
    programs = small("anna", "bert", "carl", "eva")
    model, alphabet = programs.model, programs.alphabet
    loss, gradient = programs.value_and_grad(["anna", "carl"])
    eager = F.mean([model.loss(alphabet.tokens(name)) for name in ("anna", "carl")])
    eager.backward()
    assert loss == pytest.approx(eager.data, rel=1e-12)
    assert gradient == pytest.approx(np.array([p.grad for p in programs.values]), abs=1e-12)
    each = {name: model.loss(alphabet.tokens(name)).data for name in ("anna", "eva")}
    assert programs.loss(["anna", "eva"]) == pytest.approx((5 * each["anna"] + 4 * each["eva"]) / 9)
    assert len(programs) == 2


def test_training_leaves_the_model_where_the_programs_are():
    programs = small("anna", "bert", "carl", "eva")
    plan = Plan(steps=3, batch=2, rate=0.01, decay=0.1, seed=0)
    before = programs.parameters.copy()
    train(programs, Split(["anna", "bert", "eva"], ["carl"]), plan)
    assert [p.data for p in programs.values] == programs.parameters.tolist()
    assert (before != programs.parameters).any()


@pytest.mark.usefixtures("listening")
def test_ctrl_c_ends_the_training_after_a_step_and_keeps_what_was_learned(monkeypatch):
    programs = small("anna", "bert", "carl", "eva")
    compute = Programs.value_and_grad

    def interrupted(self, batch):
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        calls.append(batch)
        return compute(self, batch)

    calls = []
    monkeypatch.setattr(Programs, "value_and_grad", interrupted)
    plan = Plan(steps=100, batch=2, rate=0.01, decay=0.1, seed=0)
    run = train(programs, Split(["anna", "bert", "eva"], ["carl"]), plan)
    assert len(run.losses) == 3
    assert [*run.held_out] == [0, 3]
    assert [p.data for p in programs.values] == programs.parameters.tolist()


def test_invented_names_of_a_model_that_knows_nothing_are_of_all_letters_and_lengths():
    programs = small("ab", "c", "abcab")
    programs.parameters[:] = 0.0
    names = invent(programs, 300, 5, seed=0)
    assert {len(name) for name in names} == {1, 2, 3, 4, 5}
    counts = np.array([sum(name[0] == letter for name in names) for letter in "abc"])
    assert counts.sum() == 300
    assert counts.min() > 70  # of 100, for each letter
    assert 50 < sum(len(name) == 1 for name in names) < 100  # a quarter of them end at once
    assert names == invent(programs, 300, 5, seed=0) != invent(programs, 300, 5, seed=1)


# ── pictures ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["a", "ab", "abcab"])
def test_score_of_a_head_is_its_part_of_the_logit(name):
    programs = small("a", "ab", "abcab", seed=4)
    model, alphabet = programs.model, programs.alphabet
    *seen, following = alphabet.tokens(name)[:4]
    score = head_of(model, alphabet, name)
    block, rows = model.blocks[0], model.rows(seen)[0]
    (found, *_) = (F.attention(*head, causal=True) for head in block.split(rows))
    mixed = [F.dot(row[: len(found[-1])], found[-1]) for row in block.mix]
    assert score.data == pytest.approx(F.dot(model.head[following], mixed).data, rel=1e-12)
    labels = {node.label for node in topological_sort([score], operands)}
    assert {"score", "k0[•].0", "v0[•].1", f"q[{name[: len(seen) - 1][-1:] or '•'}].0"} <= labels


# ── names ───────────────────────────────────────────────────────────────────────────────────────


def test_cities_are_those_of_the_time_zones(monkeypatch):
    found = cities()
    assert {"buenos aires", "port-au-prince", "berlin", "tokyo"} <= {*found}
    assert len(found) == len({*found}) > 300
    assert not {"utc", "est", "gmt+1", "eastern"} & {*found}
    monkeypatch.setattr(data, "available_timezones", set)
    with pytest.raises(data.NamesError, match="pip install tzdata"):
        cities()


def test_cities_come_from_tzdata_where_the_system_has_none():
    code = "from examples.gpt.names import cities; print(len(cities()))"
    path = str(next(p for p in sys.path if p.endswith("site-packages")))
    counts = [
        int(
            subprocess.run(
                [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True,
                env={"PYTHONTZPATH": where, "PYTHONPATH": path},
            ).stdout
        )
        for where in ("", ":".join(zoneinfo.TZPATH))
    ]  # fmt: skip
    assert min(counts) > 300


def test_file_of_names_is_read_line_by_line(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("Emma\n\n  olivia \nEMMA\r\nZoë\n", encoding="utf-8")
    assert read(path) == ["emma", "olivia", "zoë"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        (b"", "needs two names at least, one on each line, got 0"),
        (b"emma\n\nEmma\n", "needs two names at least, one on each line, got 1"),
        (b"\xff\xfe\x00", "is no text in UTF-8"),
        (b"emma\n" + b"x" * 65, "needs names of at most 64 letters, got one of 65: xxxx"),
    ],
)
def test_a_file_that_holds_no_names_gets_a_sentence(content, message, tmp_path, capsys):
    path = tmp_path / "names.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SystemExit):
        gpt.main(["--names", str(path)])
    error = capsys.readouterr().err
    assert message in error
    assert str(path) in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--width", "16", "--heads", "3"], "--width needs a multiple of --heads 3, got 16"),
        (["--layers", "0"], "--layers: needs a whole number of at least 1, got '0'"),
        (["--steps", "0.5"], "--steps: needs a whole number of at least 1, got '0.5'"),
        (["--rate", "0"], "--rate: needs a positive number, got '0'"),
        (["--decay", "-1"], "--decay: needs a number from 0 up, got '-1'"),
    ],
)
def test_options_that_make_no_sense_are_refused(arguments, message, capsys):
    with pytest.raises(SystemExit):
        gpt.main(arguments)
    assert message in capsys.readouterr().err


def test_two_names_are_enough(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("a\nbc\n", encoding="utf-8")
    result = gpt.main(["--names", str(path), "--steps", "2", *SIZE, "--out", str(tmp_path / "o")])
    assert math.isfinite(result.bigram)
    assert all(map(math.isfinite, result.run.losses))


def test_split_holds_out_a_tenth_and_loses_nothing():
    names = [f"name {i}" for i in range(100)]
    one, same, other = split(names, 1), split(names, 1), split(names, 2)
    assert one == same != other
    assert sorted([*one.training, *one.held_out]) == sorted(names)
    assert len(one.held_out) == 10


def test_batches_are_names_of_one_length_drawn_by_how_many_there_are():
    names = [*(f"{i:03}" for i in range(90)), *(f"{i:04}" for i in range(10))]
    drawn = list(islice(batches(names, 20, seed=0), 300))
    assert all(len(by_length(batch)) == 1 for batch in drawn)
    assert all(len({*batch}) == len(batch) for batch in drawn)
    assert {len(batch) for batch in drawn} == {20, 10}
    assert 0.85 < sum(len(batch[0]) == 3 for batch in drawn) / 300 < 0.95


def test_bigram_loss_is_that_of_counted_pairs():
    alphabet = Alphabet(["ab"])
    names = Split(["ab", "ab", "aa"], ["ab"])
    pairs = {(0, 1): 3, (1, 2): 2, (1, 1): 1, (1, 0): 1, (2, 0): 2}
    losses = []
    for extra in data.SMOOTHINGS:
        asked = pairwise(alphabet.tokens("ab"))
        chances = [
            (pairs[pair] + extra)
            / (sum(n for p, n in pairs.items() if p[0] == pair[0]) + 3 * extra)
            for pair in asked
        ]
        losses.append(-sum(map(math.log, chances)) / 3)
    assert bigram_loss(names, alphabet) == pytest.approx(min(losses), rel=1e-12)


def test_doctests_of_the_names_are_right():
    results = doctest.testmod(data)
    assert results.attempted > 0
    assert results.failed == 0

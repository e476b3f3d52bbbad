import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from pools import load
from sklearn.linear_model import LogisticRegression, RidgeClassifier

from alsim.errors import UsageError
from alsim.options.synthetic import VkOptions
from alsim.pool.pool import Pool
from alsim.pool.synthetic import ORIGIN_KEY, vk_pool

SMALL = Path(__file__).parents[2] / "datasets" / "vk_small.parquet"


@pytest.fixture(scope="module")
def table() -> pa.Table:
    return vk_pool(VkOptions(n_rows=12_000))


def present(table: pa.Table, name: str) -> np.ndarray[Any, Any]:
    return table.column(name).is_valid().to_numpy()


@pytest.mark.long
def test_the_same_options_give_the_same_table_whatever_the_number_of_threads() -> None:
    options = VkOptions(n_rows=9000, picture_width=20, text_width=10, seed=3)
    n_threads = torch.get_num_threads()
    before = torch.get_rng_state()
    try:
        torch.set_num_threads(1)
        first = vk_pool(options)
        torch.set_num_threads(2)
        second = vk_pool(options)
    finally:
        torch.set_num_threads(n_threads)
    assert first.equals(second, check_metadata=True)
    assert torch.equal(before, torch.get_rng_state())
    assert not first.equals(vk_pool(VkOptions(9000, 20, 10, seed=4)))


def test_the_shipped_pool_equals_the_one_made_from_its_options() -> None:
    shipped = pq.read_table(SMALL)
    options = json.loads(shipped.schema.metadata[ORIGIN_KEY])
    assert options.pop("generator") == "vk"
    assert vk_pool(VkOptions(**options)).equals(shipped)
    assert SMALL.stat().st_size <= 2_000_000


def test_topics_are_long_tailed_and_each_occurs(table: pa.Table) -> None:
    _, counts = np.unique(table.column("label").to_numpy(), return_counts=True)
    assert len(counts) == 50
    assert 0.15 < counts.max() / 12_000 < 0.25
    assert counts.min() < 50


def test_every_post_has_a_picture_or_a_text(table: pa.Table) -> None:
    picture, text = present(table, "picture"), present(table, "text")
    assert (picture | text).all()
    assert 0.15 < 1 - picture.mean() < 0.25
    assert 0.10 < 1 - text.mean() < 0.20


def test_absence_depends_weakly_on_the_topic(table: pa.Table) -> None:
    truth = table.column("true_label").to_numpy()
    absent = ~present(table, "picture")
    shares = {
        topic: absent[truth == topic].mean()
        for topic in np.unique(truth)
        if (truth == topic).sum() > 200
    }
    # Under independence a share of 200 rows has a deviation of .028.
    assert np.std(list(shares.values())) > 0.04
    assert max(shares.values()) < 0.6


def test_the_requested_share_of_labels_is_wrong_and_mostly_within_the_group(
    table: pa.Table,
) -> None:
    label, truth, group = (
        table.column(name).to_numpy() for name in ("label", "true_label", "group")
    )
    wrong = label != truth
    # Some "wrong" draws give the true topic again.
    assert 0.04 < wrong.mean() < 0.065
    of_topic = dict(zip(truth, group, strict=True))
    within = np.array([of_topic[name] for name in label[wrong]]) == group[wrong]
    assert 0.6 < within.mean() < 0.95


def test_without_label_noise_all_labels_are_true_and_embeddings_are_unchanged() -> None:
    noisy, clean = (vk_pool(VkOptions(2000, 8, 4, label_noise=share)) for share in (0.3, 0.0))
    assert clean.column("label").equals(clean.column("true_label"))
    assert not noisy.column("label").equals(noisy.column("true_label"))
    for name in ("picture", "text", "true_label", "split"):
        assert noisy.column(name).equals(clean.column(name))


def accuracy(model: Any, pool: Pool, names: list[str], n_train: int) -> float:
    columns = [list(pool.modalities).index(name) for name in names]
    usable = pool.present[:, columns].any(1).numpy()
    x = np.hstack([pool.modalities[name].numpy() for name in names])
    y = pool.tasks["label"].labels.numpy()
    train = np.random.default_rng(0).permutation(np.array(pool.splits["train"]))[:n_train]
    train = train[usable[train]]
    test = np.array(pool.splits["test"])
    test = test[usable[test]]
    return float(model.fit(x[train], y[train]).score(x[test], y[test]))


@pytest.mark.long
def test_a_probe_is_better_on_text_than_on_pictures_and_with_more_labels(
    table: pa.Table, tmp_path: Path
) -> None:
    pool = load(table, tmp_path / "pool", initial_size=2000).pool
    probe = LogisticRegression(C=0.03, max_iter=30, tol=0.01)
    assert 0.55 < accuracy(probe, pool, ["picture", "text"], 2000) < 0.70
    ridge = RidgeClassifier(alpha=100)
    few, all_ = (accuracy(ridge, pool, ["picture", "text"], n) for n in (2000, 12_000))
    assert all_ > few + 0.01
    text, picture = (accuracy(ridge, pool, [name], 2000) for name in ("text", "picture"))
    assert text > picture + 0.05


@pytest.mark.parametrize(
    "options",
    [{"n_rows": 0}, {"n_classes": 1}, {"absent_text": 1.0}, {"noise": -1.0}, {"text_width": 0}],
)
def test_options_that_cannot_make_a_pool_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        vk_pool(VkOptions(**options))


def test_shares_of_zero_are_respected() -> None:
    options = VkOptions(
        500, 4, 4, absent_picture=0, absent_text=0, dull_picture=0, dull_text=0, test=0
    )
    table = vk_pool(options)
    assert table.column("picture").null_count == table.column("text").null_count == 0
    assert table.column("split").unique().to_pylist() == ["train"]

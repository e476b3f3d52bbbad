"""A made-up pool like that of the VK study, for first runs, tests and benchmarks."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor

from alsim.errors import UsageError
from alsim.options.option import options_of
from alsim.options.synthetic import MmoeOptions, VkOptions
from alsim.pool.roles import Roles, write_roles
from alsim.seeding import stream

LATENT = 24  # dimensions in which topics differ
HIDDEN = 64  # units of the map from the latent space to an embedding
CHUNK_ROWS = 8192  # rows embedded at once; fixed, since draws come chunk by chunk
ORIGIN_KEY = b"alsim.synthetic"


def vk_pool(options: VkOptions | None = None) -> pa.Table:
    """Return a table of posts with a picture and a text embedding and an unbalanced topic.

    It imitates the data of the VK study, about 250,000 posts with an optional picture embedding
    and an optional text embedding, one of 50 very unbalanced topics each. What the study leaves
    open follows what such data usually have. No strategy was run to tune it, only a logistic probe
    (accuracy with the defaults: 0.66 from 2,000 rows and 0.72 from all, where a net with one
    hidden layer reaches 0.76).

    1. **Topics.** One in five topics founds a group; the others join groups at random. A group
       has a centre g ~ N(0, I₂₄), a topic the centre g + 0.75·N(0, I). A topic's spread is
       0.6·exp(0.35·N(0, 1)): some are narrow, some are broad. Topic k, from 1, has the share
       p ∝ (k + 2)^-1.5 of the posts: of 50, the first has 20 % and the last 0.3 %.
    2. **Posts.** A post draws its true topic by p and a position z = centre + spread·N(0, I).
    3. **Views.** The text shows z + 0.5·noise·N(0, I); the picture shows z + noise·N(0, I), so
       text says more. A dull text or picture shows a position drawn from N(0, 1.5·I), which
       has nothing to do with the topic: chatter, stock photographs.
    4. **Embeddings.** A modality is tanh(2.5·v·A / √24 + b)·B / √64 + 0.6·noise·N(0, I) for a
       view v, with A, b, B standard normal and fixed for the pool. It is rounded to half
       precision (and held as float32), as embeddings often are; so the last bits, in which
       processors differ, do not matter.
    5. **Absence.** A topic has its own odds of lacking a picture or a text: the logit of the
       share plus 0.5·N(0, 1). A post that would lack both keeps one at random, so the shares are a
       little lower than requested.
    6. **Labels.** A share of posts is mislabelled: three in four as another topic of the group,
       where it has one, the others as any topic by p. `label` holds the result, `true_label` the
       truth and `group` the true topic's group; only `label` has a role.
    7. **Splits.** Each post is test with the given probability, else train.

    Every use of randomness has its own stream of the seed: more label noise, for example, changes
    no embedding. The same options give the same table to the bit.

    Raises:
        UsageError: If an option cannot be used.
    """
    options = options or VkOptions()
    check_made(options)
    n, c = options.n_rows, options.n_classes

    def draw(name: str) -> torch.Generator:
        return stream(options.seed, "vk", name)

    topics = _Topics.draw(options)
    truth = torch.multinomial(topics.shares, n, replacement=True, generator=draw("topic"))
    spread = topics.spreads[truth].unsqueeze(1)
    position = topics.centres[truth] + spread * _normal(n, LATENT, draw("position"))
    present = _present(truth, options)
    labels = _mislabel(truth, topics, options)
    is_test = torch.rand(n, generator=draw("split")) < options.test

    digits = len(str(c))
    names = [f"topic-{k + 1:0{digits}d}" for k in range(c)]
    groups = [f"group-{k + 1:02d}" for k in range(int(topics.groups.max()) + 1)]
    columns: dict[str, Any] = {"id": pa.array(np.arange(n))}
    modalities = {
        "picture": (options.picture_width, 1.0, options.dull_picture),
        "text": (options.text_width, 0.5, options.dull_text),
    }
    for index, (name, (width, blur, dull)) in enumerate(modalities.items()):
        view = position + blur * options.noise * _normal(n, LATENT, draw(f"{name} blur"))
        nothing = 1.5**0.5 * _normal(n, LATENT, draw(f"{name} nothing"))
        is_dull = torch.rand(n, generator=draw(f"{name} dull")) < dull
        view = torch.where(is_dull.unsqueeze(1), nothing, view)
        values = _embed(view, width, options, name)
        columns[name] = pa.FixedSizeListArray.from_arrays(
            pa.array(values.ravel()), width, mask=pa.array(~present[:, index].numpy())
        )
    columns["label"] = _named(labels, names)
    columns["true_label"] = _named(truth, names)
    columns["group"] = _named(topics.groups[truth], groups)
    columns["split"] = _named(is_test.long(), ["train", "test"])
    roles = Roles(tuple(modalities), {"label": "class"}, None, "split", "id", pictures=("picture",))
    return made(columns, roles, "vk", options)


@dataclass(frozen=True, slots=True, eq=False)
class _Topics:
    centres: Tensor  # (c, LATENT) float64
    spreads: Tensor  # (c,)
    groups: Tensor  # (c,) int64
    shares: Tensor  # (c,), summing to 1

    @staticmethod
    def draw(options: VkOptions) -> "_Topics":
        c, seed = options.n_classes, options.seed
        n_groups = max(1, c // 5)
        generator = stream(seed, "vk", "groups")
        joined = torch.randint(n_groups, (c - n_groups,), generator=generator)
        groups = torch.cat([torch.arange(n_groups), joined])
        groups = groups[torch.randperm(c, generator=generator)]
        middles = _normal(n_groups, LATENT, stream(seed, "vk", "group centres"))
        offsets = _normal(c, LATENT, stream(seed, "vk", "topic centres"))
        spreads = torch.randn(c, generator=stream(seed, "vk", "spreads"), dtype=torch.float64)
        shares = (torch.arange(c, dtype=torch.float64) + 3) ** -1.5
        return _Topics(
            centres=middles[groups] + 0.75 * offsets,
            spreads=0.6 * torch.exp(0.35 * spreads),
            groups=groups,
            shares=shares / shares.sum(),
        )


def _normal(n: int, d: int, generator: torch.Generator) -> Tensor:
    return torch.randn(n, d, generator=generator, dtype=torch.float64)


def _embed(view: Tensor, width: int, options: VkOptions, name: str) -> NDArray[np.float32]:
    """Return `(n, width)` half-precision values, held as float32."""
    weights = stream(options.seed, "vk", f"{name} map")
    a = _normal(LATENT, HIDDEN, weights) / LATENT**0.5
    b = _normal(1, HIDDEN, weights)
    out = _normal(HIDDEN, width, weights) / HIDDEN**0.5
    noise = stream(options.seed, "vk", f"{name} noise")
    embedded = torch.empty(len(view), width)
    for start in range(0, len(view), CHUNK_ROWS):
        rows = view[start : start + CHUNK_ROWS]
        signal = torch.tanh(2.5 * (rows @ a) + b) @ out
        hiss = torch.randn(len(rows), width, generator=noise)
        embedded[start : start + CHUNK_ROWS] = (signal + 0.6 * options.noise * hiss).half()
    return embedded.numpy()


def _present(truth: Tensor, options: VkOptions) -> Tensor:
    """Return `(n, 2)` bool: which posts have a picture, and which a text."""
    columns: list[Tensor] = []
    for name, share in (("picture", options.absent_picture), ("text", options.absent_text)):
        generator = stream(options.seed, "vk", f"{name} absence")
        tilt = torch.randn(options.n_classes, generator=generator, dtype=torch.float64)
        odds = torch.sigmoid(torch.logit(torch.tensor(share, dtype=torch.float64)) + 0.5 * tilt)
        draws = torch.rand(len(truth), generator=generator, dtype=torch.float64)
        columns.append(draws >= odds[truth])
    present = torch.stack(columns, 1)
    coin = torch.rand(len(truth), generator=stream(options.seed, "vk", "kept")) < 0.5
    neither = ~present.any(1)
    present[:, 0] |= neither & coin
    present[:, 1] |= neither & ~coin
    return present


def _mislabel(truth: Tensor, topics: _Topics, options: VkOptions) -> Tensor:
    generator = stream(options.seed, "vk", "label noise")
    is_wrong = torch.rand(len(truth), generator=generator) < options.label_noise
    is_near = torch.rand(len(truth), generator=generator) < 0.75
    related = topics.groups.unsqueeze(0) == topics.groups.unsqueeze(1)
    # Weighed by shares: a post is taken for a frequent topic more often than for a rare one.
    weights = related * topics.shares
    weights.fill_diagonal_(0)
    alone = weights.sum(1) == 0
    weights[alone] = topics.shares
    near = torch.multinomial(weights[truth], 1, generator=generator).squeeze(1)
    far = torch.multinomial(topics.shares, len(truth), replacement=True, generator=generator)
    return torch.where(is_wrong, torch.where(is_near, near, far), truth)


def _named(codes: Tensor, names: list[str]) -> "pa.DictionaryArray[Any, Any]":
    return pa.DictionaryArray.from_arrays(codes.int().numpy(), pa.array(names))


def check_made(options: VkOptions | MmoeOptions) -> None:
    """Check the options of a made-up pool.

    Raises:
        UsageError: With all that cannot be used.
    """
    faults: list[tuple[str, str]] = []
    for name, each in options_of(type(options)).items():
        try:
            each.check_range(getattr(options, name))
        except UsageError as error:
            faults.append((f"{name}: {error.args[0]}", f"{name}: {error.args[2]}"))
    if faults:
        what, mend = map("; ".join, zip(*faults, strict=True))
        raise UsageError(what, "the made-up pool", mend)


def made(columns: Mapping[str, Any], roles: Roles, generator: str, options: Any) -> pa.Table:
    """Return the table of a made-up pool, with its roles and its origin in the metadata."""
    table = write_roles(pa.table(dict(columns)), roles)
    origin = json.dumps({"generator": generator, **asdict(options)}).encode()
    return table.replace_schema_metadata({**table.schema.metadata, ORIGIN_KEY: origin})

"""The pools that recipes make for themselves, and where to get those that must be given."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from alsim.options.synthetic import MmoeOptions, VkOptions
from alsim.pool.synthetic import vk_pool
from alsim.pool.synthetic_mmoe import mmoe_pool

MadePool = VkOptions | MmoeOptions  # how a pool is made


GENERATORS: Mapping[str, type[MadePool]] = {"vk": VkOptions, "mmoe": MmoeOptions}
_MAKERS: Mapping[type[MadePool], Callable[[Any], pa.Table]] = {
    VkOptions: vk_pool,
    MmoeOptions: mmoe_pool,
}

_CENSUS = (
    "convert Census-Income once with: alsim pool import census FILE --group {0} --only test --out "
    "census-{0}.parquet (FILE: its raw files, https://archive.ics.uci.edu/dataset/117), then add: "
    "--pool census-{0}.parquet"
)
GIVEN: Mapping[str, str] = {
    "mnist": "convert MNIST once with: alsim pool import FOLDER --out mnist.parquet (its four "
    "files are at http://yann.lecun.com/exdb/mnist/ and mirrors), then add: --pool mnist.parquet",
    "census-1": _CENSUS.format(1),
    "census-2": _CENSUS.format(2),
    "disjoint-tasks": "convert CIFAR-100 once with: alsim pool import FOLDER --out cifar.parquet "
    "(its binary version is at https://www.cs.toronto.edu/~kriz/cifar.html), then add: --pool "
    "cifar.parquet --task superclass --expert conv4; or take embeddings, each row of one task, "
    "such as CLINC150's intents in ten domains: --pool clinc150.parquet --task domain",
}


def make_pool(options: MadePool) -> pa.Table:
    """Return the pool that options describe."""
    return _MAKERS[type(options)](options)


def described(options: MadePool) -> dict[str, Any]:
    """Return how a pool was made, as JSON values."""
    generator = next(name for name, group in GENERATORS.items() if group is type(options))
    return {"generator": generator, **asdict(options)}

"""One task's net cut out of a model of experts: its tensors, and beside them how it is built.

`NAME.safetensors` holds the tensors by the names of the module's own, and `NAME.json` all else.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from alsim.errors import StoreError, UsageError
from alsim.options.model import ModelOptions
from alsim.options.types import Tabular
from alsim.store.atomic import replace_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from alsim.models import ExpertNet, Shape

_FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class TaskModel:
    """One task's net, ready to be used on rows as a pool's file holds them: it scales them itself.

    Example:
        net = alsim.load_task("runs/study/exports/mmoe-1-0-late.safetensors")
        logits = net("new.parquet")
        [net.classes[i] for i in logits.argmax(1)]
    """

    task: str
    classes: tuple[str, ...]  # in the order of the outputs; empty for a regression target
    configuration: Mapping[str, Any]  # all of the JSON file
    net: "ExpertNet"

    def __call__(
        self,
        rows: "str | Path | Tabular | Mapping[str, Tensor | NDArray[Any]]",
        present: "Tensor | NDArray[Any] | None" = None,
    ) -> "Tensor":
        """Return the logits of each class, `(n, c)`, or of a target its values, `(n, 1)`.

        Args:
            rows: A Parquet file, folder or glob, or a table in memory (pyarrow, pandas, Polars),
                with the columns that the net was trained on; an embedding is absent where it is
                null. Or arrays, modality -> `(n, d)`, of what the file holds, pixels 0 to 255;
                zeros where absent. Encoded columns are those that `configuration["inputs"]` names,
                one-hot 0 or 1, a number that is null being the mean there.
            present: Beside arrays, `(n, modalities)` bool, in the order of the configuration; None:
                all are.

        Raises:
            UsageError: If there are other modalities than the net reads, or of another shape.
            PoolError: If a file or table cannot be read.
        """
        import torch

        from alsim.models import MIXED, Inputs

        inputs = self.configuration["inputs"]
        if not isinstance(rows, Mapping):
            from alsim.store.raw_rows import read_rows

            if present is not None or not _can_be_read(rows):
                what = "rows are a file or table alone, or arrays by name, with `present` beside"
                mend = "give one of both; in a table an embedding is absent where it is null"
                raise UsageError(what, f"the net of {self.task}", mend)
            rows, present = read_rows(rows, inputs)
        given = {name: torch.as_tensor(values) for name, values in rows.items()}
        here = None if present is None else torch.as_tensor(present).bool()
        self._check(given, here)
        like = next(self.net.parameters())
        n = len(next(iter(given.values())))
        if here is None:
            here = torch.ones(n, len(inputs), dtype=torch.bool)
        scaled: dict[str, Tensor] = {}
        for place, (name, own) in enumerate(inputs.items()):
            mean, scale = (torch.tensor(own[part], dtype=torch.float64) for part in _SCALING)
            x = ((given[name].double() - mean) * scale).to(like.dtype)
            scaled[name] = torch.where(here[:, place : place + 1], x, 0)
        with torch.no_grad():
            outputs = self.net(Inputs(scaled, here.to(like.dtype))).logits[self.task][MIXED]
        target = self.configuration["target"]
        return outputs if target is None else outputs * target["deviation"] + target["mean"]

    def _check(self, given: "Mapping[str, Tensor]", present: "Tensor | None") -> None:
        """Refuse inputs that the net does not read."""
        widths = {name: len(own["mean"]) for name, own in self.configuration["inputs"].items()}
        n = len(next(iter(given.values()))) if given else 0
        wanted = {name: (n, width) for name, width in widths.items()}
        found = {name: tuple(x.shape) for name, x in given.items()}
        if present is not None:
            wanted["present"], found["present"] = (n, len(widths)), tuple(present.shape)
        if found == wanted:
            return
        given_as = ", ".join(f"{name} {shape}" for name, shape in found.items()) or "nothing"
        reads = ", ".join(f"{name} of (rows, {width})" for name, width in widths.items())
        raise UsageError(
            f"the inputs are {given_as}; the net reads {reads}",
            f"the net of {self.task}",
            "give an array of each, all of the same rows; an absent one as zeros, and `present`",
        )


_SCALING = ("mean", "scale")


class _Target(msgspec.Struct):
    mean: float
    deviation: float


class _Configuration(msgspec.Struct):
    """What must be in the JSON file to build and use the net."""

    format: object
    task: str
    classes: tuple[str, ...]
    target: _Target | None
    experts: list[int]
    widths: dict[str, int]
    n_outputs: dict[str, int]
    options: ModelOptions
    inputs: dict[str, dict[str, Any]]


def save_task(
    path: Path,
    net: "ExpertNet",
    task: str,
    *,
    name: str,
    shape: "Shape",
    options: ModelOptions,
    inputs: Mapping[str, Any],
    classes: tuple[str, ...],
    target: tuple[float, float] | None,
    facts: Mapping[str, Any],
) -> None:
    """Cut a task's net out of a model of experts, and write it, each file atomically.

    `path` is that of the tensors, ending in `.safetensors`; its folder must exist. `name` has the
    model's parameters, `inputs` by modality the `columns` that an encoded one has, and the `mean`
    and `scale` of each column. A regression `target` has the mean and deviation that it is trained
    at, and no classes; `facts` are recorded besides.

    Raises:
        StoreError: If the system cannot write there.
    """
    from safetensors.torch import save

    from alsim.models import export_task

    configuration = {
        "format": _FORMAT,
        "alsim": version("alsim"),
        "model": name,
        "task": task,
        "classes": list(classes),
        "target": None if target is None else dict(zip(("mean", "deviation"), target, strict=True)),
        "experts": net.used(task),  # of the last level
        "widths": dict(shape.widths),
        "n_outputs": dict(shape.n_classes),  # of all tasks of the model
        "options": asdict(options),
        **facts,
        "inputs": inputs,
    }
    # The tensors last: where they are, the configuration is.
    text = json.dumps(configuration, indent=2, ensure_ascii=False)
    replace_bytes(path.with_suffix(".json"), text.encode() + b"\n")
    tensors = export_task(net, task).state_dict()
    replace_bytes(path, save({key: value.cpu().contiguous() for key, value in tensors.items()}))


def load_task(path: str | Path) -> TaskModel:
    """Return the net of one task that `alsim train --export-task` wrote.

    It takes raw rows, as the pool's file holds them, and scales them itself. Its outputs are the
    full model's, to rounding.

    Example:
        net = alsim.load_task("runs/study/exports/mmoe-1-0-late.safetensors")
        logits = net("new.parquet")  # or a table, or {"text": an array of (rows, columns)}
        answers = [net.classes[i] for i in logits.argmax(1)]

    Args:
        path: The `.safetensors` file; the `.json` file of the same name lies beside it.

    Raises:
        StoreError: If one of both is missing, damaged or of another format.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    from alsim.models import ExpertNet, Shape, build_model
    from alsim.seeding import forked, stream

    path = Path(path)
    mend = "name the .safetensors file that alsim train --export-task wrote, with its .json beside"
    what = "not a net that alsim train --export-task wrote"
    beside = path.with_suffix(".json")
    if path.exists() and (path.suffix != ".safetensors" or not beside.exists()):
        lacks = f"no {beside.name} beside it" if path != beside else "its configuration alone"
        raise StoreError(f"{what}: {lacks}", str(path), mend)
    try:
        configuration = json.loads(beside.read_text(encoding="utf-8"))
        known = msgspec.convert(configuration, _Configuration)
        if known.format != _FORMAT:
            raise StoreError(f"unknown format {known.format!r}", str(path), "use a newer alsim")
        options = replace(known.options, encoders=known.options.encoders or ())
        shape = Shape(known.widths, known.n_outputs)
        with forked(stream(0, "load")):  # every tensor is replaced
            whole = build_model(shape, options)
        if not isinstance(whole, ExpertNet):
            raise ValueError(f"a {type(whole).__name__} is no model of experts")
        net = whole.pruned([known.task], known.experts)
        tensors = load(path.read_bytes())
        net.to(next(iter(tensors.values())).dtype).load_state_dict(tensors)
    except OSError as error:
        raise StoreError(f"cannot read: {error.strerror}", str(path), mend) from error
    except (
        *(ValueError, LookupError, TypeError, AttributeError, RuntimeError),
        *(SafetensorError, UsageError),
    ) as error:
        raise StoreError(f"{what}: {_first_line(error)}", str(path), mend) from error
    return TaskModel(known.task, known.classes, configuration, net.eval())


def _can_be_read(rows: object) -> bool:
    return isinstance(rows, str | Path | Tabular)


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__

"""A net of experts, mixers and towers; `expert_models` makes the models of them."""

import copy
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from alsim.models.cgc import CgcMixer
from alsim.models.columns import Columns
from alsim.models.experts import ConvExperts, MlpExperts
from alsim.models.interface import MIXED, OWN, Inputs, Outputs, Shape
from alsim.models.mixers import Gated, Own, Shared, Stitch
from alsim.models.multi_cluster import MultiCluster, StochasticGate
from alsim.models.towers import Towered, Towers

Mixers = Own | Shared | Gated | Stitch | CgcMixer | MultiCluster


class Level(nn.Module):
    """Experts, and a mixer for each head of a task: the mixed head, then the modalities'."""

    def __init__(self, experts: MlpExperts | ConvExperts, mixers: Sequence[Mixers]) -> None:
        super().__init__()
        self.experts = experts
        self.mixers = nn.ModuleList(mixers)

    def forward(self, x: Tensor, head: int, own: Tensor | None = None) -> Tensor:
        """Return a head's mixtures, `(…, n, t, h)`; with `own`, each row's own, `(…, n, 1, h)`."""
        return self.mixers[head](self.experts(x), x, own)

    def used(self, tasks: Sequence[int]) -> list[int]:
        """Return the experts that some tasks use in evaluation."""
        mixers = [m for m in self.mixers if isinstance(m, Mixers)]
        return sorted({expert for mixer in mixers for expert in mixer.used(tasks)})

    def cut(self, tasks: Sequence[int], experts: Sequence[int] | None = None) -> "Level":
        """Return the level for some tasks, with some experts; None: those that the tasks use."""
        mixers: list[Mixers] = [m for m in self.mixers if isinstance(m, Mixers)]
        used = self.used(tasks) if experts is None else experts
        return Level(self.experts.cut(used), [mixer.cut(tasks, used) for mixer in mixers])


class ExpertNet(nn.Module):
    """Experts on the concatenated modalities, mixed for each task, below one tower per task.

    `Outputs.hidden` is the input of the first task's mixed head, which is linear in it; `layers`
    are the mixtures of all tasks side by side, and `hidden`. Under the noise of stochastic gates
    all of these, and the logits, have a leading axis of k samples.

    A modality's own head gets the experts' outputs with all other modalities absent.

    With `Inputs.own`, only the mixture, tower, logits, `hidden` and `layers` of each row's own task
    are computed.
    """

    def __init__(self, shape: Shape, levels: Sequence[Level], towers: Sequence[Towers]) -> None:
        super().__init__()
        self.columns = Columns(dict(shape.widths))
        self.tasks = tuple(shape.n_classes)
        self.levels = nn.ModuleList(levels)
        self.towers = nn.ModuleList(towers)
        self.heads = (MIXED, *shape.widths)[: len(towers)]

    def forward(self, inputs: Inputs) -> Outputs:
        """Return the logits of every task and head."""
        own = inputs.own
        mixed = self._towered(self.columns.join(inputs), 0, own)
        by_head = {MIXED: mixed.logits}
        own_heads = self.heads[1:] if inputs.heads == "all" else ()
        for place, head in enumerate(own_heads, 1):
            by_head[head] = self._towered(self.columns.join_only(inputs, head), place, own).logits
        logits = {
            task: {head: of_tasks[i] for head, of_tasks in by_head.items()}
            for i, task in enumerate(self.tasks if own is None else (OWN,))
        }
        hidden = mixed.hidden[..., 0, :]
        several = len(self.tasks) > 1 and own is None
        return Outputs(
            logits,
            hidden,
            (mixed.mixtures.flatten(-2), hidden),
            {t: mixed.hidden[..., i, :] for i, t in enumerate(self.tasks)} if several else {},
        )

    def _towered(self, x: Tensor, head: int, own: Tensor | None) -> Towered:
        *lower, last = self.levels
        for level in lower:
            x = level(x, head)
        return self.towers[head](last(x, head, own), own)

    def gates(self) -> Mapping[str, StochasticGate]:
        """Return the stochastic gates, by head; most models have none."""
        *_, last = self.levels
        assert isinstance(last, Level)
        return {
            head: mixer.gate
            for head, mixer in zip(self.heads, last.mixers, strict=True)
            if isinstance(mixer, MultiCluster)
        }

    def used(self, task: str) -> list[int]:
        """Return the experts of the last level that a task uses in evaluation."""
        *_, last = self.levels
        assert isinstance(last, Level)
        return last.used([self.tasks.index(task)])

    def pruned(
        self, tasks: Sequence[str] | None = None, experts: Sequence[int] | None = None
    ) -> "ExpertNet":
        """Return a plain net of some tasks, without experts that none of them uses.

        It equals this net in evaluation and has its own parameters. Levels below the last are kept
        whole, since their common experts read those of every task.

        Args:
            tasks: The tasks to keep, in the net's order; None: all.
            experts: The experts of the last level to keep; None: those that the tasks use.

        Raises:
            ValueError: If there is no such task, or none is named.
        """
        wanted = self.tasks if tasks is None else tasks
        if not wanted or not set(wanted) <= set(self.tasks):
            raise ValueError(f"no tasks {wanted!r} to keep: there is {', '.join(self.tasks)}")
        kept = [i for i, task in enumerate(self.tasks) if task in wanted]
        new = copy.deepcopy(self)
        new.tasks = tuple(self.tasks[i] for i in kept)
        *lower, last = new.levels
        assert isinstance(last, Level)
        new.levels = nn.ModuleList([*lower, last.cut(kept, experts)])
        new.towers = nn.ModuleList(t.cut(kept) for t in self.towers if isinstance(t, Towers))
        return new.train(self.training)


def export_task(net: ExpertNet, task: str) -> ExpertNet:
    """Return a net of one task: the experts that it uses in evaluation, and its tower.

    Raises:
        ValueError: If there is no such task.
    """
    return net.pruned([task])

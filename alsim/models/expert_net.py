"""A net of experts, mixers and towers; which of them makes the model (`expert_models`)."""

import copy
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from alsim.models.cgc import CgcMixer
from alsim.models.columns import Columns
from alsim.models.experts import ConvExperts, MlpExperts
from alsim.models.interface import MIXED, Inputs, Outputs, Shape
from alsim.models.mixers import Gated, Own, Shared, Stitch
from alsim.models.multi_cluster import MultiCluster, StochasticGate
from alsim.models.towers import Towered, Towers

Mixers = Own | Shared | Gated | Stitch | CgcMixer | MultiCluster


class Level(nn.Module):
    """Experts, and a mixer of them for each head of a task: the mixed one, then modalities."""

    def __init__(self, experts: MlpExperts | ConvExperts, mixers: Sequence[Mixers]) -> None:
        super().__init__()
        self.experts = experts
        self.mixers = nn.ModuleList(mixers)

    def forward(self, x: Tensor, head: int) -> Tensor:
        """Return the mixtures for a head, `(…, n, t, h)`."""
        return self.mixers[head](self.experts(x), x)

    def cut(self, tasks: Sequence[int]) -> "Level":
        """Return the level for some tasks, with the experts that they use in evaluation."""
        mixers: list[Mixers] = [m for m in self.mixers if isinstance(m, Mixers)]
        used = sorted({expert for mixer in mixers for expert in mixer.used(tasks)})
        return Level(self.experts.cut(used), [mixer.cut(tasks, used) for mixer in mixers])


class ExpertNet(nn.Module):
    """Experts on the concatenated modalities, mixed for each task, below a tower a task.

    `Outputs.hidden` is the input of the first task's mixed head, so a linear head reads it;
    `layers` are the mixtures of all tasks side by side, and `hidden`. Under the noise of
    stochastic gates all of them, and the logits, have a leading axis of k samples.

    With heads for the modalities, theirs see the experts' outputs when all else is hidden.
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
        mixed = self._towered(self.columns.join(inputs), 0)
        by_head = {MIXED: mixed.logits}
        for place, head in enumerate(self.heads[1:], 1):
            by_head[head] = self._towered(self.columns.join_only(inputs, head), place).logits
        logits = {
            task: {head: of_tasks[i] for head, of_tasks in by_head.items()}
            for i, task in enumerate(self.tasks)
        }
        hidden = mixed.hidden[..., 0, :]
        return Outputs(logits, hidden, (mixed.mixtures.flatten(-2), hidden))

    def _towered(self, x: Tensor, head: int) -> Towered:
        for level in self.levels:
            x = level(x, head)
        return self.towers[head](x)

    def gates(self) -> Mapping[str, StochasticGate]:
        """Return the stochastic gates, by head; none of most models."""
        *_, last = self.levels
        assert isinstance(last, Level)
        return {
            head: mixer.gate
            for head, mixer in zip(self.heads, last.mixers, strict=True)
            if isinstance(mixer, MultiCluster)
        }

    def pruned(self, tasks: Sequence[str] | None = None) -> "ExpertNet":
        """Return a plain net of some tasks, without experts that none of them uses.

        Equal to this one in evaluation, with parameters of its own. Of several levels the lower
        ones stay whole, since their common experts read those of every task.

        Args:
            tasks: Those to keep; they stay in the net's order. None: all of them.

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
        new.levels = nn.ModuleList([*lower, last.cut(kept)])
        new.towers = nn.ModuleList(t.cut(kept) for t in self.towers if isinstance(t, Towers))
        return new.train(self.training)


def export_task(net: ExpertNet, task: str) -> ExpertNet:
    """Return a net of one task alone: the experts that it uses in evaluation, and its tower.

    Raises:
        ValueError: If there is no such task.
    """
    return net.pruned([task])

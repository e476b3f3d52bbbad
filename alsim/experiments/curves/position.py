"""Where learning curves stand after a step: all that is needed to go on from there."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from alsim.experiments.asking import Queried
from alsim.experiments.curves.row_areas import RowAreas, areas_from_tensors, areas_to_tensors
from alsim.oracle import Answers
from alsim.training.fit import Labelled
from alsim.training.state import ReplicaState


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """R curves once their nets have been trained on a step's answers, before they are measured.

    The areas are those of the steps before.
    """

    step: int  # 0 after the passive phase
    state: ReplicaState
    labelled: Labelled  # (r, m), the last query included
    queried: tuple[Queried, ...]  # the last query, one a replica
    costs: tuple[float, ...]  # of all answers so far, one a replica
    questions: tuple[int, ...]  # asked so far, one a replica
    running: tuple[bool, ...]  # False for one that has ended, and goes along in lockstep only
    areas: tuple[RowAreas, ...]  # one a replica

    def to_tensors(self) -> dict[str, Tensor]:
        """Return one flat mapping, as a tensor file holds it, of everything but the step."""
        flat = {
            **{f"state/{name}": tensor for name, tensor in self.state.to_tensors().items()},
            **{f"labels/{task}": labels for task, labels in self.labelled.labels.items()},
            "rows": self.labelled.rows,
            "costs": torch.tensor(self.costs, dtype=torch.float64),
            "questions": torch.tensor(self.questions),
            "running": torch.tensor(self.running),
            "queried/rows": torch.stack([q.rows for q in self.queried]),
            **areas_to_tensors(self.areas),
        }
        scores = [q.scores for q in self.queried if q.scores is not None]
        if scores:
            flat["queried/scores"] = torch.stack(scores)
        tasks = self.labelled.labels
        if len(tasks) > 1:
            flat["queried/cells"] = torch.stack([q.cells for q in self.queried])
        for task in tasks:
            answers = [q.answers[task] for q in self.queried]
            flat[_column("labels", task, tasks)] = torch.stack([a.labels for a in answers])
            flat[_column("costs", task, tasks)] = torch.stack([a.costs for a in answers])
            flat[_column("questions", task, tasks)] = torch.stack([a.questions for a in answers])
            possible = [a.possible for a in answers if a.possible is not None]
            if possible:
                flat[_column("possible", task, tasks)] = torch.stack(possible)
        return flat

    @staticmethod
    def from_tensors(step: int, tensors: Mapping[str, Tensor]) -> "Position":
        """Return the position at `step` that `to_tensors` flattened."""

        def under(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        rows, scores = tensors["queried/rows"], tensors.get("queried/scores")
        tasks = under("labels/")
        # With one task an object is asked for with its only label.
        cells = tensors.get("queried/cells", torch.ones(*rows.shape, 1, dtype=torch.bool))

        def answers(task: str, r: int) -> Answers:
            labels, costs, questions = (
                tensors[_column(name, task, tasks)][r] for name in ("labels", "costs", "questions")
            )
            possible = tensors.get(_column("possible", task, tasks))
            return Answers(labels, costs, questions, None if possible is None else possible[r])

        return Position(
            step=step,
            state=ReplicaState.from_tensors(under("state/")),
            labelled=Labelled(tensors["rows"], tasks),
            queried=tuple(
                Queried(
                    rows[r],
                    cells[r],
                    None if scores is None else scores[r],
                    {task: answers(task, r) for task in tasks},
                )
                for r in range(len(rows))
            ),
            costs=tuple(tensors["costs"].tolist()),
            questions=tuple(tensors["questions"].tolist()),
            running=tuple(tensors["running"].tolist()),
            areas=areas_from_tensors(tensors, len(rows)),
        )


def _column(name: str, task: str, tasks: Collection[str]) -> str:
    """Return what a column of a task's answers is called; that of the only task names none."""
    return f"queried/{name}" if len(tasks) == 1 else f"queried/{name}/{task}"

"""Where learning curves stand after a step: all that is needed to go on from there."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from alsim.experiments.querying import Queried
from alsim.oracle import Answers
from alsim.training.fit import Labelled
from alsim.training.state import ReplicaState


@dataclass(frozen=True, slots=True, eq=False)
class Position:
    """R curves once their nets have been trained on a step's answers, before they are measured."""

    step: int  # 0 after the passive phase
    state: ReplicaState
    labelled: Labelled  # (r, m), the last query included
    queried: tuple[Queried, ...]  # the last query, one a replica
    costs: tuple[float, ...]  # of all answers so far, one a replica
    questions: tuple[int, ...]  # asked so far, one a replica
    running: tuple[bool, ...]  # False for one that has ended, and goes along in lockstep only

    def to_tensors(self) -> dict[str, Tensor]:
        """Return one flat mapping, as a tensor file holds it, of everything but the step."""
        answers = [q.answers for q in self.queried]
        flat = {
            **{f"state/{name}": tensor for name, tensor in self.state.to_tensors().items()},
            **{f"labels/{task}": labels for task, labels in self.labelled.labels.items()},
            "rows": self.labelled.rows,
            "costs": torch.tensor(self.costs, dtype=torch.float64),
            "questions": torch.tensor(self.questions),
            "running": torch.tensor(self.running),
            "queried/rows": torch.stack([q.rows for q in self.queried]),
            "queried/labels": torch.stack([a.labels for a in answers]),
            "queried/costs": torch.stack([a.costs for a in answers]),
            "queried/questions": torch.stack([a.questions for a in answers]),
        }
        scores = [q.scores for q in self.queried if q.scores is not None]
        possible = [a.possible for a in answers if a.possible is not None]
        if scores:
            flat["queried/scores"] = torch.stack(scores)
        if possible:
            flat["queried/possible"] = torch.stack(possible)
        return flat

    @staticmethod
    def from_tensors(step: int, tensors: Mapping[str, Tensor]) -> "Position":
        """Return the position at `step` that `to_tensors` flattened."""

        def under(prefix: str) -> dict[str, Tensor]:
            return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}

        columns = under("queried/")
        scores, possible = columns.get("scores"), columns.get("possible")
        return Position(
            step=step,
            state=ReplicaState.from_tensors(under("state/")),
            labelled=Labelled(tensors["rows"], under("labels/")),
            queried=tuple(
                Queried(
                    rows,
                    None if scores is None else scores[r],
                    Answers(
                        columns["labels"][r],
                        columns["costs"][r],
                        columns["questions"][r],
                        None if possible is None else possible[r],
                    ),
                )
                for r, rows in enumerate(columns["rows"])
            ),
            costs=tuple(tensors["costs"].tolist()),
            questions=tuple(tensors["questions"].tolist()),
            running=tuple(tensors["running"].tolist()),
        )

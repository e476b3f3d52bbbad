"""Whether the options of a study, its strategies and its pool fit each other."""

from collections.abc import Mapping
from dataclasses import replace

from alsim.engine.options import StudyOptions
from alsim.errors import UsageError, nearest
from alsim.models import MIXED, ModelOptions, resolve_name
from alsim.models.layers import RowBatchNorm
from alsim.pool.pool import Pool
from alsim.seeding import stream
from alsim.strategies import Named
from alsim.training.dropout import dropout_sites
from alsim.training.features import shape_of
from alsim.training.objective import make_objective

RESERVED = (MIXED, "all", "none")  # names of heads and patterns in the metrics table


def fit_model(options: StudyOptions, pool: Pool) -> ModelOptions:
    """Return the model's options with what depends on the pool decided.

    Raises:
        UsageError: If an option does not fit the model or the pool.
    """
    model = replace(options.model, name=resolve_name(options.model.name, len(pool.modalities)))
    model = replace(
        model,
        width=model.width_for(pool.widths.values()),
        encoders=model.encoded(tuple(pool.modalities)),
    )
    for name in pool.modalities:
        if name in RESERVED or "+" in name:
            raise UsageError(
                f"a modality cannot be called {name!r}: the word has a meaning in the tables",
                "the pool's columns",
                "rename the column",
            )
    for name in options.pool.masks:
        if name not in pool.modalities:
            raise UsageError(
                f"no modality {name!r} to mask", "--mask-modality", nearest(name, pool.modalities)
            )
    return model


def check_model(
    strategies: Mapping[str, Named], options: StudyOptions, model: ModelOptions, pool: Pool
) -> None:
    """Check on a model made for the purpose that it has what is asked of it.

    Raises:
        UsageError: Naming the first thing that it has not.
    """
    objective = make_objective(
        shape_of(pool), model, options.training, generator=stream(0, "check")
    )
    heads = next(iter(objective.heads.values()))
    for head in options.training.head_weights:
        if head not in heads:
            raise UsageError(f"no head {head!r} to weigh", "--head-weight", nearest(head, heads))
    has_batch_norm = any(isinstance(layer, RowBatchNorm) for layer in objective.modules())
    for name, named in strategies.items():
        where, wanted = f"--strategy {name}", named.strategy.signals | named.strategy.labelled
        if named.adapt(options.training).batch_norm == "frozen" and not has_batch_norm:
            raise UsageError(
                f"the model {model.name} has no batch norm to freeze",
                "--batch-norm frozen",
                "leave it out, or use --model three-head",
            )
        if "mc_probabilities" in wanted and not dropout_sites(objective):
            raise UsageError(
                "a committee by dropout needs a model with dropout: its members would all agree",
                where,
                "use --model mlp or three-head with --dropout 0.5",
            )
        if "head_probabilities" in wanted and len(heads) < 3:
            raise UsageError(
                "the strategy compares the modalities' own heads, and there are not two of them",
                where,
                "use a pool with several modalities, and --model three-head --heads all",
            )

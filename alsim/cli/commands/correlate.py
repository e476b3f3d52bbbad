"""`alsim correlate`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from alsim.cli import options


def correlate(
    pool: options.Pool = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="Scores to sort rows by, comma-separated: strategies whose query follows from "
            "each row's own score; loss is ideal-learning-loss, predicted-loss learning-loss. "
            "random, the control, is always added. "
            "[default: loss,margin,entropy,least-confident,bald,predicted-loss]",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    seeds: options.Seeds = "5",
    initial_size: options.InitialSize = None,
    initial_ids: options.InitialIds = None,
    sample_size: Annotated[
        int | None,
        typer.Option(
            help="Unlabelled rows that are drawn and sorted. [default: 10000, or all]",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    group_size: Annotated[
        int | None,
        typer.Option(
            help="Rows that a copy is trained on. [default: 100, less in a small pool]",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    out: options.Out = None,
    force: options.Force = False,
    oracle: options.Oracle = "perfect",
    noise: options.Noise = None,
    confusion: options.Confusion = None,
    answers: options.Answers = None,
    groups: options.Groups = None,
    max_questions: options.MaxQuestions = None,
    label: options.Label = None,
    modality: options.Modality = None,
    features: options.Features = None,
    split: options.Split = None,
    id_column: options.IdColumn = None,
    label_type: options.LabelType = None,
    unknown: options.Unknown = None,
    mask_modality: options.MaskModality = None,
    standardise: options.Standardise = "auto",
    split_seed: options.SplitSeed = 0,
    model: options.Model = "auto",
    width: options.Width = 256,
    depth: options.Depth = 1,
    dropout: options.Dropout = 0.5,
    blocks: options.Blocks = "dense",
    fusion: options.Fusion = "concat",
    heads: options.Heads = "all",
    encoder: options.Encoder = None,
    experts: options.Experts = None,
    expert_width: options.ExpertWidth = None,
    expert: options.Expert = "mlp",
    tower_width: options.TowerWidth = None,
    gate: options.Gate = "input",
    expert_heads: options.ExpertHeads = "mixed",
    task_experts: options.TaskExperts = 2,
    levels: options.Levels = 1,
    reads: options.Reads = None,
    image_shape: options.ImageShape = None,
    image_layout: options.ImageLayout = "hwc",
    estimator: options.Estimator = "leave-one-out",
    gate_samples: options.GateSamples = 4,
    density: options.Density = 0.1,
    evaluation: options.Evaluation = "task-k",
    optimiser: options.Optimiser = "adam",
    learning_rate: options.LearningRate = 1e-3,
    gate_learning_rate: options.GateLearningRate = 5e-2,
    batch_size: options.BatchSize = 512,
    batch_rule: options.BatchRule = "adaptive",
    epochs: Annotated[
        int,
        typer.Option(
            help="Epochs that each copy is trained for. With more the sign of a correlation can "
            "turn.",
            rich_help_panel=options.TRAINING,
        ),
    ] = 1,
    max_epochs: options.MaxEpochs = 500,
    patience: options.Patience = 10,
    batch_norm: options.BatchNorm = "train",
    loss: options.Loss = "uncertainty",
    head_weight: options.HeadWeight = None,
    task_weighting: options.TaskWeighting = "equal",
    class_weights: options.ClassWeights = "none",
    precision: options.Precision = "float32",
    device: options.Device = "auto",
    workers: options.Workers = None,
    replicas: Annotated[
        Literal["auto", "direct", "lockstep"],
        typer.Option(
            help="Copies one after another, or all of a metric in lockstep. auto: lockstep.",
            rich_help_panel=options.ENGINE,
        ),
    ] = "auto",
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Draw the groups of each metric: .png, .svg or .pdf.",
            rich_help_panel=options.ENGINE,
        ),
    ] = None,
    json: options.AsJson = False,
) -> None:
    """Correlate what rows score with what they teach: copies of one net, each on a group of rows.

    Example: alsim correlate --pool posts.parquet

    Example: alsim correlate --pool posts.parquet --metric margin,loss --plot groups.png
    """
    given = options.arguments_of({k: v for k, v in locals().items() if k not in ("json", "plot")})
    from alsim.cli.screens.progress import watching

    with watching() as watch:
        watch.stage("starting")  # what is imported next takes a few seconds
        import alsim
        from alsim.plots import check_target

        if plot is not None:
            check_target(plot)
        done = alsim.correlate(**given, watch=watch)
    from alsim.cli.screens.correlation import draw, print_correlation

    if plot is not None:
        draw(done, plot)
    print_correlation(done, as_json=json, picture=plot)

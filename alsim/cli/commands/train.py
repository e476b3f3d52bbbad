"""`alsim train`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from alsim.cli import options


def train(
    pool: options.Pool = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="Models, comma-separated, such as 'mmoe,multi-cluster(density=0)'; parameters "
            "are called as the options of experts are, and go before them. `alsim models` lists "
            "them. [default: shared-bottom,mmoe]",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    fractions: Annotated[
        str,
        typer.Option(
            help="Shares of the labels to train on: 0.05,0.25,1.", rich_help_panel=options.WHAT
        ),
    ] = "1.0",
    seeds: Annotated[
        str | None,
        typer.Option(
            help="A count (5), a range (3..7) or a list (1,4). [default: 5, with --queries those "
            "of the run]",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    match_parameters: Annotated[
        bool,
        typer.Option(
            "--match-parameters",
            help="Give each model the width at which it has as many parameters as the first.",
            rich_help_panel=options.WHAT,
        ),
    ] = False,
    queries: Annotated[
        Path | None,
        typer.Option(
            help="Train on the labels that this run queried, strategy by strategy, instead of "
            "labels at random; the pool is the run's.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    export_task: Annotated[
        list[str] | None,
        typer.Option(
            help="Cut this task's net out of each model of experts, as safetensors; repeat it "
            "for several. alsim.load_task reads it.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    out: options.Out = None,
    force: options.Force = False,
    label: options.Labels = None,
    task: options.Task = None,
    modality: options.Modality = None,
    features: options.Features = None,
    split: options.Split = None,
    id_column: options.IdColumn = None,
    label_type: options.LabelType = None,
    unknown: options.Unknown = None,
    mask_modality: options.MaskModality = None,
    standardise: options.Standardise = "auto",
    split_seed: options.SplitSeed = 0,
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
    evaluation: Annotated[
        list[str] | None,
        typer.Option(
            help="Which of multi-cluster's experts run once it is trained, comma-separated: "
            "task-k (each task's k likeliest, k = Σp), mean-k (one k for all), top-5 (five), round "
            "(p > ½), sample, all, soft. By the first the training is stopped. [default: task-k]",
            rich_help_panel=options.EXPERTS,
        ),
    ] = None,
    optimiser: options.Optimiser = "adam",
    learning_rate: options.LearningRate = 1e-3,
    gate_learning_rate: options.GateLearningRate = 5e-2,
    batch_size: options.BatchSize = 512,
    batch_rule: options.BatchRule = "adaptive",
    max_epochs: Annotated[
        int,
        typer.Option(
            help="Maximum epochs; training stops earlier with --patience.",
            rich_help_panel=options.TRAINING,
        ),
    ] = 500,
    patience: Annotated[
        int,
        typer.Option(
            help="Epochs without a better validation loss, the mean over tasks, that end training.",
            rich_help_panel=options.TRAINING,
        ),
    ] = 10,
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
            help="One net after another, or all seeds of one in lockstep. auto: lockstep on a GPU.",
            rich_help_panel=options.ENGINE,
        ),
    ] = "auto",
    json: options.AsJson = False,
) -> None:
    """Train models on all tasks of a pool, on all labels or some, and compare them task by task.

    Example: alsim train --pool census.parquet --model shared-bottom,mmoe --match-parameters

    Example: alsim train --pool posts.parquet --queries runs/posts --model linear
    """
    given = options.arguments_of({k: v for k, v in locals().items() if k != "json"})
    from alsim.cli.screens.progress import watching

    with watching() as watch:
        watch.stage("starting")  # what is imported next takes a few seconds
        import alsim

        done = alsim.train(**given, watch=watch)
    from alsim.cli.screens.training import print_training

    print_training(done, as_json=json)

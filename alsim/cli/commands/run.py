"""`alsim run`."""

from typing import Annotated, Literal

import typer

from alsim.cli import options


def run(
    pool: options.Pool = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            help="Query strategies, comma-separated, such as 'margin,bald(k=50)'; "
            "`alsim strategies` lists them. path/to/file.py:name is one of your own. "
            "[default: random,margin]",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    seeds: options.Seeds = "5",
    initial_size: options.InitialSize = None,
    initial_ids: options.InitialIds = None,
    query_size: Annotated[
        str | None,
        typer.Option(
            help="Labels a step asks for, or a geometric growth such as 20:200; with several tasks "
            "objects or cells, see --unit. [default: 20]",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            help="Queries. [default: 100, fewer in a small pool; 50 in the made-up one]",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            help="Instead of a number of steps: exhausted, accuracy=X (of validation), labels=N.",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    candidates: Annotated[
        int | None,
        typer.Option(
            help="Rows that a strategy considers at most, drawn anew each step. "
            "[default: all, fewer where the cost would grow too fast]",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    unit: Annotated[
        Literal["object", "cell"] | None,
        typer.Option(
            help="With several tasks: what a query asks for. object: all of its labels; cell: one. "
            "[default: object]",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    combine: Annotated[
        Literal["mean", "max", "rank-sum", "rrf", "alternating", "quotas"] | None,
        typer.Option(
            help="How the scores for several tasks become one order: their mean, the highest, "
            "the sum of ranks, reciprocal ranks; or the tasks pick in turn, step by step "
            "(alternating), or each its share of every query (quotas). [default: mean]",
            rich_help_panel=options.WHAT,
        ),
    ] = None,
    committee: Annotated[
        Literal["dropout", "gates"] | None,
        typer.Option(
            help="What the members of a committee differ in: units that are dropped, or draws of "
            "multi-cluster's gates. [default: dropout]",
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
    price: Annotated[
        float, typer.Option(help="Price of one question.", rich_help_panel=options.ORACLE)
    ] = 1.0,
    task_price: Annotated[
        list[str] | None,
        typer.Option(
            help="With several tasks: the price of one task's label, such as gender=0.5; "
            "repeat it for several.",
            rich_help_panel=options.ORACLE,
        ),
    ] = None,
    read_price: Annotated[
        float | None,
        typer.Option(
            help="Price of reading an object, paid once, whatever is asked about it. [default: 0]",
            rich_help_panel=options.ORACLE,
        ),
    ] = None,
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
        int, typer.Option(help="Epochs of fine-tuning a step.", rich_help_panel=options.TRAINING)
    ] = 1,
    max_epochs: options.MaxEpochs = 500,
    patience: options.Patience = 10,
    retrain: Annotated[
        bool,
        typer.Option(
            "--retrain", help="Train from scratch each step.", rich_help_panel=options.TRAINING
        ),
    ] = False,
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
            help="One net after another, or all in lockstep. auto: lockstep on a GPU.",
            rich_help_panel=options.ENGINE,
        ),
    ] = "auto",
    json: options.AsJson = False,
) -> None:
    """Replay labelling on a pool and record each strategy's learning curve.

    Example: alsim run --pool posts.parquet --strategy random,margin --query-size 20
    """
    given = options.arguments_of({k: v for k, v in locals().items() if k != "json"})
    from alsim.cli.screens.progress import watching

    with watching() as watch:
        watch.stage("starting")  # what is imported next takes a few seconds
        import alsim

        done = alsim.run(**given, watch=watch)
    from alsim.cli.screens.curves import print_run

    print_run(done, as_json=json)

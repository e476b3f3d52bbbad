"""`alsim run`."""

from pathlib import Path
from typing import Annotated, Literal

import typer

_WHAT = "What to run"
_ORACLE = "Oracle"
_POOL = "Pool"
_MODEL = "Model"
_TRAINING = "Training"
_ENGINE = "Engine"


def run(
    pool: Annotated[
        str | None,
        typer.Option(
            help="Parquet file, folder or glob. Without it: a small VK-like pool made in memory.",
            rich_help_panel=_POOL,
        ),
    ] = None,
    strategy: Annotated[
        list[str] | None,
        typer.Option(
            help="Query strategies, comma-separated, such as 'margin,bald(k=50)'; "
            "`alsim strategies` lists them. path/to/file.py:name is one of your own. "
            "[default: random,margin]",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    seeds: Annotated[
        str,
        typer.Option(help="A count (5), a range (3..7) or a list (1,4).", rich_help_panel=_WHAT),
    ] = "5",
    initial_size: Annotated[
        int | None,
        typer.Option(
            help="Random labels to start from. [default: 2000, less in a small pool]",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    initial_ids: Annotated[
        Path | None,
        typer.Option(
            help="Start from the labels one already has: a file with one id a line.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    query_size: Annotated[
        str | None,
        typer.Option(
            help="Labels a step asks for, or a geometric growth such as 20:200. [default: 20]",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(help="Queries. [default: 100, fewer in a small pool]", rich_help_panel=_WHAT),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            help="Instead of a number of steps: exhausted, accuracy=X (of validation), labels=N.",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    candidates: Annotated[
        int | None,
        typer.Option(
            help="Rows that a strategy considers at most, drawn anew each step. "
            "[default: all, fewer where the cost would grow too fast]",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The run's folder. If it holds this run unfinished, it goes on. "
            "[default: a new one in runs/]",
            rich_help_panel=_WHAT,
        ),
    ] = None,
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Start anew, and move a run that is in the folder aside.",
            rich_help_panel=_WHAT,
        ),
    ] = False,
    oracle: Annotated[
        Literal["perfect", "noisy", "annotators", "hierarchical"],
        typer.Option(
            help="Who answers: always right; errs; a majority of several; yes or no to groups "
            "of classes, then to classes.",
            rich_help_panel=_ORACLE,
        ),
    ] = "perfect",
    noise: Annotated[
        str | None,
        typer.Option(
            help="Error rate of the noisy oracle, or one for each annotator: 0.05,0.1,0.3.",
            rich_help_panel=_ORACLE,
        ),
    ] = None,
    confusion: Annotated[
        Path | None,
        typer.Option(
            help="CSV or JSON: how often the noisy oracle takes one class (row) for another.",
            rich_help_panel=_ORACLE,
        ),
    ] = None,
    answers: Annotated[
        int | None,
        typer.Option(
            help="Annotators that answer each object. [default: all]", rich_help_panel=_ORACLE
        ),
    ] = None,
    groups: Annotated[
        Path | None,
        typer.Option(
            help="JSON or TOML: the hierarchical oracle's groups and their classes.",
            rich_help_panel=_ORACLE,
        ),
    ] = None,
    max_questions: Annotated[
        int | None,
        typer.Option(
            help="Most questions about one object. [default: until its class is known]",
            rich_help_panel=_ORACLE,
        ),
    ] = None,
    price: Annotated[
        float, typer.Option(help="Price of one question.", rich_help_panel=_ORACLE)
    ] = 1.0,
    label: Annotated[
        str | None, typer.Option(help="Label column. [default: label]", rich_help_panel=_POOL)
    ] = None,
    modality: Annotated[
        list[str] | None,
        typer.Option(
            help="Embedding column; repeat it for several. [default: all]", rich_help_panel=_POOL
        ),
    ] = None,
    split: Annotated[
        str | None, typer.Option(help="Split column. [default: split]", rich_help_panel=_POOL)
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option("--id", help="Column that names a row. [default: id]", rich_help_panel=_POOL),
    ] = None,
    label_type: Annotated[
        Literal["class", "target"] | None,
        typer.Option(help="What a label column of whole floats means.", rich_help_panel=_POOL),
    ] = None,
    mask_modality: Annotated[
        list[str] | None,
        typer.Option(
            help="Hide a share of a modality's rows, test included: image_emb=0.2.",
            rich_help_panel=_POOL,
        ),
    ] = None,
    standardise: Annotated[
        Literal["auto", "all", "none"],
        typer.Option(
            help="Which columns are standardised; auto leaves pixels (uint8) at 0 … 1.",
            rich_help_panel=_POOL,
        ),
    ] = "auto",
    split_seed: Annotated[
        int,
        typer.Option(help="Draws the splits that a pool lacks.", rich_help_panel=_POOL),
    ] = 0,
    model: Annotated[
        str,
        typer.Option(
            help="three-head, mlp or linear; auto: mlp for one modality, else three-head.",
            rich_help_panel=_MODEL,
        ),
    ] = "auto",
    width: Annotated[
        int | None,
        typer.Option(
            help="Width of blocks and hidden layers. [default: the widest modality's, at most 256]",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    depth: Annotated[
        int, typer.Option(help="Hidden layers of the mlp.", rich_help_panel=_MODEL)
    ] = 1,
    dropout: Annotated[float, typer.Option(help="Dropout.", rich_help_panel=_MODEL)] = 0.5,
    blocks: Annotated[
        Literal["dense", "residual", "highway"],
        typer.Option(help="Blocks of the three-head net.", rich_help_panel=_MODEL),
    ] = "dense",
    fusion: Annotated[
        Literal["concat", "attention", "bilinear"],
        typer.Option(help="How its modalities are fused.", rich_help_panel=_MODEL),
    ] = "concat",
    heads: Annotated[
        Literal["all", "mixed"],
        typer.Option(help="A head for each modality beside the mixed one?", rich_help_panel=_MODEL),
    ] = "all",
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            help="Modality with an encoder before its block; none: 'none'. [default: pictures]",
            rich_help_panel=_MODEL,
        ),
    ] = None,
    optimiser: Annotated[
        Literal["adam", "sgd"],
        typer.Option(
            help="sgd: without momentum, for comparison; it wants a rate of about 0.1.",
            rich_help_panel=_TRAINING,
        ),
    ] = "adam",
    learning_rate: Annotated[
        float, typer.Option(help="The optimiser's learning rate.", rich_help_panel=_TRAINING)
    ] = 1e-3,
    batch_size: Annotated[
        int, typer.Option(help="Largest mini-batch.", rich_help_panel=_TRAINING)
    ] = 512,
    batch_rule: Annotated[
        Literal["fixed", "adaptive", "upsample"],
        typer.Option(
            help="fixed leaves a small last batch; adaptive makes all as large; upsample repeats.",
            rich_help_panel=_TRAINING,
        ),
    ] = "adaptive",
    epochs: Annotated[
        int, typer.Option(help="Epochs of fine-tuning a step.", rich_help_panel=_TRAINING)
    ] = 1,
    max_epochs: Annotated[
        int, typer.Option(help="At most so many in the passive phase.", rich_help_panel=_TRAINING)
    ] = 100,
    patience: Annotated[
        int,
        typer.Option(
            help="Epochs without a better validation loss that end the passive phase.",
            rich_help_panel=_TRAINING,
        ),
    ] = 10,
    retrain: Annotated[
        bool,
        typer.Option("--retrain", help="Train from scratch each step.", rich_help_panel=_TRAINING),
    ] = False,
    batch_norm: Annotated[
        Literal["train", "frozen"],
        typer.Option(help="Batch-norm statistics in the active phase.", rich_help_panel=_TRAINING),
    ] = "train",
    loss: Annotated[
        Literal["uncertainty", "sum", "fixed"],
        typer.Option(help="How the heads' losses are weighed.", rich_help_panel=_TRAINING),
    ] = "uncertainty",
    head_weight: Annotated[
        list[str] | None,
        typer.Option(help="For --loss fixed: mixed=1, text=0.5 …", rich_help_panel=_TRAINING),
    ] = None,
    class_weights: Annotated[
        Literal["none", "balanced"],
        typer.Option(help="Weigh rare classes up in the loss.", rich_help_panel=_TRAINING),
    ] = "none",
    precision: Annotated[
        Literal["float32", "float64"],
        typer.Option(help="Of training and scoring.", rich_help_panel=_TRAINING),
    ] = "float32",
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        typer.Option(help="auto: a GPU if there is one.", rich_help_panel=_ENGINE),
    ] = "auto",
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes, each with one thread. [default: one a core]", rich_help_panel=_ENGINE
        ),
    ] = None,
    replicas: Annotated[
        Literal["auto", "direct", "lockstep"],
        typer.Option(
            help="One net after another, or all in lockstep. auto: lockstep on a GPU.",
            rich_help_panel=_ENGINE,
        ),
    ] = "auto",
    json: Annotated[
        bool, typer.Option("--json", help="Print JSON and nothing else.", rich_help_panel=_ENGINE)
    ] = False,
) -> None:
    """Replay labelling on a pool and record each strategy's learning curve.

    Example: alsim run --pool posts.parquet --strategy random,margin --query-size 20
    """
    from alsim.cli.progress import watching

    with watching() as watch:
        watch.stage("starting")  # what is imported next takes a few seconds
        import alsim

        done = alsim.run(
            pool,
            strategy=strategy or ("random", "margin"),
            seeds=seeds,
            initial_size=initial_size,
            initial_ids=initial_ids,
            query_size=query_size,
            steps=steps,
            until=until,
            candidates=candidates,
            oracle=oracle,
            noise=noise,
            confusion=confusion,
            answers=answers,
            groups=groups,
            max_questions=max_questions,
            price=price,
            label=label,
            modality=modality or (),
            split=split,
            id_column=id_column,
            label_type=label_type,
            mask_modality=mask_modality or (),
            standardise=standardise,
            split_seed=split_seed,
            model=model,
            width=width,
            depth=depth,
            dropout=dropout,
            blocks=blocks,
            fusion=fusion,
            heads=heads,
            encoder=() if encoder == ["none"] else encoder,
            optimiser=optimiser,
            learning_rate=learning_rate,
            batch_size=batch_size,
            batch_rule=batch_rule,
            epochs=epochs,
            max_epochs=max_epochs,
            patience=patience,
            retrain=retrain,
            batch_norm=batch_norm,
            loss=loss,
            head_weight=head_weight or (),
            class_weights=class_weights,
            precision=precision,
            device=device,
            workers=workers,
            replicas=replicas,
            out=out,
            force=force,
            watch=watch,
        )
    from alsim.cli.summary import print_run

    print_run(done, as_json=json)

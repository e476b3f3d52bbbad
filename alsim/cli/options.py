"""The options that several commands share: each is declared once, as a type."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

# Headings of the help.
WHAT = "What to run"
ORACLE = "Oracle"
POOL = "Pool"
MODEL = "Model"
TRAINING = "Training"
ENGINE = "Engine"

Pool = Annotated[
    str | None,
    typer.Option(
        help="Parquet file, folder or glob. Without it: a small VK-like pool made in memory.",
        rich_help_panel=POOL,
    ),
]
Seeds = Annotated[
    str,
    typer.Option(help="A count (5), a range (3..7) or a list (1,4).", rich_help_panel=WHAT),
]
InitialSize = Annotated[
    int | None,
    typer.Option(
        help="Random labels to start from. [default: 2000, less in a small pool]",
        rich_help_panel=WHAT,
    ),
]
InitialIds = Annotated[
    Path | None,
    typer.Option(
        help="Start from the labels one already has: a file with one id a line.",
        rich_help_panel=WHAT,
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        help="The run's folder. If it holds this run unfinished, it goes on. "
        "[default: a new one in runs/]",
        rich_help_panel=WHAT,
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Start anew, and move a run that is in the folder aside.",
        rich_help_panel=WHAT,
    ),
]
Oracle = Annotated[
    Literal["perfect", "noisy", "annotators", "hierarchical"],
    typer.Option(
        help="Who answers: always right; errs; a majority of several; yes or no to groups "
        "of classes, then to classes.",
        rich_help_panel=ORACLE,
    ),
]
Noise = Annotated[
    str | None,
    typer.Option(
        help="Error rate of the noisy oracle, or one for each annotator: 0.05,0.1,0.3.",
        rich_help_panel=ORACLE,
    ),
]
Confusion = Annotated[
    Path | None,
    typer.Option(
        help="CSV or JSON: how often the noisy oracle takes one class (row) for another.",
        rich_help_panel=ORACLE,
    ),
]
Answers = Annotated[
    int | None,
    typer.Option(help="Annotators that answer each object. [default: all]", rich_help_panel=ORACLE),
]
Groups = Annotated[
    Path | None,
    typer.Option(
        help="JSON or TOML: the hierarchical oracle's groups and their classes.",
        rich_help_panel=ORACLE,
    ),
]
MaxQuestions = Annotated[
    int | None,
    typer.Option(
        help="Most questions about one object. [default: until its class is known]",
        rich_help_panel=ORACLE,
    ),
]
Label = Annotated[
    str | None, typer.Option(help="Label column. [default: label]", rich_help_panel=POOL)
]
Modality = Annotated[
    list[str] | None,
    typer.Option(
        help="Embedding column; repeat it for several. [default: all]", rich_help_panel=POOL
    ),
]
Features = Annotated[
    str | None,
    typer.Option(
        help="Columns of numbers and categories to encode as inputs, joined by commas.",
        rich_help_panel=POOL,
    ),
]
Split = Annotated[
    str | None, typer.Option(help="Split column. [default: split]", rich_help_panel=POOL)
]
IdColumn = Annotated[
    str | None,
    typer.Option("--id", help="Column that names a row. [default: id]", rich_help_panel=POOL),
]
LabelType = Annotated[
    Literal["class", "target"] | None,
    typer.Option(help="What a label column of whole floats means.", rich_help_panel=POOL),
]
MaskModality = Annotated[
    list[str] | None,
    typer.Option(
        help="Hide a share of a modality's rows, test included: image_emb=0.2.",
        rich_help_panel=POOL,
    ),
]
Standardise = Annotated[
    Literal["auto", "all", "none"],
    typer.Option(
        help="Which columns are standardised; auto leaves pixels (uint8) at 0 … 1.",
        rich_help_panel=POOL,
    ),
]
SplitSeed = Annotated[
    int,
    typer.Option(help="Draws the splits that a pool lacks.", rich_help_panel=POOL),
]
Model = Annotated[
    str,
    typer.Option(
        help="One of `alsim models`, such as three-head, mlp or mmoe; "
        "auto: mlp for one modality, else three-head.",
        rich_help_panel=MODEL,
    ),
]
Width = Annotated[
    int | None,
    typer.Option(
        help="Width of blocks and hidden layers. [default: the widest modality's, at most 256]",
        rich_help_panel=MODEL,
    ),
]
Depth = Annotated[int, typer.Option(help="Hidden layers of the mlp.", rich_help_panel=MODEL)]
Dropout = Annotated[float, typer.Option(help="Dropout.", rich_help_panel=MODEL)]
Blocks = Annotated[
    Literal["dense", "residual", "highway"],
    typer.Option(help="Blocks of the three-head net.", rich_help_panel=MODEL),
]
Fusion = Annotated[
    Literal["concat", "attention", "bilinear"],
    typer.Option(help="How its modalities are fused.", rich_help_panel=MODEL),
]
Heads = Annotated[
    Literal["all", "mixed"],
    typer.Option(help="A head for each modality beside the mixed one?", rich_help_panel=MODEL),
]
Encoder = Annotated[
    list[str] | None,
    typer.Option(
        help="Modality with an encoder before its block; none: 'none'. [default: pictures]",
        rich_help_panel=MODEL,
    ),
]
Optimiser = Annotated[
    Literal["adam", "sgd"],
    typer.Option(
        help="sgd: without momentum, for comparison; it wants a rate of about 0.1.",
        rich_help_panel=TRAINING,
    ),
]
LearningRate = Annotated[
    float, typer.Option(help="The optimiser's learning rate.", rich_help_panel=TRAINING)
]
BatchSize = Annotated[int, typer.Option(help="Largest mini-batch.", rich_help_panel=TRAINING)]
BatchRule = Annotated[
    Literal["fixed", "adaptive", "upsample"],
    typer.Option(
        help="fixed leaves a small last batch; adaptive makes all as large; upsample repeats.",
        rich_help_panel=TRAINING,
    ),
]
MaxEpochs = Annotated[
    int, typer.Option(help="At most so many in the passive phase.", rich_help_panel=TRAINING)
]
Patience = Annotated[
    int,
    typer.Option(
        help="Epochs without a better validation loss that end the passive phase.",
        rich_help_panel=TRAINING,
    ),
]
BatchNorm = Annotated[
    Literal["train", "frozen"],
    typer.Option(help="Batch-norm statistics after the passive phase.", rich_help_panel=TRAINING),
]
Loss = Annotated[
    Literal["uncertainty", "sum", "fixed"],
    typer.Option(help="How the heads' losses are weighed.", rich_help_panel=TRAINING),
]
HeadWeight = Annotated[
    list[str] | None,
    typer.Option(help="For --loss fixed: mixed=1, text=0.5 …", rich_help_panel=TRAINING),
]
ClassWeights = Annotated[
    Literal["none", "balanced"],
    typer.Option(help="Weigh rare classes up in the loss.", rich_help_panel=TRAINING),
]
Precision = Annotated[
    Literal["float32", "float64"],
    typer.Option(help="Of training and scoring.", rich_help_panel=TRAINING),
]
Device = Annotated[
    Literal["auto", "cpu", "cuda"],
    typer.Option(help="auto: a GPU if there is one.", rich_help_panel=ENGINE),
]
Workers = Annotated[
    int | None,
    typer.Option(
        help="Processes, each with one thread. [default: one a core]", rich_help_panel=ENGINE
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON and nothing else.", rich_help_panel=ENGINE)
]


def arguments_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a command's Python twin: those not given keep its defaults."""
    found = {name: value for name, value in given.items() if value is not None}
    if found.get("encoder") == ["none"]:
        found["encoder"] = ()
    return found

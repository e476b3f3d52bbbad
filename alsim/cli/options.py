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
EXPERTS = "Experts (of mmoe, cgc, multi-cluster and their like)"
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
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--label",
        help="Label column; repeat it for several tasks, trained together. [default: label]",
        rich_help_panel=POOL,
    ),
]
Task = Annotated[
    str | None,
    typer.Option(
        help="Column that names the task of each row, to which its label is local.",
        rich_help_panel=POOL,
    ),
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
Unknown = Annotated[
    list[str] | None,
    typer.Option(
        help="Label that stands for unknown, such as -1 or nan; repeat it for several.",
        rich_help_panel=POOL,
    ),
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
        help="auto: centres an embedding and divides it by one number, and each column of a table "
        "by its own; all: each column of an embedding by its own too; none: as in the file.",
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
    int, typer.Option(help="Width of blocks and hidden layers.", rich_help_panel=MODEL)
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
        help="Modality with an encoder before its block; 'none': no modality. "
        "[default: those that the pool's metadata calls pictures]",
        rich_help_panel=MODEL,
    ),
]
Experts = Annotated[
    int | None,
    typer.Option(
        help="Experts; in cgc the common ones. [default: 8, in multi-cluster 20]",
        rich_help_panel=EXPERTS,
    ),
]
ExpertWidth = Annotated[
    str | None,
    typer.Option(
        help="Width of each expert's layers, such as 64,32; of conv4 its filters. "
        "[default: one layer; all together as wide as --width, each at least 64; conv4: 32]",
        rich_help_panel=EXPERTS,
    ),
]
Expert = Annotated[
    Literal["mlp", "conv4"],
    typer.Option(
        help="What an expert is: layers, or four convolutions on raw pixels.",
        rich_help_panel=EXPERTS,
    ),
]
TowerWidth = Annotated[
    str | None,
    typer.Option(
        help="Width of each task's own layers above the experts, such as 8 or 64,32. "
        "[default: none, a linear head]",
        rich_help_panel=EXPERTS,
    ),
]
Gate = Annotated[
    Literal["input", "task"],
    typer.Option(
        help="What a gate of omoe, mmoe and cgc weighs experts by: each input, or the task alone.",
        rich_help_panel=EXPERTS,
    ),
]
ExpertHeads = Annotated[
    Literal["mixed", "all"],
    typer.Option(
        help="all: a head for each modality too, with gates and towers of its own.",
        rich_help_panel=EXPERTS,
    ),
]
TaskExperts = Annotated[
    int, typer.Option(help="Experts of each task's own, in cgc.", rich_help_panel=EXPERTS)
]
Levels = Annotated[
    int,
    typer.Option(help="Levels of experts, in cgc; several make it PLE.", rich_help_panel=EXPERTS),
]
Reads = Annotated[
    str | None,
    typer.Option(
        help="What the experts read, in turn: 'text;image;text+image', or columns: 'text[0:64]'. "
        "[default: everything]",
        rich_help_panel=EXPERTS,
    ),
]
ImageShape = Annotated[
    str | None,
    typer.Option(
        help="Height, width and channels of conv4's pixels, such as 32x32x3. "
        "[default: a square, of 1 or 3 channels]",
        rich_help_panel=EXPERTS,
    ),
]
ImageLayout = Annotated[
    Literal["hwc", "chw"],
    typer.Option(
        help="hwc: a pixel's channels side by side; chw: one channel after the other.",
        rich_help_panel=EXPERTS,
    ),
]
Estimator = Annotated[
    Literal[
        "leave-one-out",
        "reinforce",
        "reinforce-mean",
        "disarm",
        "hard-concrete",
        "straight-through",
    ],
    typer.Option(
        help="How multi-cluster learns its gates. reinforce: the paper's, noisy; reinforce-mean: "
        "less a moving mean of the task's loss; "
        "hard-concrete and straight-through: biased.",
        rich_help_panel=EXPERTS,
    ),
]
GateSamples = Annotated[
    int,
    typer.Option(
        help="Draws of the gates a batch, for leave-one-out and disarm; the others take one.",
        rich_help_panel=EXPERTS,
    ),
]
Density = Annotated[
    float,
    typer.Option(
        help="λ, the price of each expert that a task of multi-cluster expects to use: "
        "the larger, the fewer. 0: free.",
        rich_help_panel=EXPERTS,
    ),
]
Evaluation = Annotated[
    str,
    typer.Option(
        help="Which of multi-cluster's experts run once it is trained: task-k (each task's k "
        "likeliest, k = Σp), mean-k (one k for all), top-5 (five), round (p > ½), sample, all, "
        "soft (all, weighed by p).",
        rich_help_panel=EXPERTS,
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
GateLearningRate = Annotated[
    float,
    typer.Option(
        help="Of the gates that know the task alone, as multi-cluster's; the paper's is 0.001.",
        rich_help_panel=TRAINING,
    ),
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
    int,
    typer.Option(
        help="Maximum epochs of the passive phase, which stops earlier with --patience.",
        rich_help_panel=TRAINING,
    ),
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
TaskWeighting = Annotated[
    Literal["equal", "uncertainty", "dwa", "gradnorm", "pcgrad"],
    typer.Option(
        help="How the losses of several tasks are weighed: alike; by learned σ; the slow ones "
        "more (dwa, gradnorm); pcgrad: gradients without what opposes another task's.",
        rich_help_panel=TRAINING,
    ),
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

"""Invalid command lines and files, each with a name.

Each must give exit code 2 or 3 and one message with what, where and how to mend it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

SMALL = [
    *("--strategy", "margin", "--seeds", "1", "--initial-size", "40", "--query-size", "5"),
    *("--steps", "1", "--max-epochs", "1", "--model", "auto(width=4)", "--workers", "1"),
]

MATRIX = "true,a,b\na,0.5,0.5\nb,0,1\n"

RECIPE = """
title = "a title"
finding = "a finding"
source = "a source"

[pool]
default = "vk"
n_rows = 400

[study]
strategy = ["random", "margin"]
initial_size = 40
query_size = 5
steps = 1

[[claim]]
says = "margin is above random"
kind = "above"
strategy = "margin"
than = "random"
"""

PLUG_IN = '''
from torch import nn

from alsim.models import Outputs
from alsim.signals import Signals
from alsim.strategies import Strategy

number = 3
letters = "score"


def untyped(k=1):
    return Strategy(frozenset({"probabilities"}), lambda s: s.probabilities[:, 0])


def returns_nothing() -> Strategy:
    untyped()


def misspelt() -> Strategy:
    return Strategy(frozenset({"probabilites"}), lambda s: s.probabilities[:, 0])


def divides() -> Strategy:
    return untyped(1 / 0)


class Function:
    """A model that is no module."""

    def __init__(self, shape, options):
        self.shape = shape

    def eval(self):
        pass

    def __call__(self, inputs):
        return inputs


class Raises(nn.Module):
    def __init__(self, shape, options):
        raise RuntimeError("these weights are not here")


class Tensors(nn.Module):
    def __init__(self, shape, options):
        super().__init__()
        self.layer = nn.Linear(sum(shape.widths.values()), 3)

    def forward(self, inputs):
        return self.layer(next(iter(inputs.modalities.values())))


class Headless(nn.Module):
    def __init__(self, shape, options):
        super().__init__()
        self.classes = dict(shape.n_classes)
        self.layer = nn.Linear(len(shape.widths), 1)

    def forward(self, inputs):
        hidden = self.layer(inputs.present)
        return Outputs({t: {"own": hidden.repeat(1, c)} for t, c in self.classes.items()}, hidden)
'''


def run(*options: str, of: list[str] | None = None) -> Callable[[Path], list[str]]:
    """Return a case without files; the faulty options are added to `of`."""
    return lambda folder: ["run", *(of or []), *options, "--out", str(folder / "run")]


def correlate(*options: str) -> Callable[[Path], list[str]]:
    """Return a case of a correlation study without files."""
    small = ("--seeds", "1", "--max-epochs", "1", "--model", "auto(width=4)", "--workers", "1")
    return lambda folder: ["correlate", *small, *options, "--out", str(folder / "run")]


def with_file(
    flag: str, name: str, content: str | bytes, *options: str
) -> Callable[[Path], list[str]]:
    """Return a case whose fault is in a file that a flag names."""

    def case(folder: Path) -> list[str]:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return ["run", *SMALL, flag, str(path), *options, "--out", str(folder / "run")]

    return case


def plug_in(flag: str, name: str, content: str = PLUG_IN) -> Callable[[Path], list[str]]:
    """Return a case that names an object in a file of the user."""

    def case(folder: Path) -> list[str]:
        (folder / "mine.py").write_text(content)
        mine = [flag, f"{folder / 'mine.py'}:{name}"]
        return ["run", *SMALL, *mine, "--out", str(folder / "run")]

    return case


def recipe(old: str, new: str) -> Callable[[Path], list[str]]:
    """Return a case of a recipe with one part replaced."""
    assert old in RECIPE
    return recipe_file(RECIPE.replace(old, new, 1))


def recipe_file(content: str | bytes) -> Callable[[Path], list[str]]:
    """Return a case of a recipe's file."""

    def case(folder: Path) -> list[str]:
        path = folder / "mine.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return ["recipe", "run", str(path), "--out", str(folder / "run")]

    return case


def out_is_a_file(folder: Path) -> list[str]:
    (folder / "run").write_text("precious")
    return ["run", *SMALL, "--out", str(folder / "run")]


def ids_are_a_folder(folder: Path) -> list[str]:
    return ["run", "--initial-ids", str(folder), "--out", str(folder / "run")]


def recipe_is_a_folder(folder: Path) -> list[str]:
    (folder / "mine.toml").mkdir()
    return ["recipe", "run", str(folder / "mine.toml"), "--out", str(folder / "run")]


_NOISY = ("--oracle", "noisy")
_GROUPED = ("--oracle", "hierarchical")

BAD_CONFIGURATIONS: Mapping[str, Callable[[Path], list[str]]] = {
    # One option.
    "an option that there is not": run("--no-such-option"),
    "a choice that there is not": run("--oracle", "psychic"),
    "a number that is none": run("--steps", "many"),
    "a strategy that there is not": run("--strategy", "margn"),
    "a strategy with brackets open": run("--strategy", "bald(k=3"),
    "a strategy with a parameter that it has not": run("--strategy", "bald(q=3)"),
    "a strategy with a parameter out of range": run("--strategy", "bald(k=0)"),
    "a strategy's candidates out of range": run("--strategy", "margin(candidates=0)"),
    "a strategy twice": run("--strategy", "bald,bald()"),
    "no strategy": run("--strategy", ","),
    "a model that there is not": run("--model", "mpl"),
    "seeds that are words": run("--seeds", "x"),
    "no seeds": run("--seeds", "0"),
    "a thousand million seeds": run("--seeds", "1000000000"),
    "a range of seeds without end": run("--seeds", "0..99999999999999999999999999"),
    "a seed of 64 bits and more": run("--seeds", "9223372036854775808,1"),
    "a seed below zero": run("--seeds", "-1,2"),
    "a seed twice": run("--seeds", "1,1"),
    "a query of nothing": run("--query-size", "0"),
    "a query of three sizes": run("--query-size", "1:2:3"),
    "a query of a hundred digits": run("--query-size", "9" * 100),
    "no steps": run("--steps", "0"),
    "steps of thirty digits": run("--steps", "9" * 30),
    "an end that there is not": run("--until", "tuesday"),
    "an accuracy in per cent": run("--until", "accuracy=90"),
    "labels of four hundred digits": run("--until", "labels=" + "9" * 400),
    "one initial label": run("--initial-size", "1"),
    "no candidates": run("--candidates", "0"),
    "a price of nothing": run("--price", "0"),
    "a price that is no number": run("--price", "nan"),
    "a price without end": run("--price", "inf"),
    "an error rate above one": run("--noise", "1.5", of=["--oracle", "noisy"]),
    "an error rate that is a word": run("--noise", "often", of=["--oracle", "noisy"]),
    "a dropout of one": run("--model", "mlp(dropout=1)"),
    "a dropout that is no number": run("--model", "mlp(dropout=nan)"),
    "a learning rate of nothing": run("--learning-rate", "0"),
    "a learning rate without end": run("--learning-rate", "inf"),
    "a width of a thousand million": run("--model", "mlp(width=1000000000)"),
    "no width": run("--model", "mlp(width=0)"),
    "a depth of a million": run("--model", "mlp(depth=1000000)"),
    "fewer workers than none": run("--workers", "-1"),
    "a split seed below zero": run("--split-seed", "-1"),
    "all of a modality masked": run("--mask-modality", "text=1"),
    "a mask without a share": run("--mask-modality", "text"),
    "a modality twice": run("--modality", "text", "--modality", "text"),
    "a weight without end": run("--head-weight", "mixed=inf", of=["--loss", "fixed"]),
    "an output that is a file": out_is_a_file,
    "a pool whose name is not UTF-8": run("--pool", "caf\udce9.parquet"),
    "a label whose name is not UTF-8": run("--label", "caf\udce9"),
    # Options that exclude each other.
    "steps beside another end": run("--until", "exhausted", "--steps", "5"),
    "head weights without a fixed loss": run("--head-weight", "mixed=1"),
    "frozen batch norm in a net trained anew": run("--batch-norm", "frozen", "--retrain"),
    "noise for an oracle that does not err": run("--noise", "0.1"),
    "an oracle that errs without noise": run(*_NOISY),
    "more answers than annotators": run(
        "--oracle", "annotators", "--noise", "0.1,0.2", "--answers", "3"
    ),
    "groups of an oracle that has none": run("--max-questions", "2"),
    "many faults at once": run(
        "--strategy", "margn", "--seeds", "x", "--steps", "0", "--price", "-1", "--model", "mpl"
    ),
    # Options that do not fit the pool.
    "more initial labels than rows": run("--initial-size", "99999999", of=SMALL),
    "a query larger than the pool": run("--query-size", "99999999", of=SMALL),
    "steps for more rows than there are": run("--steps", "999999", of=SMALL),
    "growing queries for more rows than there are": run(
        "--query-size", "1:9", "--steps", "999999", of=SMALL
    ),
    "fewer labels than at first": run(
        "--until", "labels=10", "--strategy", "margin", "--initial-size", "40"
    ),
    "a label column that there is not": run("--label", "topic", of=SMALL),
    "a modality that there is not": run("--modality", "sound", of=SMALL),
    "a mask of a modality that there is not": run("--mask-modality", "sound=0.5", of=SMALL),
    "a mask of a modality that is left out": run(
        "--mask-modality", "text=0.5", "--modality", "picture", of=SMALL
    ),
    "an encoder of a modality that there is not": run(
        "--model", "three-head(encoder=pictur)", of=SMALL
    ),
    "the weight of a head that there is not": run(
        "--loss", "fixed", "--head-weight", "sound=1", of=SMALL
    ),
    "weights that are all zero": run(
        "--loss", "fixed", "--head-weight", "mixed=0", "--model", "mlp", of=SMALL
    ),
    "batch norm to freeze where there is none": run(
        "--model", "mlp", "--batch-norm", "frozen", of=SMALL
    ),
    "a committee without dropout": run("--model", "linear", "--strategy", "bald", of=SMALL),
    "heads to compare where there is one": run(
        "--model", "three-head(heads=mixed)", "--strategy", "co-testing", of=SMALL
    ),
    "fewer candidates than a query": run("--candidates", "3", of=SMALL),
    "many misfits at once": run(
        *("--model", "linear", "--batch-norm", "frozen"),
        *("--initial-size", "99999999"),
        of=SMALL,
    ),
    # Files.
    "ids that are not there": lambda folder: ["run", "--initial-ids", str(folder / "absent.txt")],
    "ids that are a folder": ids_are_a_folder,
    "ids that are not text": with_file("--initial-ids", "ids.txt", b"\xff\xfe1\x00"),
    "a file without ids": with_file("--initial-ids", "ids.txt", "\n \n"),
    "ids beside an initial size": with_file("--initial-ids", "ids.txt", "1\n2\n"),
    "a matrix that is not there": run("--confusion", "absent.csv", *_NOISY),
    "a matrix of other classes": with_file("--confusion", "m.csv", MATRIX, *_NOISY),
    "a matrix that is empty": with_file("--confusion", "m.csv", "", *_NOISY),
    "a matrix that is cut": with_file("--confusion", "m.json", '{"a": {"a": 1', *_NOISY),
    "a matrix that is nested deeply": with_file("--confusion", "m.json", "[" * 50_000, *_NOISY),
    "a matrix of huge numbers": with_file(
        "--confusion", "m.json", '{"a": {"a": 1' + "0" * 400 + "}}", *_NOISY
    ),
    "a matrix that is not text": with_file("--confusion", "m.csv", b"\xff\x00\xfe", *_NOISY),
    "groups that are not there": run("--groups", "absent.json", *_GROUPED),
    "groups of other classes": with_file("--groups", "g.json", '{"x": ["a"]}', *_GROUPED),
    "groups that are a list": with_file("--groups", "g.json", "[1, 2]", *_GROUPED),
    "groups that are no TOML": with_file("--groups", "g.toml", "x = [", *_GROUPED),
    "groups nested deeply": with_file("--groups", "g.toml", "x = " + "[" * 50_000, *_GROUPED),
    "groups of huge numbers": with_file(
        "--groups", "g.toml", "x = [0x" + "f" * 5000 + "]", *_GROUPED
    ),
    # Plug-ins.
    "a plug-in that is not there": run("--strategy", "absent.py:score"),
    "a plug-in with a fault of syntax": plug_in("--strategy", "score", "def score(:\n"),
    "a plug-in that imports what is not there": plug_in("--strategy", "x", "import no_such_thing"),
    "a plug-in that raises": plug_in("--strategy", "x", "\n1 / 0\n"),
    "a plug-in that ends the program": plug_in("--strategy", "x", "import sys\nsys.exit(0)\n"),
    "a plug-in without that name": plug_in("--strategy", "nothing_of_the_kind"),
    "a plug-in that is a number": plug_in("--strategy", "number"),
    "a plug-in whose parameter has no type": plug_in("--strategy", "untyped"),
    "a plug-in that returns nothing": plug_in("--strategy", "returns_nothing"),
    "a plug-in that asks for a signal that there is not": plug_in("--strategy", "misspelt"),
    "a plug-in that divides by zero": plug_in("--strategy", "divides"),
    "a model that is a word": plug_in("--model", "letters"),
    "a model that is no module": plug_in("--model", "Function"),
    "a model that raises": plug_in("--model", "Raises"),
    "a model that returns a tensor": plug_in("--model", "Tensors"),
    "a model without a mixed head": plug_in("--model", "Headless"),
    # Correlation studies; cases shared with runs are above.
    "a metric that there is not": correlate("--metric", "margn"),
    "a metric of no single row's score": correlate("--metric", "core-set"),
    "a metric with brackets open": correlate("--metric", "bald(k=3"),
    "a metric of some candidates": correlate("--metric", "margin(candidates=9)"),
    "no metric": correlate("--metric", ","),
    "a metric twice": correlate("--metric", "loss,ideal-learning-loss"),
    "groups of nothing": correlate("--group-size", "0"),
    "groups of a word": correlate("--group-size", "ten"),
    "groups of thirty digits": correlate("--group-size", "9" * 30),
    "a sample of nothing": correlate("--sample-size", "0"),
    "a sample larger than the pool": correlate("--sample-size", "99999999"),
    "two groups": correlate("--sample-size", "40", "--group-size", "20"),
    "more initial labels than a correlation leaves": correlate("--initial-size", "4330"),
    "a query for a correlation": correlate("--query-size", "20"),
    "a picture that is none": correlate("--plot", "groups.txt"),
    "many faults of a correlation": correlate(
        "--metric", "margn,badge", "--seeds", "x", "--group-size", "0", "--model", "mlp(dropout=1)"
    ),
    # Recipes.
    "a recipe that there is not": lambda _: ["recipe", "run", "vk-fig99"],
    "a recipe's file that is not there": lambda folder: [
        *("recipe", "run", str(folder / "absent.toml"))
    ],
    "a recipe that is a folder": recipe_is_a_folder,
    "a recipe that is empty": recipe_file(""),
    "a recipe that is no TOML": recipe_file("title = "),
    "a recipe that is not text": recipe_file(b"\xff\xfe\x00"),
    "a recipe that is nested deeply": recipe_file("title = " + "[" * 50_000),
    "a recipe with a key twice": recipe("steps = 1", "steps = 1\nsteps = 2"),
    "a recipe with a key that there is not": recipe("steps = 1", "step = 1"),
    "a recipe with a wrong type": recipe("steps = 1", 'steps = "1"'),
    "a recipe without a claim": recipe("[[claim]]", "[claim]"),
    "a recipe with a strategy that is a number": recipe('["random", "margin"]', "5"),
    "a recipe with a strategy that there is not": recipe('"margin"]', '"margn"]'),
    "a recipe with a number out of range": recipe("steps = 1", "steps = -1"),
    "a recipe with a number of five thousand digits": recipe(
        "n_rows = 400", f"n_rows = {'9' * 5000}"
    ),
    "a recipe for a pool without rows": recipe("n_rows = 400", "n_rows = 0"),
    "a recipe for a pool without end": recipe("n_rows = 400", "n_rows = 400_000_000_000"),
    "a recipe with a metric that there is not": recipe(
        "[[claim]]", '[figure]\nmetric = "charm"\n[[claim]]'
    ),
    "a recipe with a variant that leaves its folder": recipe(
        "[[claim]]", '[variant."../../x"]\n[[claim]]'
    ),
    "a recipe whose sizes do not fit": recipe("initial_size = 40", "initial_size = 4000"),
    "a recipe of two kinds": recipe("[[claim]]", "[correlation]\n[[claim]]"),
    "a recipe of a table with candidates": lambda _: [
        *("recipe", "run", "vk-table1", "--candidates", "5")
    ],
    "a scale of nothing": lambda _: ["recipe", "run", "vk-fig07", "--scale", "0"],
    "a recipe without its pool": lambda _: ["recipe", "run", "vk-fig15"],
    "a recipe with seeds that are words": lambda _: ["recipe", "run", "vk-fig07", "--seeds", "x"],
}  # fmt: skip

"""The kinds of study that a recipe can run, by the table of its file that says so."""

from collections.abc import Mapping

from alsim.recipes.correlation.kind import CORRELATION
from alsim.recipes.curves.kind import CURVES
from alsim.recipes.recipe import RecipeKind
from alsim.recipes.training.kind import TRAINING

KINDS: Mapping[str, RecipeKind] = {
    "study": CURVES,
    "correlation": CORRELATION,
    "training": TRAINING,
}

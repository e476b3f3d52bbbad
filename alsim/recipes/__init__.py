"""Figures and tables of papers as one command: what to run, to draw and to test."""

from typing import TYPE_CHECKING

from alsim.lazy import lazy_names
from alsim.recipes.shipped import recipe_headings, recipe_names

if TYPE_CHECKING:
    from alsim.recipes.correlation.kind import CorrelationClaim, CorrelationVerdict
    from alsim.recipes.curves.claims import Claim, Verdict
    from alsim.recipes.reading import read_recipe
    from alsim.recipes.recipe import Recipe
    from alsim.recipes.report import Report
    from alsim.recipes.running import run_recipe
    from alsim.recipes.training.claims import TrainingClaim

__all__ = [
    "Claim",
    "CorrelationClaim",
    "CorrelationVerdict",
    "Recipe",
    "Report",
    "TrainingClaim",
    "Verdict",
    "read_recipe",
    "recipe_headings",
    "recipe_names",
    "run_recipe",
]

__getattr__ = lazy_names(
    __name__,
    {
        "correlation.kind": ("CorrelationClaim", "CorrelationVerdict"),
        "curves.claims": ("Claim", "Verdict"),
        "reading": ("read_recipe",),
        "recipe": ("Recipe",),
        "report": ("Report",),
        "running": ("run_recipe",),
        "training.claims": ("TrainingClaim",),
    },
)

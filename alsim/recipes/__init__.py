"""Figures and tables of papers as one command: what to run, to draw and to test."""

from alsim.recipes.correlation.kind import CorrelationClaim, CorrelationVerdict
from alsim.recipes.curves.claims import Claim, Verdict
from alsim.recipes.reading import read_recipe, recipe_names
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
    "recipe_names",
    "run_recipe",
]

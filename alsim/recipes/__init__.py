"""Every figure of the VK study as one command: what to run, what to draw, what to test."""

from alsim.recipes.reading import read_recipe, recipe_names
from alsim.recipes.recipe import Claim, Recipe
from alsim.recipes.running import Report, run_recipe
from alsim.recipes.verdicts import Verdict

__all__ = [
    "Claim",
    "Recipe",
    "Report",
    "Verdict",
    "read_recipe",
    "recipe_names",
    "run_recipe",
]

"""The recipes that come with alsim, read without what would run them: that needs torch."""

import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SEEDS = "5"  # of a recipe that does not say how many


def recipe_names() -> list[str]:
    """Return the names of the recipes that come with alsim, in the order of the source."""
    return sorted(path.stem for path in HERE.glob("*.toml"))


def recipe_headings() -> dict[str, dict[str, Any]]:
    """Return the title, finding, source, seeds and full size of each recipe, by its name."""
    files = {
        name: tomllib.loads((HERE / f"{name}.toml").read_text("utf-8")) for name in recipe_names()
    }
    return {
        name: {
            "title": data["title"],
            "finding": data["finding"],
            "source": data["source"],
            "seeds": data.get("seeds", SEEDS),
            "full": data.get("full", {}).get("about"),
        }
        for name, data in files.items()
    }

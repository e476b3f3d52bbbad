"""What every kind of study reports once its tasks are done, or refuses."""

from collections.abc import Sequence
from pathlib import Path

from alsim.errors import RunError, StoreError
from alsim.options.training import TrainingOptions
from alsim.store.layout import JOURNALS


def refuse_gone(n_gone: int, what: str, folder: Path) -> None:
    """Raise a StoreError if the journals of some tasks that were done are not there."""
    if n_gone:
        raise StoreError(
            f"what was recorded of {n_gone} {what} is gone",
            str(folder / JOURNALS),
            f"leave a run's folder alone while it is worked on; then: alsim resume {folder}",
        )


def all_diverged(folder: Path) -> RunError:
    """Return the error for a study without a single result."""
    return RunError(
        "every training diverged: no loss is a number",
        str(folder),
        "lower --learning-rate, or leave the inputs standardised, and add --force",
    )


def notes_on_epochs(
    training: TrainingOptions, best: Sequence[int], what: str, then: str = "", *, is_stopped: bool
) -> list[str]:
    """Return a note if `--max-epochs` ended some trainings while they were still learning.

    `best` has the epoch that each training kept, `what` was trained, such as "nets", and `then`
    says what too few epochs may mean. Without validation rows that decide when to stop there is no
    note.
    """
    n_cut = sum(training.cuts_short(epoch) for epoch in best)
    if not is_stopped or not n_cut:
        return []
    most = training.max_epochs
    return [
        f"{n_cut} of {len(best)} {what} were still learning when --max-epochs {most} ended "
        f"them{then and f': {then}'}; give them more: --max-epochs {2 * most}"
    ]

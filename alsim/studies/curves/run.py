"""`alsim.run`: the Python twin of the command, with the same names and the same defaults."""

from dataclasses import replace

from alsim.options.curves import CurvesOptions
from alsim.store.curves import Run, read_run
from alsim.studies.curves.check import check_curves
from alsim.studies.curves.study import curves_study
from alsim.studies.twins import Call, open_pool, twin

EMBEDDED_STEPS = 50


@twin(CurvesOptions, "alsim run")
def run(call: Call[CurvesOptions]) -> Run:  # noqa: D417 -- the arguments are the options
    """Replay labelling on a pool whose labels are known, and return the run.

    Where `out` holds this very run unfinished, it goes on; finished, it is returned as it is.

    Every argument is the option of `alsim run` of the same name, documented there; texts such as
    `query_size="20:200"`, `seeds="3..7"`, `until="accuracy=0.9"` or `mask_modality=["text=0.2"]`
    are understood as on the command line.

    Args:
        pool: A Parquet file, folder or glob, or an Arrow table; None makes a small VK-like pool.
        out: The run's folder, absent, empty, or of this run; None takes a free one below `runs/`.
        force: Whether another run in `out` is moved aside for this one.
        watch: Called with each progress event.

    Raises:
        AlsimError: For anything the user can mend.
    """
    options = call.options
    study, strategies = check_curves(options, call.faults)
    call.check()
    if options.pool is None and options.steps is None and options.until.kind == "steps":
        study = replace(study, schedule=replace(study.schedule, steps=EMBEDDED_STEPS))
    return read_run(
        call.carry_out(curves_study(open_pool(options.pool), study, strategies, options))
    )

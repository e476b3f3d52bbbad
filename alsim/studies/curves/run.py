"""`alsim.run`: the Python twin of the command, with the same names and the same defaults."""

from dataclasses import replace

from alsim.options.curves import CurvesOptions
from alsim.store.curves import Run, read_run
from alsim.studies.curves.check import check_curves
from alsim.studies.curves.study import curves_study
from alsim.studies.twins import Call, open_pool, twin

EMBEDDED_STEPS = 50


@twin(CurvesOptions, "alsim run")
def run(call: Call[CurvesOptions]) -> Run:
    """Replay labelling on a pool whose labels are known, and return the run."""
    options = call.options
    study, strategies = check_curves(options, call.faults)
    call.check()
    if options.pool is None and options.steps is None and options.until.kind == "steps":
        study = replace(study, schedule=replace(study.schedule, steps=EMBEDDED_STEPS))
    return read_run(
        call.carry_out(curves_study(open_pool(options.pool), study, strategies, options))
    )

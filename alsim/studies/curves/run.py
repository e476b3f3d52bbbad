"""`alsim.run`: the Python twin of the command, with the same names and the same defaults."""

from dataclasses import replace

from alsim.options.curves import CurvesOptions
from alsim.options.training import UNSTOPPED_EPOCHS
from alsim.store.curves import Run, read_run
from alsim.studies.curves.check import check_curves
from alsim.studies.curves.looks import looks_of, with_planned_seeds
from alsim.studies.curves.study import CurvesStudy, curves_study
from alsim.studies.curves.trial import Trial, try_out
from alsim.studies.twins import Call, open_pool, twin

EMBEDDED_STEPS = 50


@twin(CurvesOptions, "alsim run")
def run(call: Call[CurvesOptions]) -> Run:
    """Replay labelling on a pool whose labels are known, and return the run."""
    return read_run(call.carry_out(_study(call)))


@twin(CurvesOptions, "alsim run --dry-run")
def dry_run(call: Call[CurvesOptions]) -> Trial:
    """Return what such a run would label and take; nothing is written."""
    return try_out(_study(call))


def _study(call: Call[CurvesOptions]) -> CurvesStudy:
    options = call.options
    if options.validation_size == 0 and "max_epochs" not in call.given:
        options = replace(options, max_epochs=UNSTOPPED_EPOCHS)
    options = with_planned_seeds(options, call.given, call.faults)
    study, strategies = check_curves(options, call.faults)
    looks = looks_of(options, study.baseline, strategies, call.faults)
    call.check()
    is_planned = options.steps is not None or options.budget is not None
    if options.pool is None and not is_planned and options.until.kind == "steps":
        study = replace(study, schedule=replace(study.schedule, steps=EMBEDDED_STEPS))
    return curves_study(open_pool(options.pool), study, strategies, options, looks)

"""Whether the options of learning curves go together."""

from collections.abc import Mapping
from dataclasses import replace

from alsim.options.curves import NO_BASELINE, CurvesOptions
from alsim.options.faults import Faults
from alsim.strategies import Named
from alsim.studies.start.check import StudyOptions, find_named, study_of


def check_curves(options: CurvesOptions, faults: Faults) -> tuple[StudyOptions, dict[str, Named]]:
    """Return the options by topic, and the strategies; add all that is wrong to the faults.

    The baseline comes first where it is not among the strategies anyway.
    """
    if options.ceiling and options.max_questions is not None:
        faults.add(
            "all labels cannot be trained on where answers may leave classes open",
            "--ceiling --max-questions",
            "leave out one of the two",
        )
    if options.baseline == NO_BASELINE or not options.strategy:
        study, strategies = study_of(options, options.strategy, "--strategy", faults)
        _check_control(study, strategies, faults)
        return study, strategies
    baseline = faults.attempt(None, find_named, options.baseline, options, "--baseline")
    if baseline is None:
        return study_of(options, options.strategy, "--strategy", faults)
    like = [text for text in options.strategy if _base(text) == _base(options.baseline)]
    found = [faults.attempt(None, find_named, text, options, "--strategy") for text in like]
    is_there = any(named is not None and named.name == baseline.name for named in found)
    names = options.strategy if is_there else (options.baseline, *options.strategy)
    study, strategies = study_of(options, names, "--strategy", faults)
    _check_control(study, strategies, faults)
    if not baseline.strategy.asks:
        faults.add(
            f"{baseline.name} queries nothing, so no labels are saved against it",
            "--baseline",
            f"leave it out, and add it beside the others: --strategy margin,{baseline.name}",
        )
    return replace(study, baseline=baseline.name), strategies


def _check_control(study: StudyOptions, strategies: Mapping[str, Named], faults: Faults) -> None:
    """Add strategies that query nothing, and have nothing to go by, to the faults."""
    silent = [name for name, named in strategies.items() if not named.strategy.asks]
    if not silent:
        return
    if len(silent) == len(study.strategies):
        faults.add(
            f"{silent[0]} queries nothing, and there is no strategy that does",
            "--strategy",
            f"add one: --strategy margin,{silent[0]}",
        )
    if study.schedule.until.kind == "accuracy":
        faults.add(
            f"{silent[0]} queries nothing, so by an accuracy it might never end",
            f"--strategy {silent[0]} --until {study.schedule.until}",
            "end the run by --steps, --budget or --until labels=N, or leave it out",
        )


def _base(text: str) -> str:
    """Return a strategy's name without its parameters."""
    return text.partition("(")[0].strip()

"""`alsim.correlate`: the Python twin of the command, with the same names and the same defaults."""

from alsim.options.correlation import CorrelateOptions
from alsim.store.correlation import CorrelationStudy, read_correlation
from alsim.studies.correlation.check import check_correlation
from alsim.studies.correlation.study import correlation_study
from alsim.studies.twins import Call, open_pool, twin


@twin(CorrelateOptions, "alsim correlate")
def correlate(call: Call[CorrelateOptions]) -> CorrelationStudy:  # noqa: D417 -- the arguments are the options
    """Correlate what a group of rows scores with what it teaches, and return the study.

    From the net of the passive phase, one copy is trained on each group of rows sorted by a
    metric; ρ is Spearman's, between the mean score of a group and the accuracy of its copy (VK
    2020, Tables 1 and 2). Groups at random, the metric "random", are always among them.

    Where `out` holds this very study unfinished, it goes on; finished, it is returned as it is.

    Every argument is the option of `alsim correlate` of the same name, documented there; texts are
    understood as on the command line.

    Args:
        pool: A Parquet file, folder or glob, or an Arrow table; None makes a small VK-like pool.
        out: The study's folder, absent, empty, or of this study; None takes a free one below
            `runs/`.
        force: Whether another run in `out` is moved aside for this one.
        watch: Called with each progress event.

    Raises:
        AlsimError: For anything the user can mend.
    """
    options = call.options
    study, metrics = check_correlation(options, call.faults)
    call.check()
    source = open_pool(options.pool)
    return read_correlation(call.carry_out(correlation_study(source, study, metrics, options)))

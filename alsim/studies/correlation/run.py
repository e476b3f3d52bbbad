"""`alsim.correlate`: the Python twin of the command, with the same names and the same defaults."""

from alsim.options.correlation import CorrelateOptions
from alsim.store.correlation import CorrelationStudy, read_correlation
from alsim.studies.correlation.check import check_correlation
from alsim.studies.correlation.study import correlation_study
from alsim.studies.twins import Call, open_pool, twin


@twin(CorrelateOptions, "alsim correlate")
def correlate(call: Call[CorrelateOptions]) -> CorrelationStudy:
    """Correlate what a group of rows scores with what it teaches, and return the study.

    From the net of the passive phase, one copy is trained on each group of rows sorted by a
    metric; ρ is Spearman's, between the mean score of a group and the accuracy of its copy (VK
    2020, Tables 1 and 2). Groups at random, the metric "random", are always among them.
    """
    options = call.options
    study, metrics = check_correlation(options, call.faults)
    call.check()
    source = open_pool(options.pool)
    return read_correlation(call.carry_out(correlation_study(source, study, metrics, options)))

"""A worker's tasks of correlation: training the copies of a seed's metrics."""

from alsim.experiments.correlation import correlate
from alsim.experiments.progress import Progress
from alsim.store.correlation import keep_groups
from alsim.studies import messages
from alsim.studies.start.work import Send, Study, start_of


class _Reporting(Progress):
    def __init__(self, send: Send, seed: int) -> None:
        self._send, self._seed = send, seed

    def copies(self, metric: str, n: int) -> None:
        self._send(messages.Copies(metric, self._seed, n))


def run_correlate(study: Study, message: messages.Correlate, send: Send) -> None:
    """Train the copies of a seed's metrics that are not kept yet, and keep each metric's groups."""
    first = message.jobs[0]
    journals = {
        job.strategy: path
        for job, path in zip(message.jobs, message.journals, strict=True)
        if not path.exists()
    }
    # Those that go together are trained alike.
    found = correlate(
        study.like(first.strategy),
        first.seed,
        start_of(study, message),
        list(journals),
        message.sizes,
        _Reporting(send, first.seed),
        study.copies,
    )
    for path, groups in zip(journals.values(), found, strict=True):
        keep_groups(path, groups)

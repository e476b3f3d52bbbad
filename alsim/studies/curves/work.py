"""A worker's tasks of learning curves: running some together, and keeping their steps."""

from alsim.experiments.curves.loop import active, begin
from alsim.studies import messages
from alsim.studies.curves.keep import Keeper
from alsim.studies.start.work import Send, Stopwatch, Study, start_of


def run_active(study: Study, message: messages.Active, send: Send) -> None:
    """Run some learning curves from where they were left, and keep their steps."""
    watch = Stopwatch(send)
    jobs = message.jobs
    # Those that go together are trained alike.
    setting = study.like(jobs[0].strategy)
    keeper = Keeper(jobs, message.journals, message.checkpoint, setting.chunks, study.identity)
    with keeper:
        position = keeper.position()
        if position is None:
            position = begin(setting, jobs, start_of(study, message))
            lost = [r for r, on in enumerate(position.running) if not on]
            for report in keeper.lose(lost, 0):
                send(report)
        step = position.step
        if any(position.running):
            for advance in active(setting, jobs, position, watch):
                step = advance.step
                seconds = watch.take()
                watch.phase("journal")
                for report in keeper.keep(advance, seconds):
                    send(report)
        keeper.finish(step, watch.take())

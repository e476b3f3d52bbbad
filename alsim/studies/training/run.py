"""`alsim.train`: the Python twin of the command, with the same names and the same defaults."""

from alsim.options.training_study import TrainOptions
from alsim.store.training import TrainingStudy, read_training
from alsim.studies.training.check import examine_train
from alsim.studies.training.study import training_study
from alsim.studies.twins import Call, open_pool, twin


@twin(TrainOptions, "alsim train")
def train(call: Call[TrainOptions]) -> TrainingStudy:
    """Train models on a pool's labels, or on those that a run queried, and return the study.

    Each model is trained for each fraction of the labels and each seed, with early stopping on
    validation alone, and then measured on every task. Labels are drawn at random; of one seed
    those of a smaller fraction are the first of a larger one's. Given a run's `queries`, they are
    those that each of its strategies asked for with each of its seeds, in that order.
    """
    models = examine_train(call.options, call.faults)
    call.check()
    study = training_study(open_pool(call.options.pool), call.options, models)
    return read_training(call.carry_out(study))

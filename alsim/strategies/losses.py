"""Scores from the loss: predicted by an auxiliary net, or read off the hidden label.

The two ideal ones are no strategies for real labelling. They ask what a perfect prediction of the
loss would be worth (the VK study, Figs 13 to 15). That bounds nothing: the true loss can choose
worse rows than a predicted one.
"""

from alsim.options.training import LossPrediction
from alsim.strategies.strategy import Strategy


def learning_loss(share: float = 0.0) -> Strategy:
    """Return the strategy that scores the predicted loss. Yoo & Kweon (2019), §3.

    Departures. The whole pool is ranked, where the paper first draws a random part of it; the
    parameter `candidates` gives the paper's form. And the ranking loss trains the auxiliary net
    alone, where in the paper it also trains the model for the first 60 % of the epochs: that
    changes the model before anything is queried, so that a comparison with other strategies
    would be one of models too. `share=0.6` gives the paper's form.

    Args:
        share: Of the epochs of the passive phase, in which it trains the model too. The phase is
            then trained twice: how many epochs there are is known once the model has stopped.

    Raises:
        ValueError: If `share` is not in [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie between 0 and 1, not {share:g}")
    return Strategy(
        frozenset({"predicted_loss"}),
        lambda s: s.predicted_loss,
        loss_prediction=LossPrediction(share=share),
    )


def ideal_learning_loss() -> Strategy:
    """Return the strategy that scores the true loss; it reads the hidden label (the VK study)."""
    return Strategy(frozenset({"true_loss"}), lambda s: s.true_loss)


def reverse_ideal_learning_loss() -> Strategy:
    """Return the strategy that scores −(true loss); it reads the hidden label (the VK study)."""
    return Strategy(frozenset({"true_loss"}), lambda s: -s.true_loss)

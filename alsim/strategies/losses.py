"""Scores from the loss, predicted by an auxiliary net or computed from the hidden label.

The two ideal strategies cannot be used for real labelling. They measure what a perfect prediction
of the loss would be worth (the VK study, Figs 13 to 15). This is no upper bound: the true loss can
choose worse rows than a predicted loss.
"""

from alsim.options.training import LossPrediction
from alsim.strategies.strategy import Strategy


def learning_loss(share: float = 0.0) -> Strategy:
    """Return the strategy that scores the predicted loss. Yoo & Kweon (2019), §3.

    Departures. The whole pool is ranked, where the paper first draws a random part of it;
    `candidates=` gives the paper's form. The ranking loss trains the auxiliary net only; in the
    paper it also trains the model for the first 60 % of the epochs. That changes the model before
    the first query, so that a comparison of strategies would also compare models; `share=0.6` gives
    the paper's form.

    Args:
        share: Share of the passive phase's epochs in which the ranking loss trains the model too.
            The phase is then trained twice, since the number of epochs is known only at its end.

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
    """Return the strategy that scores the true loss; it uses the hidden label (the VK study)."""
    return Strategy(frozenset({"true_loss"}), lambda s: s.true_loss)


def reverse_ideal_learning_loss() -> Strategy:
    """Return the strategy that scores −(true loss); it uses the hidden label (the VK study)."""
    return Strategy(frozenset({"true_loss"}), lambda s: -s.true_loss)

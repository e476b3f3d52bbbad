"""Scores from the loss: predicted by an auxiliary net, or read off the hidden label.

The two ideal ones are no strategies for real labelling. They ask what a perfect prediction of the
loss would be worth: an upper bound of learning-loss (the VK study, Figs 13 to 15).
"""

from alsim.strategies.strategy import Strategy


def learning_loss() -> Strategy:
    """Return the strategy that scores the predicted loss. Yoo & Kweon (2019), §3.

    Departure: the whole pool is ranked, where the paper first draws a random part of it; the
    parameter `candidates` gives the paper's form.
    """
    return Strategy(frozenset({"predicted_loss"}), lambda s: s.predicted_loss)


def ideal_learning_loss() -> Strategy:
    """Return the strategy that scores the true loss; it reads the hidden label (the VK study)."""
    return Strategy(frozenset({"true_loss"}), lambda s: s.true_loss)


def reverse_ideal_learning_loss() -> Strategy:
    """Return the strategy that scores −(true loss); it reads the hidden label (the VK study)."""
    return Strategy(frozenset({"true_loss"}), lambda s: -s.true_loss)

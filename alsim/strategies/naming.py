"""Strategies from their names, such as `bald(k=50)`.

A strategy's own parameters are the keyword arguments of its builder. Every strategy also takes
`candidates`; `combine`, how its scores for several tasks are combined; and `batch-norm` and
`batch-rule`, how its net is trained. A strategy with a committee takes `committee`. So one run can
compare a strategy with itself under other settings.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from alsim.errors import AlsimError, UsageError, nearest
from alsim.loading import describe_error
from alsim.options.curves import Combination, Members
from alsim.options.training import TrainingOptions
from alsim.parameters import Value, put_together, take_apart
from alsim.signals import Signal
from alsim.strategies.plugins import find_entry
from alsim.strategies.strategy import Strategy
from alsim.strategies.table import STRATEGIES

_FLAG = "--strategy"
_CANDIDATES, _COMBINE, _COMMITTEE = "candidates", "combine", "committee"
_TRAINING = {"batch-norm": "batch_norm", "batch-rule": "batch_rule"}


@dataclass(frozen=True, slots=True, eq=False)
class Named:
    """A strategy as it is run and recorded."""

    name: str  # as recorded: normalised, without parameters at their defaults
    strategy: Strategy
    parameters: Mapping[str, Value]  # all of them, also those at their defaults
    training: Mapping[str, str]  # field of TrainingOptions -> value, if the strategy sets it

    def adapt(self, options: TrainingOptions) -> TrainingOptions:
        """Return a study's training options with the strategy's own values."""
        return replace(options, **self.training)


def find_strategy(
    text: str,
    candidates: int | None = None,
    *,
    combine: Combination | None = None,
    committee: Members | None = None,
) -> Named:
    """Return the strategy called `name` or `name(parameter=value, …)`.

    Args:
        text: What the user wrote. Its parameters take precedence over the arguments below.
        candidates: Maximum number of rows to consider; None: the strategy's default.
        combine: How scores of several tasks are combined; None: the strategy's default.
        committee: How the members of its committee differ; None: the strategy's default.

    Raises:
        UsageError: If there is no such strategy, or it does not take a parameter.
    """
    written = take_apart(text, _FLAG)
    base = written.base
    entry = find_entry(base)
    own = _parameters(entry.builder, text)
    types = {**{name: type_ for name, (type_, _) in own.items()}, **_common_types()}
    given = written.given(types)
    arguments = {name: default for name, (_, default) in own.items()}
    arguments |= {name: value for name, value in given.items() if name in own}
    try:
        built = entry.builder(**{name.replace("-", "_"): v for name, v in arguments.items()})
    except ValueError as error:
        raise UsageError(str(error), written.where, "change the parameter") from None
    except AlsimError:  # it says what is wrong already
        raise
    except Exception as error:  # a plug-in may raise anything
        if base in STRATEGIES:
            raise
        what = f"{base} cannot be made: {describe_error(error)}"
        raise UsageError(what, written.where, "mend the plug-in") from error
    strategy = _checked(built, text)
    idle = [name for name in (_CANDIDATES, _COMBINE) if name in given and not strategy.asks]
    if idle:
        raise UsageError(f"{base} queries nothing", written.where, f"leave out {idle[0]}")
    if candidates is not None and strategy.signals:
        strategy = replace(strategy, candidates=candidates)
    if _CANDIDATES in given:
        if int(given[_CANDIDATES]) < 1:
            raise UsageError("candidates must be at least 1", written.where, "give a larger number")
        strategy = replace(strategy, candidates=int(given[_CANDIDATES]))
    parameters: dict[str, Value] = dict(arguments)
    if strategy.candidates is not None:
        parameters[_CANDIDATES] = strategy.candidates
    rule = given.get(_COMBINE, combine)
    if rule is not None:
        strategy = replace(strategy, combine=cast("Combination", rule))
        parameters[_COMBINE] = rule
    members = given.get(_COMMITTEE, committee)
    if "mc_probabilities" in strategy.signals | strategy.labelled and members is not None:
        changed = replace(strategy.committee, by=cast("Members", members))
        strategy = replace(strategy, committee=changed)
        parameters[_COMMITTEE] = members
    elif _COMMITTEE in given:
        raise UsageError(f"{base} uses no committee", written.where, "leave it out")
    shown = {
        name: value for name, value in given.items() if name not in own or value != own[name][1]
    }
    return Named(
        name=put_together(base, {name: shown[name] for name in types if name in shown}),
        strategy=strategy,
        parameters={**parameters, **{n: v for n, v in given.items() if n in _TRAINING}},
        training={field: str(given[n]) for n, field in _TRAINING.items() if n in given},
    )


def _parameters(build: Callable[..., Strategy], text: str) -> dict[str, tuple[Any, Value]]:
    """Return a builder's parameters, name -> (type, default).

    Raises:
        UsageError: If a parameter has no default, or a type that a name cannot express.
    """
    try:
        hints = {} if inspect.isclass(build) else get_type_hints(build)
        parameters = inspect.signature(build).parameters
    except (ValueError, TypeError, NameError) as error:
        what = f"its parameters are unknown: {error}"
        raise UsageError(what, f"--strategy {text}", "name a function with annotations") from None
    for name, parameter in parameters.items():
        type_ = hints.get(name)
        if type_ not in (int, float, str, bool) and get_origin(type_) is not Literal:
            raise UsageError(
                f"its parameter {name!r} is not annotated as int, float, str, bool or a Literal",
                f"--strategy {text}",
                f"write {name}: float = 1.0, say",
            )
        if parameter.default is inspect.Parameter.empty:
            raise UsageError(
                f"its parameter {name!r} has no default", f"--strategy {text}", "give it one"
            )
    return {
        name.replace("_", "-"): (hints[name], parameter.default)
        for name, parameter in parameters.items()
    }


def _checked(built: object, text: str) -> Strategy:
    """Return what a builder returned, if it is a strategy and asks for known signals only."""
    if not isinstance(built, Strategy):
        raise UsageError(
            f"it returns a {type(built).__name__}, not a Strategy",
            f"--strategy {text}",
            "return Strategy(frozenset({…}), score)",
        )
    known = get_args(Signal)
    for signal in sorted(built.signals | built.labelled):
        if signal not in known:
            raise UsageError(
                f"there is no signal {signal!r}", f"--strategy {text}", nearest(signal, known)
            )
    return built


def _common_types() -> dict[str, Any]:
    hints = get_type_hints(TrainingOptions)
    return {
        _CANDIDATES: int,
        _COMBINE: Combination,
        _COMMITTEE: Members,
        **{name: hints[field] for name, field in _TRAINING.items()},
    }

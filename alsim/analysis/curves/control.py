"""The control, which queries nothing and trains on: paired with the others step by step.

Its number of labels stays the same, so by labels its curve would be one point. What it is compared
with is what the others have after as many steps: there it is drawn, and judged.
"""

import pyarrow as pa
import pyarrow.compute as pc

_SPENT = ("n_labelled", "n_questions", "cost")


def controls_of(steps: pa.Table) -> tuple[str, ...]:
    """Return the strategies of a run's steps that went on without a query, by name.

    There is none where no strategy queried: then there is nothing to pair it with.
    """
    spans = steps.group_by("strategy", use_threads=False).aggregate(
        [("step", "max"), ("n_labelled", "min"), ("n_labelled", "max")]
    )
    rows = spans.to_pylist()
    silent = [row for row in rows if row["n_labelled_min"] == row["n_labelled_max"]]
    if len(silent) == len(rows):
        return ()
    return tuple(sorted(str(row["strategy"]) for row in silent if row["step_max"]))


def paired_by_step(steps: pa.Table) -> pa.Table:
    """Return a run's steps with the control at what the others have spent after as many steps.

    Labels, questions and cost are the means over the other strategies and their seeds. A step of
    the control that no other strategy has is left out. Steps without a control are returned as they
    are.
    """
    controls = controls_of(steps)
    if not controls:
        return steps
    is_control = pc.field("strategy").isin(list(controls))
    others, mine = steps.filter(~is_control), steps.filter(is_control)
    spent = [name for name in _SPENT if name in steps.column_names]
    means = others.group_by("step", use_threads=False).aggregate([(n, "mean") for n in spent])
    found = {row["step"]: row for row in means.to_pylist()}
    mine = mine.filter(pc.field("step").isin(list(found)))
    for name in spent:
        at, field = steps.schema.get_field_index(name), steps.schema.field(name)
        values = [found[step][f"{name}_mean"] for step in mine.column("step").to_pylist()]
        if pa.types.is_integer(field.type):
            values = [round(value) for value in values]
        mine = mine.set_column(at, field, pa.array(values, field.type))
    return pa.concat_tables([others, mine])


def by_own_steps(steps: pa.Table) -> pa.Table:
    """Return a run's steps, in their order, with the steps of the control in place of its labels.

    So it has a curve of its own, a point a step.
    """
    is_control = pc.is_in(steps.column("strategy"), pa.array(controls_of(steps), pa.string()))
    labels = pc.if_else(is_control, steps.column("step"), steps.column("n_labelled"))
    at = steps.schema.get_field_index("n_labelled")
    return steps.set_column(at, steps.schema.field(at), labels)

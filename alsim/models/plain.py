"""Plain classifiers on the concatenated modalities: a multilayer perceptron and a linear layer.

The concatenation is never built: the first layer is one product per modality. With several
modalities it includes the presence mask.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from alsim.models.interface import MIXED, Inputs, Outputs, Shape
from alsim.models.layers import StreamDropout
from alsim.options.model import ModelOptions


class ConcatLinear(nn.Module):
    """A linear layer on [x₁ … x_m, mask]; with one modality on x₁ alone.

    An absent modality is a row of zeros (`Inputs`), so its product is already zero.
    """

    def __init__(self, shape: Shape, n_out: int) -> None:
        super().__init__()
        self.modalities = tuple(shape.widths)
        widths = list(shape.widths.values())
        if len(widths) > 1:
            widths.append(len(self.modalities))
        whole = nn.Linear(sum(widths), n_out)  # one layer at initialisation, then cut
        self.parts = nn.ModuleList(nn.Linear(d, n_out, bias=i == 0) for i, d in enumerate(widths))
        with torch.no_grad():
            for part, weight in zip(self.parts, whole.weight.split(widths, 1), strict=True):
                part.get_parameter("weight").copy_(weight)
            self.parts[0].get_parameter("bias").copy_(whole.bias)

    def forward(self, inputs: Inputs) -> Tensor:
        """Return `(n, n_out)`."""
        columns = [inputs.modalities[name] for name in self.modalities]
        if len(columns) > 1:
            columns.append(inputs.present)
        out = self.parts[0](columns[0])
        for part, x in zip(list(self.parts)[1:], columns[1:], strict=True):
            out = out + part(x)
        return out


class Mlp(nn.Module):
    """`depth` hidden layers of ReLU and dropout, then one linear head a task."""

    def __init__(self, shape: Shape, options: ModelOptions) -> None:
        super().__init__()
        self.tasks = tuple(shape.n_classes)
        width = options.width
        self.first = ConcatLinear(shape, width)
        self.rest = nn.ModuleList(nn.Linear(width, width) for _ in range(options.depth - 1))
        self.dropouts = nn.ModuleList(
            StreamDropout(options.dropout, width) for _ in range(options.depth)
        )
        self.heads = nn.ModuleList(nn.Linear(width, c) for c in shape.n_classes.values())

    def forward(self, inputs: Inputs) -> Outputs:
        """Return the mixed head's logits of every task."""
        hidden = self.dropouts[0](F.relu(self.first(inputs), inplace=True))
        layers = [hidden]
        for layer, dropout in zip(self.rest, list(self.dropouts)[1:], strict=True):
            hidden = dropout(F.relu(layer(hidden), inplace=True))
            layers.append(hidden)
        logits = {t: {MIXED: head(hidden)} for t, head in zip(self.tasks, self.heads, strict=True)}
        return Outputs(logits, hidden, tuple(layers))


class Linear(nn.Module):
    """Multinomial logistic regression on the concatenation."""

    def __init__(self, shape: Shape, options: ModelOptions) -> None:
        super().__init__()
        del options  # a linear layer has no options
        self.tasks = tuple(shape.n_classes)
        self.heads = nn.ModuleList(ConcatLinear(shape, c) for c in shape.n_classes.values())

    def forward(self, inputs: Inputs) -> Outputs:
        """Return the mixed head's logits of every task; `hidden` is the concatenation."""
        logits = {t: {MIXED: head(inputs)} for t, head in zip(self.tasks, self.heads, strict=True)}
        columns = list(inputs.modalities.values())
        hidden = columns[0] if len(columns) == 1 else torch.cat([*columns, inputs.present], 1)
        return Outputs(logits, hidden, (hidden,))

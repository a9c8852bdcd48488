"""The weights of a network, read back from the graph that was exported of it.

Exporting folds some weights (transposed, flattened) into constants with names of its own. So the
same network is exported once more with a different number in every place, and where these numbers
come out is where the weights are.
"""

import tempfile
from collections.abc import Callable
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from idol_runtime.errors import BundleError

Network = TypeVar("Network", bound=nn.Module)
Initialisers = dict[str, NDArray[Any]]
FIRST_MARK: Final = 2**14 + 0.5
"""Like no constant of a graph; float32 counts on from here by ones to 2 ** 23 weights."""


def take_weights(
    graph: Path, network: Network, write: Callable[[Network, Path], None]
) -> frozenset[str]:
    """Gives a network the weights that a graph holds.

    Args:
        graph: What `write` wrote of a network of this size.
        network: Is changed.
        write: Exports a network.

    Returns:
        The names of weights that the graph does not hold; these stay as they were.

    Raises:
        BundleError: the graph is one of another network.
    """
    marked, marks = _marked(network, write)
    found = _as_in(marked, onnx.load(graph).graph)
    if found is None:
        raise BundleError(
            f"{graph}: expected the graph that this version exports of {type(network).__name__}, "
            "found another one; restore with the version that wrote it."
        )
    constants = _initialisers(marked)
    places = {
        float(value): (name, place)
        for name, values in constants.items()
        if values.dtype == np.float32
        for place, value in enumerate(values.ravel())
    }
    state, absent = network.state_dict(), set()
    for name, mark in marks.items():
        if not mark.is_floating_point():
            same = [each for each, values in constants.items() if _is_same(values, mark)]
            taken = [found[each] for each in same[:1]]
        else:
            where = [places.get(float(value)) for value in mark.flatten()]
            taken = [np.array([found[n].ravel()[at] for n, at in filter(None, where)])]
            taken = taken if None not in where else []
        if taken:
            state[name] = torch.from_numpy(taken[0].copy()).reshape(mark.shape).to(mark.dtype)
        else:
            absent.add(name)
    network.load_state_dict(state)
    return frozenset(absent)


def _marked(
    network: Network, write: Callable[[Network, Path], None]
) -> tuple[onnx.GraphProto, dict[str, torch.Tensor]]:
    """An export whose weights count up, and these weights."""
    before = {name: value.clone() for name, value in network.state_dict().items()}
    marks, first = {}, FIRST_MARK
    for name, value in before.items():
        if value.is_floating_point():
            marks[name] = first + torch.arange(float(value.numel())).reshape(value.shape)
            first += value.numel()
        else:
            marks[name] = value
    network.load_state_dict(marks)
    with tempfile.TemporaryDirectory() as folder:
        write(network, Path(folder) / "marked.onnx")
        marked = onnx.load(Path(folder) / "marked.onnx").graph
    network.load_state_dict(before)
    return marked, marks


def _as_in(marked: onnx.GraphProto, graph: onnx.GraphProto) -> Initialisers | None:
    """The constants of a graph under the names they have in another of the same nodes.

    An export holds equal constants once, so that names alone would not tell. None when the nodes
    are not the same.
    """
    named, values = _initialisers(marked), _initialisers(graph)
    if [each.op_type for each in marked.node] != [each.op_type for each in graph.node]:
        return None
    found = {}
    for here, there in zip(marked.node, graph.node, strict=True):
        for name, other in zip_longest(here.input, there.input):
            if name in named and other is None:
                # A bias of nothing but zeros is left out of a product that can do without.
                found[name] = np.zeros_like(named[name])
            elif name in named:
                if other not in values or values[other].shape != named[name].shape:
                    return None
                found[name] = values[other]
    return found


def _initialisers(graph: onnx.GraphProto) -> Initialisers:
    return {each.name: numpy_helper.to_array(each) for each in graph.initializer}


def _is_same(values: NDArray[Any], mark: torch.Tensor) -> bool:
    return values.size == mark.numel() and np.array_equal(values.ravel(), mark.numpy().ravel())

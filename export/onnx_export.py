"""One frame of a motion generator -> ONNX, with a batch of any size and explicit state."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
import torch
from torch import nn

OPSET = 18


def write_step(
    step: nn.Module, inputs: Mapping[str, int], outputs: Sequence[str], path: Path
) -> None:
    """Writes a module whose `forward` takes tensors [B, size] and gives the outputs in order.

    Args:
        step: Traced in evaluation mode.
        inputs: Name to size, in the order of `forward`.
        outputs: Names.
        path: Where the model goes; it holds its weights.
    """
    example = [torch.zeros(2, size) for size in inputs.values()]
    rows = torch.export.Dim("batch", min=1, max=4096)
    program = torch.onnx.export(
        step.eval(),
        tuple(example),
        input_names=[*inputs],
        output_names=[*outputs],
        dynamic_shapes=(tuple({0: rows} for _ in example),),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    assert program is not None
    # The exporter writes a stack trace of the machine it ran on into every node.
    model = program.model_proto
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info):
        del part.metadata_props[:]
    onnx.save(model, path)

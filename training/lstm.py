"""One step of `nn.LSTM`, spelt out so that a frame exports as plain products."""

import torch
from torch import Tensor, nn


def lstm_cell(
    memory: nn.LSTM, layer: int, value: Tensor, hidden: Tensor, cell: Tensor
) -> tuple[Tensor, Tensor]:
    """The next hidden and cell values [B, H] of a layer, from its own weights."""
    gates = nn.functional.linear(
        value, getattr(memory, f"weight_ih_l{layer}"), getattr(memory, f"bias_ih_l{layer}")
    ) + nn.functional.linear(
        hidden, getattr(memory, f"weight_hh_l{layer}"), getattr(memory, f"bias_hh_l{layer}")
    )
    enter, forget, fresh, leave = gates.chunk(4, dim=-1)
    cell = torch.sigmoid(forget) * cell + torch.sigmoid(enter) * torch.tanh(fresh)
    return torch.sigmoid(leave) * torch.tanh(cell), cell

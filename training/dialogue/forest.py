"""Conversations that share their beginnings, read by a model in one pass.

A node is one message; its path from the root is the prompt it stands in. Replies to the same words
under other notes, good and bad replies, and conversations of one persona are branches: what they
have in common is computed once, and every reply is still read exactly as in a prompt of its own.
"""

from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.dialogue.chat_ids import MessageIds

NodeId: TypeAlias = int


class ForestTensors(NamedTuple):
    """T tokens, L of which are learnt."""

    ids: Tensor
    """[1, T]"""
    positions: Tensor
    """[1, T], along each path."""
    seen: Tensor
    """[1, 1, T, T], true where a token (row) may look at another: its own path up to itself."""
    before: Tensor
    """[L], the token from which each learnt one is foretold."""
    learnt: Tensor
    """[L], their ids."""
    owner: Tensor
    """[L], which reply each belongs to, in the order in which replies were added."""


@dataclass(slots=True)
class _Node:
    parent: NodeId | None
    message: MessageIds
    is_learnt: bool
    first: int
    """Where its tokens begin."""
    position: int


@dataclass(slots=True)
class Forest:
    nodes: list[_Node] = field(default_factory=list)
    tokens: int = 0
    replies: list[NodeId] = field(default_factory=list)
    """Nodes to learn, in the order in which they were added."""
    _known: dict[tuple[NodeId | None, tuple[int, ...]], NodeId] = field(default_factory=dict)

    def add(self, parent: NodeId | None, message: MessageIds, *, is_learnt: bool = False) -> NodeId:
        """The node of this message there: a new one only where there is none like it."""
        key = (parent, message.ids)
        if key not in self._known:
            position = 0 if parent is None else self.length_of(parent)
            self._known[key] = len(self.nodes)
            self.nodes.append(_Node(parent, message, False, self.tokens, position))
            self.tokens += len(message.ids)
        node = self._known[key]
        if is_learnt and not self.nodes[node].is_learnt:
            self.nodes[node].is_learnt = True
            self.replies.append(node)
        return node

    def length_of(self, node: NodeId) -> int:
        """Tokens of its whole path."""
        found = self.nodes[node]
        return found.position + len(found.message.ids)

    def tensors(self) -> ForestTensors:
        size = self.tokens
        ids = np.empty(size, np.int64)
        positions = np.empty(size, np.int64)
        seen: NDArray[np.bool_] = np.zeros((size, size), bool)
        for node in self.nodes:
            here = slice(node.first, node.first + len(node.message.ids))
            length = len(node.message.ids)
            ids[here] = node.message.ids
            positions[here] = np.arange(node.position, node.position + length)
            if node.parent is not None:
                # The last token of the message above sees all of its path.
                above = self.nodes[node.parent]
                seen[here] = seen[above.first + len(above.message.ids) - 1]
            seen[here, here] = np.tri(length, dtype=bool)
        before, learnt, owner = self._learnt()
        return ForestTensors(
            torch.from_numpy(ids)[None],
            torch.from_numpy(positions)[None],
            torch.from_numpy(seen)[None, None],
            torch.tensor(before, dtype=torch.long),
            torch.tensor(learnt, dtype=torch.long),
            torch.tensor(owner, dtype=torch.long),
        )

    def _learnt(self) -> tuple[list[int], list[int], list[int]]:
        before: list[int] = []
        learnt: list[int] = []
        owner: list[int] = []
        for number, index in enumerate(self.replies):
            node = self.nodes[index]
            for at, (token, written) in enumerate(
                zip(node.message.ids, node.message.written, strict=True)
            ):
                if written:  # never the first of a message: a role stands before it
                    before.append(node.first + at - 1)
                    learnt.append(token)
                    owner.append(number)
        return before, learnt, owner

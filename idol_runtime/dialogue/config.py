"""The `config` table of a dialogue bundle's manifest."""

from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from idol_runtime.dialogue.architecture import DecoderConfig
from idol_runtime.errors import BundleError
from idol_runtime.inference.bundle import Bundle

ENGINE = "decoder"
"""What the manifests of these bundles name."""
HTTP_ENGINE = "http"
"""What those name whose model another server runs."""
INT8_BLOCKS = "int8-blocks"
"""How the models of the catalog are converted on first use: the folder of such a bundle."""
MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
CHAT_TEMPLATE_FILE = "chat_template.jinja"


MIB: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DecoderRoom:
    """How much a dialogue model may take on."""

    context_tokens: int = 2048
    """Prompt and reply together; cut to what the model was made for."""
    replies: int = 16
    """Written at once; more wait in order."""
    kept_conversations: int = 32
    """Whose attention state may wait for their next turn."""
    kept_bytes: int = 512 * MIB
    """That all of them may take."""


class DialogueConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    decoder: DecoderConfig
    activations: Literal["float32", "float16"]
    """Type of the KV cache; logits are always float32."""
    bos_id: int | None
    eos_id: int
    end_ids: list[int]
    """Control tokens: each of them ends a reply, none is ever made from what people write."""
    adds_bos: bool
    """A prompt starts with `bos_id`, whether the chat template says so or not."""

    def plain(self) -> dict[str, Any]:
        encoded: dict[str, Any] = msgspec.to_builtins(self)
        return encoded


def read_config(bundle: Bundle) -> DialogueConfig:
    """The configuration of a dialogue bundle.

    Raises:
        BundleError: a field is missing, unknown or of another type.
    """
    try:
        return msgspec.convert(bundle.manifest.config, DialogueConfig)
    except msgspec.ValidationError as error:
        raise BundleError(
            f"{bundle.folder}: expected a dialogue model's configuration, but {error}; "
            "import or export the model again."
        ) from None

"""Turns a GGUF file of a Llama, Qwen, Gemma or Phi into a dialogue bundle, without torch."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path
from typing import Any, Literal

from tokenizers import Tokenizer

from idol_runtime.dialogue.adapted import AdaptedWeights, LowRankAdapter, open_adapter
from idol_runtime.dialogue.architecture import check_tensors
from idol_runtime.dialogue.chat import ChatTokenizer
from idol_runtime.dialogue.config import CHAT_TEMPLATE_FILE, ENGINE, TOKENIZER_FILE, DialogueConfig
from idol_runtime.dialogue.gguf_file import GgufFile
from idol_runtime.dialogue.gguf_tokenizer import control_ids, read_tokenizer, word_rule
from idol_runtime.dialogue.gguf_weights import GgufWeights
from idol_runtime.dialogue.graph import Activations, build_decoder
from idol_runtime.dialogue.matrices import Progress
from idol_runtime.errors import IdolError, InputError, StoreError
from idol_runtime.inference.bundle import MANIFEST, sha256_of, write_manifest


def import_gguf(
    source: Path,
    target: Path,
    *,
    name: str,
    weights: Literal["fp32", "int8", "exact"] = "int8",
    activations: Activations = "float32",
    adapter: Path | None = None,
    progress: Progress | None = None,
    tell: Callable[[str], object] = lambda note: None,
) -> None:
    """Writes the bundle folder `target`, which appears whole or not at all.

    Args:
        source: A GGUF file of an architecture among `FAMILIES`, in one part.
        target: Must not exist or be empty.
        name: Of the bundle.
        weights: `int8` keeps 8-bit blocks of 32 and is the fastest; `exact` keeps the file's own
            blocks and is the smallest; `fp32` is for comparisons.
        activations: float16 for CUDA.
        adapter: The folder of changes that are added to the weights, see `adapted`.
        progress: Called with (stage, done, total); stages are `metadata`, `weights`, `checksums`.
        tell: Is given a sentence for what a user should know of the model.

    Raises:
        InputError: the file is not a whole GGUF file of a supported model, the adapter is for
            another one, or `target` is in use.
        BundleError: the adapter is not whole.
        StoreError: the disk is full or not writable.
    """
    with new_folder(target) as folder, _naming(source):
        _tell(progress, "metadata", 0)
        file, tensors, tokenizer, config = _read(source, activations)
        tokenizer.save(str(folder / TOKENIZER_FILE))
        template = file.get("tokenizer.chat_template", str)
        for note in _notes(tokenizer, template, config):
            tell(note)
        (folder / CHAT_TEMPLATE_FILE).write_text(template, encoding="utf-8")
        _tell(progress, "metadata", 1)
        digest = sha256_of(source)
        changed = None if adapter is None else _opened(adapter, digest)
        stored = build_decoder(
            tensors if changed is None else AdaptedWeights(tensors, changed),
            folder,
            weights=weights,
            activations=activations,
            progress=progress,
        )
        _tell(progress, "checksums", 0)
        card: dict[str, Any] = {
            "made_from": {"file": source.name, "sha256": digest},
            "model": file.get("general.name", str, name),
            "weights": weights,
            "matrices": stored,
        }
        if changed is not None:
            card["adapter"] = changed.bundle.manifest.card
        licence = file.get("general.license", str, "unknown")
        write_manifest(
            folder,
            kind="dialogue",
            name=name,
            licence=licence,
            config=config.plain(),
            card=card,
            engine=ENGINE,
        )
        _tell(progress, "checksums", 1)


def _opened(folder: Path, digest: str) -> LowRankAdapter:
    adapter = open_adapter(folder)
    if adapter.config.base_sha256 not in ("", digest):
        raise InputError(
            f"expected the file that the adapter {folder.name} was made for (sha256 "
            f"{adapter.config.base_sha256[:12]}...), found another ({digest[:12]}...); give that "
            "file, or leave the adapter out."
        )
    return adapter


def check_gguf(source: Path) -> None:
    """Refuses what `import_gguf` would refuse, without a look at the weights.

    Raises:
        InputError: as `import_gguf`.
    """
    with _naming(source):
        file, _, tokenizer, config = _read(source, "float32")
        for _ in _notes(tokenizer, file.get("tokenizer.chat_template", str), config):
            pass


def _read(
    source: Path, activations: Activations
) -> tuple[GgufFile, GgufWeights, Tokenizer, DialogueConfig]:
    try:
        file = GgufFile(source)
        tensors = GgufWeights(file)
        check_tensors(tensors.config, tensors.shapes)
        tokenizer = read_tokenizer(file)
        config = _config(file, tensors, activations)
    except (IdolError, MemoryError):
        raise
    except Exception as error:  # damage shows wherever the libraries happen to trip over it
        raise InputError(
            f"{source}: expected a whole GGUF file, found one that is damaged "
            f"({type(error).__name__} while reading it); download it again."
        ) from None
    if tokenizer.get_vocab_size() > tensors.config.vocab:
        raise InputError(
            f"{source}: expected at most {tensors.config.vocab} tokens, as the embedding has "
            f"rows, found {tokenizer.get_vocab_size()}; the file is damaged."
        )
    return file, tensors, tokenizer, config


def _notes(tokenizer: Tokenizer, template: str, config: DialogueConfig) -> Iterator[str]:
    """Opens the chat template as a server will, and says what is special about it.

    Raises:
        InputError: it refuses a conversation that a character may have.
    """
    arrangement = ChatTokenizer(tokenizer, template, config).template.arrangement
    if arrangement.folds_system:
        yield "The chat template takes no persona: it is put before the user's first words."
    if arrangement.folds_greeting:
        yield "The chat template wants the user to speak first: a greeting is told in the persona."
    if "<think>" in template and "enable_thinking" not in template:
        yield "The model thinks before it answers, which takes time; choose one that does not."


@contextmanager
def _naming(source: Path) -> Iterator[None]:
    """Every refusal says of which file it speaks."""
    try:
        yield
    except InputError as error:
        if str(error).startswith(f"{source}: "):
            raise
        raise InputError(f"{source}: {error}") from None


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder next to `target` that takes its place when the block ends without an error.

    Raises:
        InputError: `target` is in use.
        StoreError: the disk is full or not writable.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        what = "a bundle" if (target / MANIFEST).exists() else "something else"
        raise InputError(
            f"{target}: expected a free place, found {what}; remove or rename it first."
        )
    partial = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        yield partial
        if target.exists():
            target.rmdir()
        partial.rename(target)
    except OSError as error:
        needed = "free some space" if error.errno == ENOSPC else "choose a folder you can write to"
        raise StoreError(
            f"{target}: expected to write a bundle there, but {error.strerror}; {needed}."
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _tell(progress: Progress | None, stage: str, done: int) -> None:
    if progress is not None:
        progress(stage, done, 1)


def _config(file: GgufFile, tensors: GgufWeights, activations: Activations) -> DialogueConfig:
    def token(name: str) -> int | None:
        key = f"tokenizer.ggml.{name}_token_id"
        return file.get(key, int) if file.has(key) else None

    eos = token("eos")
    if eos is None:
        raise InputError(f"{file.path}: expected an end-of-text token, found none; choose another.")
    if not file.has("tokenizer.chat_template"):
        raise InputError(
            f"{file.path}: expected a chat template, found none: this is not a chat model; "
            "choose one whose name ends in `instruct` or `chat`."
        )
    is_pieces = file.get("tokenizer.ggml.model", str) == "llama"
    adds_bos = is_pieces or word_rule(file).adds_bos
    return DialogueConfig(
        decoder=tensors.config,
        activations=activations,
        bos_id=token("bos"),
        eos_id=eos,
        end_ids=control_ids(file),
        adds_bos=file.get("tokenizer.ggml.add_bos_token", bool, adds_bos),
    )

"""What the settings of a server say of its dialogue model reaches the process that runs it."""

from pathlib import Path

from idol_runtime.character import Sampling
from idol_runtime.conversation.models import ModelFolders, start_models
from idol_runtime.dialogue.config import DecoderRoom
from idol_runtime.dialogue.importer import import_gguf
from idol_runtime.dialogue.messages import ChatMessage, DialogueRequest, GenerationDone
from idol_runtime.inference.process import Room
from tests.dialogue.tiny_models import tiny_model, write_gguf


async def test_a_model_keeps_to_the_context_it_is_given_and_tells_what_it_holds(
    folders: ModelFolders, tmp_path: Path
) -> None:
    source = write_gguf(tiny_model("llama"), tmp_path / "tiny.gguf", {"": "Q8_0"})
    import_gguf(source, tmp_path / "bundle", name="tiny", weights="fp32")
    models = start_models(
        ModelFolders(tmp_path / "bundle", folders.speech),
        provider="cpu",
        threads=1,
        room=Room(streams=2),
        decoder=DecoderRoom(context_tokens=300, kept_bytes=0),
    )
    told: list[GenerationDone] = []
    models.watch_replies(told.append)
    try:
        await models.dialogue.start()
        assert models.dialogue.capabilities.context_length == 300
        request = DialogueRequest((ChatMessage("user", "hello"),), Sampling(), max_tokens=5)
        for _ in range(2):
            async for _item in models.dialogue.stream(request):
                pass
    finally:
        await models.aclose()
    assert [done.cached_tokens for done in told] == [0, 0]  # nothing may be kept
    assert [done.cache_evictions for done in told] == [0, 1]
    assert all(done.cache_bytes > 0 for done in told)

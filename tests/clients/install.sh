#!/bin/sh
# Clients of the Realtime API as their users install them: each in an environment of its own, because what
# they need differs (openai-agents wants an older websockets than ours). All at once, about a minute.
set -eu

install() {
  name=$1
  shift
  .venv/bin/python -m venv --without-pip ".venv/clients/$name"
  .venv/bin/python -m pip --python ".venv/clients/$name/bin/python" install --quiet --disable-pip-version-check "$@"
}

echo "==> Installing clients of the Realtime API"
install openai-agents "openai-agents>=0.24" &
agents=$!
install livekit-agents "livekit-agents>=1.8" "livekit-plugins-openai>=1.8" &
livekit=$!
# Its event models alone, and what importing them needs: all of it would bring numba and another ONNX Runtime.
(
  install pipecat "pydantic>=2.12" "loguru>=0.7" "pillow>=11" "docstring-parser>=0.16" "loudness>=0.2" "numpy>=1.26" \
    "sentencex==1.0.32" "soxr>=1" "wait-for2>=0.4; python_version < '3.12'" "websockets>=15"
  .venv/bin/python -m pip --python .venv/clients/pipecat/bin/python install --quiet --disable-pip-version-check \
    --no-deps "pipecat-ai==1.14.0" 2>/dev/null
) &
pipecat=$!
npm ci --prefix tests/clients --ignore-scripts --no-audit --no-fund --silent
wait $agents
wait $livekit
wait $pipecat

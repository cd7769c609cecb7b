#!/usr/bin/env bash
# Every test, from a bare start.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh
for component in clippy rustfmt; do
  cargo "${component/rustfmt/fmt}" --version >/dev/null 2>&1 || rustup component add "$component"
done
exec cargo xtask ci

#!/usr/bin/env bash
# Installs what the build needs and this machine lacks. Sourced or run; quiet if there is nothing to do.
set -euo pipefail

packages=(libmlir-22-dev mlir-22-tools llvm-22-dev llvm-22-tools clang-22 libclang-22-dev
          libpolly-22-dev zlib1g-dev libzstd-dev g++
          python3 shellcheck)

missing=()
if command -v dpkg-query >/dev/null; then
  for package in "${packages[@]}"; do
    status=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing+=("$package")
  done
elif [ ! -x /usr/lib/llvm-22/bin/mlir-tblgen ]; then
  echo "error: LLVM/MLIR 22 is needed; see .cargo/config.toml for where it is looked for" >&2
  exit 1
fi
if [ ${#missing[@]} -gt 0 ]; then
  echo "Installing ${missing[*]}"
  root=()
  [ "$(id -u)" = 0 ] || root=(sudo)
  "${root[@]}" apt-get update -qq
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

if ! command -v cargo >/dev/null; then
  echo "error: Rust is needed: https://rustup.rs" >&2
  exit 1
fi

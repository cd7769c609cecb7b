#!/usr/bin/env bash
# Builds the design of this folder for a Ryzen AI NPU: its kernels by Peano, then what XRT loads by
# aiecc of mlir-aie. It writes built/ when all of it is there, and nothing before.
set -euo pipefail

usage() {
  cat <<'TEXT'
Usage: build.sh [--kernels | --check]

  (nothing)  build ../design.mlir into built/
  --kernels  build each design of kernels/, which is one kernel or one cascade alone, and compare
             what it computes on the device with what it must
  --check    only say which tools would be used

Tools are looked for here, first to last:
  Peano     $PEANO_INSTALL_DIR; llvm-aie among the packages of python3
  aiecc     $AIECC; aiecc, or aiecc.py, in $MLIR_AIE_INSTALL_DIR/bin, in PATH, and in mlir_aie/bin
            among the packages of python3
  aie_api   $AIE_API_INCLUDE; include/ of mlir-aie: $MLIR_AIE_INSTALL_DIR, mlir_aie among the
            packages of python3, and where aiecc is
TEXT
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# A folder of kernels/ has its own design, but no sources.
sources=$(dirname "$here")/kernels

say() { echo "$*"; }

fail() {
  echo "error: $1" >&2
  shift
  [ $# = 0 ] || printf '  %s\n' "$@" >&2
  exit 1
}

# Where python3 has a package's folder; nothing if it has not.
python_package() {
  command -v python3 >/dev/null || return 0
  python3 - "$1" <<'PYTHON' 2>/dev/null || true
import os, sys, sysconfig
for name in ("platlib", "purelib"):
    path = os.path.join(sysconfig.get_path(name), sys.argv[1])
    if os.path.isdir(path):
        print(path)
        break
PYTHON
}

# What mlir-aie takes as a device, and the cores of it as Peano calls them.
read_device() {
  device=$(sed -n 's/.*aie\.device(\([a-z0-9_]*\)).*/\1/p' "$1" | head -n 1)
  case $device in
    npu1 | npu1_*) target=aie2 ;;
    npu2 | npu2_*) target=aie2p ;;
    *) fail "$1 is for '$device', and not for a Ryzen AI NPU (npu1, npu2, or columns of these)" ;;
  esac
}

find_peano() {
  local looked=() folder
  for folder in "${PEANO_INSTALL_DIR:-}" "$(python_package llvm-aie)"; do
    [ -n "$folder" ] || continue
    looked+=("$folder/bin/clang++")
    if [ -x "$folder/bin/clang++" ]; then
      peano=$folder
      break
    fi
  done
  if [ -z "${peano:-}" ]; then
    fail "Peano, the compiler of the kernels, was not found" \
      "looked for: ${looked[*]:-\$PEANO_INSTALL_DIR, which is not set, and llvm-aie among the packages of python3}" \
      "to install: python3 -m pip install llvm-aie -f https://github.com/Xilinx/llvm-aie/releases/expanded_assets/nightly" \
      "or set PEANO_INSTALL_DIR to the folder that has bin/clang++"
  fi
  # Any other clang has no such target.
  if ! "$peano/bin/clang++" --target="$target-none-unknown-elf" -x c++ -fsyntax-only - 2>/dev/null <<<'int x;'; then
    fail "$peano/bin/clang++ does not compile for $target-none-unknown-elf: it is not Peano, or one without this device" \
      "to install: python3 -m pip install --upgrade llvm-aie -f https://github.com/Xilinx/llvm-aie/releases/expanded_assets/nightly"
  fi
}

find_aiecc() {
  local looked=() candidate package
  package=$(python_package mlir_aie)
  for candidate in "${AIECC:-}" \
    ${MLIR_AIE_INSTALL_DIR:+"$MLIR_AIE_INSTALL_DIR/bin/aiecc" "$MLIR_AIE_INSTALL_DIR/bin/aiecc.py"} \
    aiecc aiecc.py ${package:+"$package/bin/aiecc"}; do
    [ -n "$candidate" ] || continue
    looked+=("$candidate")
    if command -v "$candidate" >/dev/null; then
      aiecc=$(command -v "$candidate")
      break
    fi
  done
  local install="python3 -m pip install mlir_aie -f https://github.com/Xilinx/mlir-aie/releases/expanded_assets/latest-wheels-4"
  if [ -z "${aiecc:-}" ]; then
    fail "aiecc, the driver of mlir-aie, was not found" \
      "looked for: ${looked[*]} in PATH, and mlir_aie among the packages of python3" \
      "to install: $install" \
      "or set MLIR_AIE_INSTALL_DIR to the folder that has bin/aiecc"
  fi
  # Its options tell its age.
  local help
  help=$("$aiecc" --help 2>&1 || true)
  options=()
  if [[ $help == *--aie-generate-npu-insts* && $help == *--aie-generate-xclbin* ]]; then
    spelling="aie-generate"
  elif [[ $help == *--get=* ]]; then
    spelling="get"
  else
    fail "$aiecc knows neither --get-xclbin nor --aie-generate-xclbin with --aie-generate-npu-insts" \
      "needed: mlir-aie of 2026-03-13 or newer, whose kernels are linked by the 'link_with' of functions" \
      "to install: $install"
  fi
  # What is the default of the newest ones, they no longer take.
  local option
  for option in no-xchesscc no-xbridge no-compile-host; do
    [[ $help == *--$option* ]] && options+=("--$option")
  done
  return 0
}

find_headers() {
  local looked=() folder roots
  roots=("${MLIR_AIE_INSTALL_DIR:-}" "$(python_package mlir_aie)" "$(dirname "$(dirname "$(readlink -f "$aiecc")")")")
  for folder in "${AIE_API_INCLUDE:-}" "${roots[@]/%//include}"; do
    case $folder in '' | /include) continue ;; esac
    looked+=("$folder/aie_api/aie.hpp")
    if [ -f "$folder/aie_api/aie.hpp" ]; then
      headers=$folder
      return
    fi
  done
  fail "the AIE API, which the kernels are written against, was not found" \
    "looked for: ${looked[*]}" \
    "it comes with mlir-aie, and from https://github.com/Xilinx/aie_api: set AIE_API_INCLUDE to its include folder"
}

# As many buffers as tools before --get-xclbin give a kernel.
old_arguments=5

check_arguments() {
  local line arguments
  line=$(grep -m 1 'aie\.runtime_sequence' "$1" || true)
  arguments=$(grep -o '%[A-Za-z0-9_]*: memref' <<<"$line" | wc -l)
  if [ "$spelling" = aie-generate ] && [ "$arguments" -gt "$old_arguments" ]; then
    fail "the design has $arguments inputs and outputs, but $aiecc gives a kernel $old_arguments buffers" \
      "needed: an mlir-aie whose aiecc has --get-xclbin (of July 2026 or newer)"
  fi
}

# So that a half-built folder never looks like a built one.
work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT

# The design in $1, into $1/built; $2 is where its kernels' sources are.
build() {
  local folder=$1 design=$2 object name count=0 names
  read_device "$design"
  check_arguments "$design"
  work=$(mktemp -d "$folder/.built.XXXXXX")
  cp "$design" "$work/design.mlir"
  # Each kernel that the design links, once.
  names=$(sed -n 's/.*link_with = "\([^"]*\)\.o".*/\1/p' "$design" | sort -u)
  local total
  total=$(wc -w <<<"$names")
  for name in $names; do
    count=$((count + 1))
    say "kernel $count of $total: $name"
    [ -f "$sources/$name.cc" ] || fail "the design calls '$name', but there is no $sources/$name.cc"
    # The API's header for ADF graphs includes what only Vitis has. Sizes of stacks let aiecc
    # check the cores' own.
    "$peano/bin/clang++" --target="$target-none-unknown-elf" -std=c++20 -O2 -DNDEBUG \
      -D__AIE_API_AIE_ADF_HPP__ -ffunction-sections -fdata-sections -fstack-size-section \
      -Wno-parentheses -Wno-attributes -Wno-macro-redefined -Wno-empty-body \
      -Wno-missing-template-arg-list-after-template-kw \
      -I "$sources" -I "$headers" -c "$sources/$name.cc" -o "$work/$name.o" ||
      fail "Peano does not compile $sources/$name.cc"
  done
  say "design: $aiecc"
  # It resolves names of objects from where it runs.
  (cd "$work" && "$aiecc" "${options[@]}" "--$spelling-xclbin" "--$spelling-npu-insts" \
    --xclbin-name=design.xclbin --npu-insts-name=insts.bin --peano="$peano" design.mlir) >"$work/aiecc.log" 2>&1 || {
    cat "$work/aiecc.log" >&2
    fail "$aiecc does not compile $design"
  }
  # Some versions end well without them.
  for object in design.xclbin insts.bin; do
    if [ ! -s "$work/$object" ]; then
      cat "$work/aiecc.log" >&2
      fail "$aiecc ended without writing $object" \
        "it packs xclbin files with xclbinutil of XRT, $(command -v xclbinutil || echo "which is not in PATH: 'source /opt/xilinx/xrt/setup.sh' puts it there")"
    fi
  done
  mkdir "$work/done"
  mv "$work/design.xclbin" "$work/insts.bin" "$work/aiecc.log" "$work/done"
  cp "$design" "$work/done/design.mlir"
  {
    "$peano/bin/clang++" --version | head -n 1
    echo "$aiecc: $("$aiecc" --version 2>&1 | head -n 1)"
  } >"$work/done/tools.txt" || true
  rm -rf "$folder/built"
  mv "$work/done" "$folder/built"
  rm -rf "$work"
  work=
}

mode=${1:-}
case $mode in
  '' | --kernels | --check) [ $# -le 1 ] || fail "too many arguments: $*" ;;
  -h | --help)
    usage
    exit 0
    ;;
  *) fail "unknown argument '$mode'; build.sh --help lists what there is" ;;
esac

design=$(dirname "$here")/design.mlir
[ -f "$design" ] || fail "there is no $design: this script belongs into the folder npu of what 'aie4ml compile' wrote"
read_device "$design"
find_peano
find_aiecc
find_headers
say "device $device, cores $target"
say "Peano: $peano"
say "aiecc: $aiecc (--$spelling-xclbin)"
say "aie_api: $headers"
[ "$mode" != --check ] || exit 0

if [ "$mode" != --kernels ]; then
  build "$here" "$design"
  say "built: $here/built"
  exit 0
fi

checks=("$here"/kernels/*/design.mlir)
[ -f "${checks[0]}" ] || fail "there is no design in $here/kernels: 'aie4ml compile --simulate' writes them"
number=0
for check in "${checks[@]}"; do
  number=$((number + 1))
  say "check $number of ${#checks[@]}: $(basename "$(dirname "$check")")"
  build "$(dirname "$check")" "$check"
done
say "built: ${#checks[@]} designs in $here/kernels"
python3 "$here/run.py" --kernels

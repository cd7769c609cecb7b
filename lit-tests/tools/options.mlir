// Options are checked before anything runs.

// RUN: not aie4ml-opt %s --aie4ml-parallelize=max-tiles=-1 2>&1 | FileCheck %s --check-prefix=VALUE
// VALUE: 'aie4ml-parallelize': option 'max-tiles': invalid digit found in string (got '-1')
// RUN: not aie4ml-opt %s --pass-pipeline='builtin.module(func.func(aie4ml-parallelize{max-tile=4}))' 2>&1 | FileCheck %s --check-prefix=NAME
// NAME: no such option max-tile
// RUN: not aie4ml-opt %s --pass-pipeline='builtin.module(aie4ml-compile{x=1})' 2>&1 | FileCheck %s --check-prefix=PIPELINE
// PIPELINE: this pipeline takes no options

module {}

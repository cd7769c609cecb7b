//! `aie4ml` compiles quantized neural networks to AMD AI Engine arrays, and
//! executes what it emits, bit for bit, on any machine.
//!
//! # The way of a model
//!
//! ```text
//! model.onnx --frontends--> model.mlir          tosa and quant, what the model says
//!            --passes-----> network.mlir        aie4ml ops on integers, exact
//!            --passes-----> mapped.mlir         the same, with every decision as an attribute
//!            --passes-----> design.mlir         aie ops: cores, buffers, locks, DMA, streams
//!            --kernel-----> kernels/*.cc        what the cores call
//! ```
//!
//! Each level is MLIR text that can be written by hand, entered and left between
//! any two passes, and executed. [`compile`](mod@compile) walks the whole way and [`cli`] is the
//! program around it.
//!
//! # Modules
//!
//! **Words.** [`dialect`] views the ops of the two dialects, which are declared in `dialects/`,
//! and verifies them. [`exact`] defines the arithmetic that all levels share; nothing else
//! rounds or saturates. *Invariant: an attribute decides how a layer is computed, never what.*
//!
//! **Models in.** [`frontends`] turn a file into a module of upstream dialects. *Invariant: no
//! input makes a frontend panic, and it decides nothing.*
//!
//! **Passes.** [`passes`] is the list, in pipeline order, one file each. A pass reads IR, asks
//! `plan` or `device`, and writes IR. *Invariant: valid IR in, valid IR out, and no state between
//! passes but the IR.*
//!
//! **Operators.** [`operator`] has those that compute whole rows, one file each: their extents, what
//! a tile holds, how its kernel is called, how long it takes, and what it computes. *Invariant: no
//! other module matches on one of them, but `dialect::operator`, which writes their meaning.*
//!
//! **Decisions.** [`plan`] holds the algorithms, [`device`] what an array has, on plain data.
//! *Invariant: neither knows MLIR, and the same question has the same answer.*
//!
//! **Array programs.** [`array`](mod@array) is one `aie.device` in plain Rust, [`kernel`] names and writes the
//! kernel instances that its cores call, [`check`] proves things about it. *Invariant: every index
//! in a program points into that program.*
//!
//! **Execution.** [`run`] executes the levels before the array, and what the host computes before
//! and after it, by MLIR's JIT and converts
//! between real values and codes; [`sim`] is the array simulator; [`design`] puts a compiled folder
//! into it; [`tensor`] reads and writes `.npy`. *Invariant: conversions happen in `run` only, so
//! all levels see the same codes.*
//!
//! **Time.** [`calibrate`] holds published measurements against the simulator's times.
//! *Invariant: the constants it checks are in `device`, and nowhere else.*
//!
//! **Many at once.** [`explore`] compiles a model for many budgets, devices and batches, and says what
//! they give. *Invariant: it decides nothing that [`compile`](mod@compile) does not.*
//!
//! **Out to hardware.** [`manifest`] says what a folder holds, for other programs; [`npu`] writes what
//! builds and runs a design on a Ryzen AI device. *Invariant: a number that nobody computed is not
//! said.*
//!
//! **Words about it.** [`report`] says what was decided, [`emit`] translates IR and array programs to
//! sources, [`ir`] reads and prints files and keeps what MLIR reports, [`testing`] is for snapshots of passes.
//! *Invariant: they read IR and never change it.*
//!
//! **The border.** [`mlir`] has all `unsafe` and all calls of the C++ shim. *Invariant: nothing it
//! hands out can break memory safety, and no panic crosses into C++.*
//!
//! Dependencies point one way: `passes` to `dialect`, `plan` and `device`; these to `mlir`, but
//! `plan`, `device`, `array`, `check`, `exact`, `sim` and `tensor` know no MLIR.

pub mod array;
pub mod calibrate;
pub mod check;
pub mod cli;
pub mod compile;
pub mod design;
pub mod device;
pub mod dialect;
pub mod emit;
pub mod exact;
pub mod explore;
pub mod frontends;
pub mod ir;
pub mod kernel;
pub mod manifest;
pub mod mlir;
pub mod npu;
pub mod operator;
pub mod passes;
pub mod plan;
pub mod report;
pub mod run;
pub mod sim;
pub mod tensor;
pub mod testing;

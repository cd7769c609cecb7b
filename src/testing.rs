//! Growing a pass by its snapshots.
//!
//! A [`Pipeline`] runs passes on a piece of IR and returns what comes out, or
//! what is refused, as text for [`insta`](https://insta.rs) to compare:
//!
//! ```
//! use aie4ml::testing::Pipeline;
//!
//! let text = Pipeline::new("func.func(aie4ml-tile)").run("
//!     func.func @one_layer(%x: tensor<4x8xi8>) -> tensor<4x8xi8> {
//!       %w = arith.constant dense<1> : tensor<8x8xi8>
//!       %y = aie4ml.dense %x, %w accumulator = i32
//!         requant = [#aie4ml.requant<shift = 3, rounding = nearest_even, overflow = saturate,
//!                                    width = 8, min = -128, max = 127>]
//!         : (tensor<4x8xi8>, tensor<8x8xi8>) -> tensor<4x8xi8>
//!       return %y : tensor<4x8xi8>
//!     }");
//! // In a test: insta::assert_snapshot!(text);
//! assert!(text.contains("microtile = #aie4ml.microtile<4, 8, 8>"), "{text}");
//! ```
//!
//! `INSTA_UPDATE=always cargo test`, or `cargo xtask bless`, accepts what has
//! changed; the change is then reviewed like any other.

use crate::{ir, mlir::tools};
use melior::ir::operation::{OperationLike, OperationPrintingFlags};

/// Elements of a constant above which its values are left out.
const LARGEST: usize = 64;

/// Passes to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pipeline(String);

impl Pipeline {
    /// A pipeline within a `builtin.module`, as `--pass-pipeline` takes it:
    /// `func.func(aie4ml-tile,aie4ml-parallelize{max-tiles=8})`. Every pass of MLIR is known.
    pub fn new(passes: &str) -> Pipeline {
        Pipeline(format!("builtin.module({passes})"))
    }

    /// The IR after the passes, without locations and long constants; or the
    /// errors as `error: input:3:8: ...`, if a pass refuses the IR or it does not parse.
    pub fn run(&self, ir: &str) -> String {
        tools::register_upstream_passes();
        let context = tools::context();
        let result = ir::parse(&context, ir, "input").and_then(|mut module| {
            ir::run(&context, &mut module, &self.0)?;
            Ok(module)
        });
        match result {
            Ok(module) => {
                let flags = OperationPrintingFlags::new().elide_large_elements_attributes(LARGEST);
                module.as_operation().to_string_with_flags(flags).unwrap_or_default()
            }
            Err(error) => format!("error: {error}\n"),
        }
    }
}

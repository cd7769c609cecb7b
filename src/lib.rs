pub mod array;
pub mod dialect;
pub mod emit;
pub mod exact;
pub mod mlir;
pub mod passes;

//! The microtile <m,k,n> of a layer: the shape of its `aie::mmul`.
//!
//! A kernel computes blocks of 2 x 2 microtiles, so that each operand it loads
//! is used twice; with one row of microtiles it computes blocks of 1 x 2 and
//! loads bound it. [`choose`] takes the shape with the fewest cycles for the
//! rows that a block has, and among equals the one with the least padding.

use super::cost;
use super::network::{Kind, Layer};
use crate::device::{Device, MmulShape};
use crate::operator;
use std::cmp::Reverse;
use std::fmt;

/// Rows, inputs and outputs of one `aie::mmul`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Microtile {
    pub m: usize,
    pub k: usize,
    pub n: usize,
}

impl fmt::Display for Microtile {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}x{}x{}", self.m, self.k, self.n)
    }
}

impl From<&MmulShape> for Microtile {
    fn from(shape: &MmulShape) -> Self {
        Microtile { m: shape.m as usize, k: shape.k as usize, n: shape.n as usize }
    }
}

/// A layer whose types no shape of the device serves, or a microtile that the
/// device does not have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoShape(String);

impl fmt::Display for NoShape {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NoShape {}

/// Shapes that can compute the layer: its types, accumulators at least as
/// wide as the layer asks, operands taken as they lie in memory. Shapes that
/// shuffle operands first are offered only if there is no other.
pub fn candidates(layer: &Layer, device: &Device) -> Vec<&'static MmulShape> {
    let fits: Vec<_> = device
        .mmul_shapes(layer.input.bits, layer.weight.bits)
        .filter(|s| s.accumulator_bits >= layer.accumulator_bits)
        .collect();
    if fits.iter().any(|s| s.direct) {
        fits.into_iter().filter(|s| s.direct).collect()
    } else {
        fits
    }
}

/// The shape for a block of `rows` rows of the layer.
///
/// # Errors
/// If the device has no shape for the layer's types; the message lists those
/// it has.
pub fn choose(layer: &Layer, rows: usize, device: &Device) -> Result<&'static MmulShape, NoShape> {
    candidates(layer, device)
        .into_iter()
        .min_by_key(|shape| {
            let tile = Microtile::from(*shape);
            // A slice that both shapes divide, so that only rows matter.
            let (k, n) = (layer.k.next_multiple_of(32), layer.n.next_multiple_of(32));
            let blocks = cost::Blocks::new(rows, k, n, tile);
            let padded = blocks.rows(tile) * layer.k.next_multiple_of(tile.k) * layer.n.next_multiple_of(tile.n);
            (cost::kernel_cycles(layer, shape, blocks, device), padded, Reverse(shape.m), shape.k)
        })
        .ok_or_else(|| {
            let mut known: Vec<_> = [(8, 8), (16, 8), (8, 16), (16, 16)]
                .into_iter()
                .filter(|&(a, w)| {
                    device
                        .mmul_shapes(a, w)
                        .any(|shape| shape.accumulator_bits >= layer.accumulator_bits)
                })
                .map(|(a, w)| format!("i{a} x i{w}"))
                .collect();
            known.sort();
            NoShape(format!(
                "{}: {} has no matrix multiplication of i{} x i{} into {}-bit accumulators: use one of {}",
                layer.name,
                device.name,
                layer.input.bits,
                layer.weight.bits,
                layer.accumulator_bits,
                known.join(", ")
            ))
        })
}

/// The shape that a directive names.
///
/// # Errors
/// If the device does not have it for the layer's types; the message lists
/// the shapes it has.
pub fn named(
    layer: &Layer,
    tile: Microtile,
    device: &Device,
) -> Result<&'static MmulShape, NoShape> {
    let all: Vec<_> = device
        .mmul_shapes(layer.input.bits, layer.weight.bits)
        .filter(|s| s.accumulator_bits >= layer.accumulator_bits)
        .collect();
    all.iter().copied().find(|s| Microtile::from(*s) == tile).ok_or_else(|| {
        let shapes: Vec<_> = all.iter().map(|s| Microtile::from(*s).to_string()).collect();
        NoShape(format!(
            "{}: {} has no microtile {tile} of i{} x i{} into {}-bit accumulators: use one of {}",
            layer.name,
            device.name,
            layer.input.bits,
            layer.weight.bits,
            layer.accumulator_bits,
            shapes.join(", ")
        ))
    })
}

/// Of layers that read whole rows: each row lies in one piece.
pub const WHOLE: Microtile = Microtile { m: 1, k: operator::BLOCK, n: operator::BLOCK };

/// An elementwise layer moves whole microtiles of its producer; `<m, n, n>`
/// with a vector's worth of elements serves where no producer says otherwise.
pub fn elementwise(layer: &Layer, rows: usize) -> Microtile {
    debug_assert!(matches!(layer.kind, Kind::Elementwise { .. }));
    Microtile { m: if rows <= 2 { 2 } else { 4 }, k: 8, n: 8 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pick(device: &str, rows: usize, types: (u32, u32), accumulator: u32) -> String {
        let device = Device::by_name(device).unwrap();
        let mut layer = Layer::dense("fc", rows, 64, 64, types.0, types.1, 8);
        layer.accumulator_bits = accumulator;
        Microtile::from(choose(&layer, rows, &device).unwrap()).to_string()
    }

    #[test]
    fn takes_the_native_shape_of_the_generation() {
        assert_eq!(pick("xcve2802", 8, (8, 8), 32), "4x8x8");
        assert_eq!(pick("xcve2802", 128, (8, 8), 32), "4x8x8");
        assert_eq!(pick("npu2", 16, (8, 8), 32), "8x8x8");
        assert_eq!(pick("npu2", 64, (16, 8), 32), "8x4x8");
        assert_eq!(pick("xcve2802", 8, (16, 8), 32), "4x4x8");
    }

    #[test]
    fn takes_wider_accumulators_when_asked() {
        assert_eq!(pick("npu2", 8, (16, 8), 64), "4x8x8");
        assert_eq!(pick("npu2", 8, (16, 16), 64), "4x4x8");
        for rows in [4, 8, 32] {
            let shape = pick("xcve2802", rows, (16, 8), 64);
            assert!(shape == "4x8x4" || shape == "2x8x8", "{shape}");
            let shape = pick("xcve2802", rows, (16, 16), 64);
            assert!(shape == "4x4x4" || shape == "2x4x8", "{shape}");
        }
        assert_eq!(pick("xcve2802", 8, (8, 16), 32), "4x4x8");
    }

    #[test]
    fn pads_few_rows_no_further_than_needed() {
        assert_eq!(pick("xcve2802", 1, (8, 8), 32), "2x8x8");
        assert_eq!(pick("xcve2802", 2, (8, 8), 32), "2x8x8");
        assert_eq!(pick("xcve2802", 4, (8, 8), 32), "4x8x8");
        assert_eq!(
            pick("npu2", 8, (8, 8), 32),
            "8x8x8",
            "its loads keep up with one row of microtiles"
        );
        assert_eq!(pick("npu2", 1, (8, 8), 32), "2x8x8");
    }

    #[test]
    fn refuses_types_without_a_shape() {
        let device = Device::by_name("npu1").unwrap();
        let layer = Layer::dense("fc1", 8, 64, 64, 32, 8, 8);
        let message = choose(&layer, 8, &device).unwrap_err().to_string();
        assert!(
            message.starts_with("fc1: npu1 has no matrix multiplication of i32 x i8"),
            "{message}"
        );
        assert!(message.contains("i16 x i8"));
        let mut layer = Layer::dense("fc1", 8, 64, 64, 8, 8, 8);
        let shape = named(&layer, Microtile { m: 8, k: 8, n: 8 }, &device).unwrap();
        assert_eq!(shape.cycles, 2);
        let message =
            named(&layer, Microtile { m: 3, k: 8, n: 8 }, &device).unwrap_err().to_string();
        assert!(
            message.contains("has no microtile 3x8x8") && message.contains("4x8x8"),
            "{message}"
        );
        // 8-bit products are summed up in 32 bits only.
        layer.accumulator_bits = 64;
        let message = choose(&layer, 8, &device).unwrap_err().to_string();
        assert!(message.ends_with("use one of i16 x i16, i16 x i8, i8 x i16"), "{message}");
    }
}

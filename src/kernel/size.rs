//! About how much code a kernel is.

use super::{Clamp, Signature, Way, body::UNROLLED};

/// Bytes of an instruction word.
pub const BUNDLE: u64 = 16;

/// Instructions of a group of blocks beside what each block takes: addresses,
/// the loop, and the time of an operand through all units.
const BUNDLES_OF_GROUP: u64 = 30;

/// Instructions for each block of a group beside its products: start, round and store it.
const BUNDLES_OF_BLOCK: u64 = 4;

/// How often the steps that are unrolled are there: before, in and after a loop whose iterations
/// overlap, or on both sides of one over further steps, of which there are two.
const COPIES: u64 = 3;

/// Instructions of a loop over vectors, elementwise.
const BUNDLES_OF_ADD: u64 = 40;

/// Instructions to multiply and add for 16 lanes, and those of a function that is called for it.
fn bundles_of_way(way: Way) -> (u64, u64) {
    match way {
        Way::Shift => (0, 0),
        Way::Products => (16, 0),
        Way::Parts => (30, 0),
        Way::Sticky => (44, 0),
        // A loop over lanes around a call.
        Way::Exact => (30, 200),
    }
}

/// Bytes of what stages do before they shift, in so many vectors of code.
fn scaling(stages: &[Clamp], vectors: u64) -> u64 {
    let of_stage = |stage: &Clamp| {
        let (each, once) = bundles_of_way(stage.way);
        each * vectors + once
    };
    BUNDLE * stages.iter().map(of_stage).sum::<u64>()
}

/// Bytes of program memory of the kernel of that name, as an estimate from its structure; `None`
/// if it is none of this compiler's.
pub fn program_bytes(name: &str) -> Option<u64> {
    match Signature::of(name) {
        Some(Signature::Dense { stages, .. } | Signature::Add { stages, .. }) => {
            bytes_of_shape(name, &stages)
        }
        None => bytes_of_shape(name, &[]),
    }
}

fn bytes_of_shape(name: &str, stages: &[Clamp]) -> Option<u64> {
    if let Some(extents) = name.strip_prefix("add_") {
        return numbers(extents, 2).map(|_| BUNDLE * BUNDLES_OF_ADD + scaling(stages, 1));
    }
    let (_, shape) = name.strip_prefix("dense_")?.split_once('_')?;
    let (extents, microtile) = shape.split_once("_m")?;
    let (extents, microtile) = (numbers(extents, 3)?, numbers(microtile, 3)?);
    let blocks = |at: usize| extents[at].div_ceil(microtile[at].max(1));
    let (rows, columns) = (blocks(0), blocks(2));
    // Groups as `dense.h` instantiates them: each shape is code of its own.
    let mut groups = Vec::new();
    for (r, most, there) in [(2, 2, rows >= 2), (1, 4, rows % 2 == 1)] {
        let (mut left, mut c) = (columns, most);
        while there && left > 0 && c > 0 {
            if left >= c {
                groups.push(r * c);
            }
            left %= c;
            c /= 2;
        }
    }
    // A product of 32 results is a bundle.
    let products = (microtile[0] * microtile[2]).div_ceil(32);
    let steps = blocks(1).min(UNROLLED as u64);
    let block = BUNDLES_OF_BLOCK + COPIES * steps * products;
    let bundles = groups.iter().map(|blocks| BUNDLES_OF_GROUP + block * blocks);
    let vectors = groups.iter().sum::<u64>() * (microtile[0] * microtile[2]).div_ceil(16);
    Some(BUNDLE * bundles.sum::<u64>() + scaling(stages, vectors))
}

/// `count` numbers with an `x` between them, at the begin of a text.
fn numbers(text: &str, count: usize) -> Option<Vec<u64>> {
    let end = text.find(|c: char| c != 'x' && !c.is_ascii_digit()).unwrap_or(text.len());
    let numbers: Option<Vec<u64>> = text[..end].split('x').map(|part| part.parse().ok()).collect();
    numbers.filter(|numbers| numbers.len() == count)
}

/// The same for the text of a source file: an instruction for each of its statements.
pub fn program_bytes_of_source(text: &str) -> u64 {
    BUNDLE
        * text
            .lines()
            .map(|line| line.split("//").next().unwrap_or(""))
            .fold(0, |all, line| all + line.matches(';').count() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_each_shape_of_group_once() {
        // 2x2 blocks only.
        let even = program_bytes("dense_single_8x64x32_m4x8x8_i8_i8_acc32_i8_s7").unwrap();
        assert_eq!(even, 16 * (30 + 4 * (4 + 3 * 8)));
        // 2x2, 2x1, 1x4, 1x1.
        let odd = program_bytes("dense_first_12x64x40_m4x8x8_i8_i8_acc32").unwrap();
        assert_eq!(odd, 16 * (4 * 30 + (4 + 2 + 4 + 1) * (4 + 3 * 8)));
    }

    #[test]
    fn counts_what_multiplies() {
        let name = "dense_single_8x64x32_m4x8x8_i8_i8_acc32_i8_s31r12o0w8z0lm128h127";
        let shifts = program_bytes(name).unwrap();
        assert_eq!(shifts, 16 * (30 + 4 * (4 + 3 * 8)));
        assert_eq!(program_bytes(&format!("{name}vfc32a0b32")), Some(shifts + 16 * 8 * 16));
    }

    #[test]
    fn knows_its_own_kernels_only() {
        assert!(program_bytes("add_8x64_i8_i8_l0_l0_i8").is_some());
        for name in ["conv2dk1_i8", "dense_", "dense_single_8x64_m4", "add_x"] {
            assert_eq!(program_bytes(name), None, "{name}");
        }
    }

    #[test]
    fn counts_statements_of_a_source() {
        let text = "void k(int *p) {\n  p[0] = 1; // one; two\n  for (int i = 0; i < 4; ++i) p[i] += i;\n}";
        assert_eq!(program_bytes_of_source(text), 16 * 4);
    }
}

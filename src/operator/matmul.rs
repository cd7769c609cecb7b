//! Products of two computed matrices in each row, one for each head, as attention has them.
//!
//! | parameter | |
//! |---|---|
//! | `extents` | heads `H`, rows `M`, terms of a sum `K`, columns `N` |
//! | `strides_a` | how far elements of the first input are apart along `h`, `m`, `k` |
//! | `strides_b` | how far elements of the second input are apart along `h`, `k`, `n` |
//! | `offset` | where each of both begins in its row |
//! | `zero_points` | that are subtracted of both before they are multiplied |
//!
//! `output[h, m, n] = sum over k of (a[h, m, k] - za) * (b[h, k, n] - zb)`
//!
//! A channel is a row of a product: the `N` outputs of `h * M + m`. A stride of 0 repeats, so that
//! heads can share a matrix; both inputs can be one tensor.

use super::{LANES, Node, Operator, Share, strided};
use crate::{exact::Requant, kernel::stage};

pub struct Matmul;

/// Most terms of a sum of vectors: a scratch of 8 KiB has so many.
const VECTOR_TERMS: usize = 256;

/// The numbers of a node.
pub struct Shape {
    pub heads: usize,
    pub rows: usize,
    pub terms: usize,
    pub columns: usize,
    /// Of each input, along heads, the first and the second dimension.
    pub strides: [[usize; 3]; 2],
    pub offset: [usize; 2],
    pub zero_points: [i64; 2],
}

impl Shape {
    /// # Errors
    /// If a parameter is missing.
    pub fn of(node: &Node) -> Result<Shape, String> {
        let [heads, rows, terms, columns] = node.sizes("extents")?;
        Ok(Shape {
            heads,
            rows,
            terms,
            columns,
            strides: [node.sizes("strides_a")?, node.sizes("strides_b")?],
            offset: node.sizes("offset")?,
            zero_points: node.numbers("zero_points")?,
        })
    }

    fn checked(node: &Node) -> Shape {
        Shape::of(node).expect("a node that was checked has its parameters")
    }

    /// Extents of an input, along its strides.
    fn extents(&self, input: usize) -> [usize; 3] {
        match input {
            0 => [self.heads, self.rows, self.terms],
            _ => [self.heads, self.terms, self.columns],
        }
    }

    /// Smallest and largest element of an input, less its zero point.
    fn reach(&self, node: &Node, input: usize) -> [i64; 2] {
        let number = node.inputs[input].number;
        let (low, high) = crate::exact::range(number.bits.into(), number.signed);
        [low - self.zero_points[input], high - self.zero_points[input]]
    }

    /// Largest magnitude of a sum.
    fn most(&self, node: &Node) -> i128 {
        let [a, b] = [0, 1].map(|input| {
            let [low, high] = self.reach(node, input);
            i128::from(low.unsigned_abs().max(high.unsigned_abs()))
        });
        (a * b).saturating_mul(self.terms as i128)
    }

    /// Whether the kernel works on vectors: 16 bits hold what is multiplied, and its scratch is not
    /// larger than what it is for.
    fn has_vectors(&self, node: &Node) -> bool {
        let fits = |input| self.reach(node, input).iter().all(|&x| i16::try_from(x).is_ok());
        fits(0) && fits(1) && self.terms <= VECTOR_TERMS
    }
}

impl Operator for Matmul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn template(&self, _node: &Node) -> &'static str {
        "Matmul"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["extents", "strides_a", "strides_b", "offset", "zero_points"]
    }

    fn has_sums(&self) -> bool {
        true
    }

    fn check(&self, node: &Node) -> Result<(), String> {
        let shape = Shape::of(node)?;
        let Shape { heads, rows, terms, columns, .. } = shape;
        if [heads, rows, terms, columns].contains(&0) {
            return Err("has a zero among its 'extents'".into());
        }
        let (&[a, b], []) = (&node.inputs[..], &node.constants[..]) else {
            return Err("needs two inputs and no constants".into());
        };
        if strided::product(&[heads, rows, columns]) != Some(node.output.features) {
            let features = node.output.features;
            return Err(format!(
                "has {features} output features, not {heads} x {rows} x {columns}"
            ));
        }
        for (input, tensor) in [a, b].iter().enumerate() {
            if !matches!(tensor.number.bits, 8 | 16) {
                return Err("needs inputs of 8 or 16 bits".into());
            }
            let (extents, strides) = (shape.extents(input), shape.strides[input]);
            strided::check_strides(tensor.features, shape.offset[input], &extents, &strides)?;
        }
        if shape.zero_points.iter().any(|zero| i32::try_from(*zero).is_err()) {
            return Err("has a zero point that is no 32-bit integer".into());
        }
        let accumulator = node.accumulator;
        let most = if accumulator == 32 { 32 } else { Requant::FACTOR_BITS };
        if shape.most(node) > i128::from(crate::exact::range(most.into(), true).1) {
            return Err(format!(
                "can sum up to {}, more than the {most} bits that accumulator i{accumulator} may have",
                shape.most(node)
            ));
        }
        Ok(())
    }

    fn unit(&self, node: &Node) -> usize {
        Shape::checked(node).columns
    }

    fn sum_bits(&self, node: &Node) -> u32 {
        i64::try_from(Shape::checked(node).most(node)).map_or(64, stage::signed_bits)
    }

    fn scratch(&self, node: &Node, _share: &Share) -> usize {
        // 16 columns of the second matrix, or sums of 16 columns.
        let shape = Shape::checked(node);
        if shape.has_vectors(node) { 2 * LANES * shape.terms + 64 } else { 3 * 4 * LANES + 64 }
    }

    fn arguments(&self, node: &Node, share: &Share) -> Vec<String> {
        let shape = Shape::checked(node);
        let vectors = shape.has_vectors(node).to_string();
        let Shape { rows, terms, columns, strides, offset, zero_points, .. } = shape;
        let list =
            |numbers: &[usize]| numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let of = |input: usize| {
            let zero = zero_points[input];
            format!("Strided<{}, {}>", list(&[offset[input]]), list(&strides[input]))
                + &format!(", {zero}")
        };
        vec![list(&[share.channels, rows, terms, columns]), of(0), of(1), vectors]
    }

    fn cycles(&self, node: &Node, share: &Share, rest: u64) -> u64 {
        let shape = Shape::checked(node);
        let Shape { rows, terms, columns, .. } = shape;
        let blocks = columns.div_ceil(LANES);
        let vectors = (share.channels * blocks) as u64;
        // Results of a last vector go out one by one.
        let store = if columns.is_multiple_of(LANES) { 4 } else { 4 + LANES as u64 };
        let products = if shape.has_vectors(node) {
            // Each head of the tile brings 16 columns an element at a time: load, subtraction and
            // store. A product then takes the load of an element of `a`, its subtraction and its
            // way to all lanes, beside the load of a vector.
            let heads = (share.channels + rows - 1).div_ceil(rows) + usize::from(rows > 1);
            let heads = heads.min(share.channels).min(shape.heads);
            (heads * blocks * terms * LANES * 3) as u64 + vectors * terms as u64 * 4
        } else {
            // One element at a time: two loads, two subtractions, and a product and a sum of as many
            // words as they have.
            let words = if node.accumulator == 32 { 1 } else { 3 };
            (share.channels * columns * terms) as u64 * (4 + 2 * words)
        };
        share.rows as u64 * (products + vectors * (rest + 4 + store))
    }

    fn evaluate(&self, node: &Node, inputs: &[&[i64]]) -> Vec<i64> {
        let Shape { heads, rows, terms, columns, strides, offset, zero_points } =
            Shape::checked(node);
        let at = |input: usize, index: [usize; 3]| {
            let [x, y, z] = strides[input];
            let feature = offset[input] + index[0] * x + index[1] * y + index[2] * z;
            inputs[input][feature] - zero_points[input]
        };
        let mut sums = Vec::with_capacity(heads * rows * columns);
        for h in 0..heads {
            for m in 0..rows {
                for n in 0..columns {
                    sums.push((0..terms).map(|k| at(0, [h, m, k]) * at(1, [h, k, n])).sum());
                }
            }
        }
        sums
    }
}

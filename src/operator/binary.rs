//! Two codes of the same place: their product, less what each stands for as zero, or the larger or
//! smaller of both.
//!
//! | parameter | |
//! |---|---|
//! | `kind` | 0 product, 1 maximum, 2 minimum |
//! | `zero_points` | that are subtracted of both before they are multiplied |

use super::{BLOCK, LANES, Node, Operator, Share};

pub struct Binary;

/// How it combines.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    Product,
    Maximum,
    Minimum,
}

impl Kind {
    /// # Errors
    /// If the parameter is none.
    pub fn of(node: &Node) -> Result<Kind, String> {
        match node.numbers("kind")? {
            [0] => Ok(Kind::Product),
            [1] => Ok(Kind::Maximum),
            [2] => Ok(Kind::Minimum),
            [other] => Err(format!("has kind {other}, which must be 0 to 2")),
        }
    }
}

impl Operator for Binary {
    fn name(&self) -> &'static str {
        "binary"
    }

    fn template(&self, _node: &Node) -> &'static str {
        "Binary"
    }

    fn parameters(&self) -> &'static [&'static str] {
        &["kind", "zero_points"]
    }

    fn has_sums(&self) -> bool {
        true
    }

    fn check(&self, node: &Node) -> Result<(), String> {
        let kind = Kind::of(node)?;
        let zero_points = node.numbers::<2>("zero_points")?;
        if zero_points.iter().any(|zero| i32::try_from(*zero).is_err()) {
            return Err("has a zero point that is no 32-bit integer".into());
        }
        let (&[a, b], []) = (&node.inputs[..], &node.constants[..]) else {
            return Err("needs two inputs and no constants".into());
        };
        if a.features != b.features || a.features != node.output.features {
            return Err("needs inputs and an output of equal extents".into());
        }
        if [a, b].iter().any(|tensor| !matches!(tensor.number.bits, 8 | 16)) {
            return Err("needs inputs of 8 or 16 bits".into());
        }
        if node.accumulator != 32 {
            return Err("needs accumulator i32".into());
        }
        let most = |input: usize| {
            let number = node.inputs[input].number;
            let (low, high) = crate::exact::range(number.bits.into(), number.signed);
            let zero = zero_points[input];
            i128::from(low - zero).abs().max(i128::from(high - zero).abs())
        };
        if kind == Kind::Product && most(0) * most(1) > i128::from(i32::MAX) {
            return Err("makes products that exceed 32 bits".into());
        }
        Ok(())
    }

    fn unit(&self, _node: &Node) -> usize {
        BLOCK
    }

    fn arguments(&self, node: &Node, share: &Share) -> Vec<String> {
        let [a, b] = node.numbers("zero_points").unwrap_or([0; 2]);
        let kind = node.numbers::<1>("kind").map_or(0, |[kind]| kind);
        vec![(share.channels * BLOCK).to_string(), kind.to_string(), a.to_string(), b.to_string()]
    }

    fn cycles(&self, _node: &Node, share: &Share, rest: u64) -> u64 {
        let vectors = (share.rows * (share.channels * BLOCK).div_ceil(LANES)) as u64;
        // One element at a time: two loads, two subtractions, a product, two stores.
        vectors * (LANES as u64 * 7 + rest)
    }

    fn evaluate(&self, node: &Node, inputs: &[&[i64]]) -> Vec<i64> {
        let [zero_a, zero_b] = node.numbers("zero_points").unwrap_or([0; 2]);
        let kind = Kind::of(node).unwrap_or(Kind::Product);
        let of = |(&a, &b): (&i64, &i64)| match kind {
            Kind::Product => (a - zero_a) * (b - zero_b),
            Kind::Maximum => a.max(b),
            Kind::Minimum => a.min(b),
        };
        inputs[0].iter().zip(inputs[1]).map(of).collect()
    }
}

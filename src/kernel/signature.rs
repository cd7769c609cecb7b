//! What a kernel computes, read from its name.
//!
//! **Invariant:** [`Signature::of`] reads every name that [`Kernel::name`](super::Kernel::name) writes.

use super::{Integer, Microtile, Role};
use crate::exact::Requant;

/// A kernel instance without the numbers that do not matter to its time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Signature {
    Dense {
        role: Role,
        microtile: Microtile,
        /// Rows, inputs and outputs of the tile.
        rows: usize,
        k: usize,
        n: usize,
        input: Integer,
        weight: Integer,
        /// Width in bits.
        accumulator: u32,
        /// `None` for a role without output.
        output: Option<Integer>,
        stages: Vec<Clamp>,
    },
    Add {
        rows: usize,
        n: usize,
        input: Integer,
        output: Integer,
        stages: Vec<Clamp>,
    },
}

/// What a requantization does beside shifting and rounding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Clamp {
    pub width: i64,
    pub zero_point: i64,
    pub min: i64,
    pub max: i64,
}

impl From<&Requant> for Clamp {
    fn from(stage: &Requant) -> Clamp {
        let Requant { width, zero_point, min, max, .. } = *stage;
        Clamp { width, zero_point, min, max }
    }
}

impl Signature {
    /// `None` if this compiler does not make such a kernel.
    pub fn of(name: &str) -> Option<Signature> {
        let mut parts = name.split('_');
        match parts.next()? {
            "dense" => {
                let role = match parts.next()? {
                    "single" => Role::Single,
                    "first" => Role::First,
                    "middle" => Role::Middle,
                    "last" => Role::Last,
                    _ => return None,
                };
                let [rows, k, n] = extents(parts.next()?)?;
                let [tm, tk, tn] = extents(parts.next()?.strip_prefix('m')?)?;
                let (input, weight) = (integer(parts.next()?)?, integer(parts.next()?)?);
                let accumulator = parts.next()?.strip_prefix("acc")?.parse().ok()?;
                let output = match role.has_output() {
                    true => Some(integer(parts.next()?)?),
                    false => None,
                };
                let stages = parts.map(clamp).collect::<Option<_>>()?;
                let microtile = Microtile { m: tm, k: tk, n: tn };
                let whole = |extent: usize, unit: usize| unit > 0 && extent.is_multiple_of(unit);
                (whole(rows, tm) && whole(k, tk) && whole(n, tn)).then_some(Signature::Dense {
                    role,
                    microtile,
                    rows,
                    k,
                    n,
                    input,
                    weight,
                    accumulator,
                    output,
                    stages,
                })
            }
            "add" => {
                let [rows, n] = extents(parts.next()?)?;
                let input = integer(parts.next()?)?;
                let mut parts = parts.skip(3);
                let output = integer(parts.next()?)?;
                let stages = parts.map(clamp).collect::<Option<_>>()?;
                Some(Signature::Add { rows, n, input, output, stages })
            }
            _ => None,
        }
    }
}

fn extents<const N: usize>(text: &str) -> Option<[usize; N]> {
    let numbers: Option<Vec<usize>> = text.split('x').map(|number| number.parse().ok()).collect();
    numbers?.try_into().ok()
}

fn integer(text: &str) -> Option<Integer> {
    let signed = text.starts_with('i');
    let bits = text.strip_prefix(if signed { 'i' } else { 'u' })?.parse().ok()?;
    Some(Integer { bits, signed })
}

/// `s7r9o0w8z0l0h127`, where `m` is a minus.
fn clamp(text: &str) -> Option<Clamp> {
    let mut rest = text;
    let mut field = |letter: char| {
        rest = rest.strip_prefix(letter)?;
        let negative = rest.starts_with('m');
        rest = rest.strip_prefix('m').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let number: i64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        Some(if negative { -number } else { number })
    };
    let (_, _, _) = (field('s')?, field('r')?, field('o')?);
    let (width, zero_point, min, max) = (field('w')?, field('z')?, field('l')?, field('h')?);
    rest.is_empty().then_some(Clamp { width, zero_point, min, max })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exact::Rounding,
        kernel::{Add, Dense, Kernel},
    };

    #[test]
    fn names_say_what_a_kernel_computes() {
        let (i8, u8) = (Integer { bits: 8, signed: true }, Integer { bits: 8, signed: false });
        let stage =
            Requant { zero_point: -7, ..Requant::shift(-3, Rounding::NearestEven, 8, true) };
        let clamp = Clamp { width: 8, zero_point: -7, min: -128, max: 127 };
        for role in [Role::Single, Role::First, Role::Middle, Role::Last] {
            let stages = if role.has_output() { vec![stage.clone(); 2] } else { Vec::new() };
            let microtile = Microtile { m: 4, k: 8, n: 8 };
            let dense = Dense {
                role,
                microtile,
                rows: 12,
                k: 16,
                n: 40,
                input: u8,
                weight: i8,
                output: i8,
                accumulator: 32,
                stages,
            };
            let Some(Signature::Dense { role: read, rows, k, n, input, output, stages, .. }) =
                Signature::of(&Kernel::Dense(dense).name())
            else {
                panic!("{role:?}");
            };
            assert_eq!((read, rows, k, n, input), (role, 12, 16, 40, u8));
            assert_eq!(output.is_some(), role.has_output());
            assert_eq!(stages, vec![clamp; if role.has_output() { 2 } else { 0 }]);
        }
        let add = Add {
            rows: 3,
            n: 24,
            inputs: [i8, u8],
            shifts: [0, 2],
            output: u8,
            stages: vec![stage],
        };
        assert_eq!(
            Signature::of(&Kernel::Add(add).name()),
            Some(Signature::Add { rows: 3, n: 24, input: i8, output: u8, stages: vec![clamp] })
        );
        for name in ["", "passthrough", "dense_single", "dense_single_8x8x8_m0x8x8_i8_i8_acc32_i8"]
        {
            assert_eq!(Signature::of(name), None, "{name}");
        }
    }
}

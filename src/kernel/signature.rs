//! What a kernel computes, read from its name.
//!
//! **Invariant:** [`Signature::of`] reads every name that [`Kernel::name`](super::Kernel::name) writes
//! of dense and add kernels. Others say their cycles where they are declared.

use super::{Factor, Integer, Microtile, Role, Stage, Way};
use crate::exact::{Overflow, Rounding};

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
        /// Whether operands are multiplied, and not shifted.
        multiplies: bool,
        output: Integer,
        stages: Vec<Clamp>,
    },
}

/// What a requantization does beside rounding.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Clamp {
    pub shift: i64,
    /// What is outside the width: kept modulo its size, or the least one by its negative.
    pub wraps: bool,
    pub symmetric: bool,
    pub signed: bool,
    pub width: i64,
    pub zero_point: i64,
    pub min: i64,
    pub max: i64,
    /// How it multiplies and adds before, and whether it does either.
    pub way: Way,
    pub multiplies: bool,
    pub adds: bool,
    /// Whether the store unit does the rest.
    pub stores: bool,
    /// Words of int32 that each channel has of it.
    pub words: usize,
}

impl From<&Stage> for Clamp {
    fn from(stage: &Stage) -> Clamp {
        let Stage { shift, overflow, signed, width, zero_point, min, max, .. } = *stage;
        Clamp {
            shift,
            wraps: overflow == Overflow::Wrap,
            symmetric: overflow == Overflow::Symmetric,
            signed,
            width,
            zero_point,
            min,
            max,
            way: stage.way(),
            multiplies: stage.multiplier != Factor::Constant(1),
            adds: stage.addend != Factor::Constant(0),
            stores: stage.stores(),
            words: stage.words(),
        }
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
                let stages = clamps(parts)?;
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
                let mut parts = parts.skip(1);
                let multiplies = parts.next()?.starts_with('f');
                let mut parts = parts.skip(1);
                let output = integer(parts.next()?)?;
                let stages = clamps(parts)?;
                Some(Signature::Add { rows, n, input, multiplies, output, stages })
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

/// Stages; a hash of what is left out of them may follow.
fn clamps<'a>(parts: impl Iterator<Item = &'a str>) -> Option<Vec<Clamp>> {
    parts.filter(|part| !part.starts_with('q')).map(clamp).collect()
}

/// A number at the begin of a text, where `m` is a minus.
fn number(rest: &mut &str) -> Option<i64> {
    let negative = rest.starts_with('m');
    let digits = rest.strip_prefix('m').unwrap_or(rest);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let number: i128 = digits[..end].parse().ok()?;
    *rest = &digits[end..];
    i64::try_from(if negative { -number } else { number }).ok()
}

/// `s7r9o0w8z0l0h127`, then `u` if the result has no sign, then `vf3ac62b32` where it scales.
fn clamp(text: &str) -> Option<Clamp> {
    let mut rest = text;
    let mut field = |letter: char| {
        rest = rest.strip_prefix(letter)?;
        number(&mut rest)
    };
    let (shift, rounding, overflow) = (field('s')?, field('r')?, field('o')?);
    let (width, zero_point, min, max) = (field('w')?, field('z')?, field('l')?, field('h')?);
    let unsigned = rest.strip_prefix('u');
    rest = unsigned.unwrap_or(rest);
    let mut stage = Stage {
        multiplier: Factor::Constant(1),
        addend: Factor::Constant(0),
        shift,
        rounding: Rounding::from_code(rounding)?,
        overflow: Overflow::from_code(overflow)?,
        width,
        signed: unsigned.is_none(),
        zero_point,
        min,
        max,
        bits: 0,
    };
    let way = rest.chars().next().and_then(|letter| {
        Way::LETTERS.into_iter().find(|&(of_way, _)| of_way == letter).map(|(_, way)| way)
    });
    let Some(way) = way else { return rest.is_empty().then(|| Clamp::from(&stage)) };
    rest = &rest[1..];
    let mut factor = |letter: char| {
        rest = rest.strip_prefix(letter)?;
        match rest.chars().next()? {
            // Some constant that is none of those that do nothing, perhaps.
            'q' => {
                rest = &rest[1..];
                Some(Factor::Constant(2))
            }
            'c' => {
                rest = &rest[1..];
                Some(Factor::PerChannel(u32::try_from(number(&mut rest)?).ok()?))
            }
            _ => number(&mut rest).map(Factor::Constant),
        }
    };
    (stage.multiplier, stage.addend) = (factor('f')?, factor('a')?);
    rest = rest.strip_prefix('b')?;
    stage.bits = u32::try_from(number(&mut rest)?).ok()?;
    rest.is_empty().then(|| Clamp { way, ..Clamp::from(&stage) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exact::Requant,
        kernel::{Add, Dense, Kernel},
    };

    fn dense(role: Role, stages: Vec<Stage>) -> Dense {
        let (i8, u8) = (Integer { bits: 8, signed: true }, Integer { bits: 8, signed: false });
        Dense {
            role,
            microtile: Microtile { m: 4, k: 8, n: 8 },
            rows: 12,
            k: 16,
            n: 40,
            input: u8,
            weight: i8,
            output: i8,
            accumulator: 32,
            stages: if role.has_output() { stages } else { Vec::new() },
        }
    }

    #[test]
    fn names_say_what_a_kernel_computes() {
        let (i8, u8) = (Integer { bits: 8, signed: true }, Integer { bits: 8, signed: false });
        let shift =
            Requant { zero_point: -7, ..Requant::shift(-3, Rounding::NearestEven, 8, true) };
        let scaled = Requant {
            multiplier: vec![7, -(1 << 40)],
            addend: vec![-5],
            signed: false,
            ..Requant::shift(12, Rounding::NearestAway, 20, true)
        };
        let plain = Clamp {
            shift: -3,
            signed: true,
            width: 8,
            zero_point: -7,
            min: -128,
            max: 127,
            ..Clamp::default()
        };
        let long = Clamp {
            shift: 12,
            width: 20,
            zero_point: 0,
            min: -(1 << 19),
            max: (1 << 19) - 1,
            way: Way::Exact,
            multiplies: true,
            adds: true,
            stores: true,
            words: 2,
            ..Clamp::default()
        };
        for (requants, clamps) in [
            (vec![shift.clone(); 2], vec![plain; 2]),
            (vec![scaled.clone(), shift.clone()], vec![long, plain]),
            // So long a name that constants are left out.
            (
                [vec![scaled], vec![shift.clone(); 6]].concat(),
                [vec![long], vec![plain; 6]].concat(),
            ),
        ] {
            let stages = Stage::all(&requants, 32);
            for role in [Role::Single, Role::First, Role::Middle, Role::Last] {
                let Some(Signature::Dense {
                    role: read, rows, k, n, input, output, stages, ..
                }) = Signature::of(&Kernel::Dense(dense(role, stages.clone())).name())
                else {
                    panic!("{role:?}");
                };
                assert_eq!((read, rows, k, n, input), (role, 12, 16, 40, u8));
                assert_eq!(output.is_some(), role.has_output());
                assert_eq!(stages, if role.has_output() { clamps.clone() } else { Vec::new() });
            }
        }
        for (factors, accumulator, multiplies) in
            [([1, 4], 32, false), ([1, 4], 64, true), ([3, -1], 32, true)]
        {
            let add = Add {
                rows: 3,
                n: 24,
                inputs: [i8, u8],
                factors,
                accumulator,
                output: u8,
                stages: Stage::all(std::slice::from_ref(&shift), 32),
            };
            let stages = vec![plain];
            assert_eq!(
                Signature::of(&Kernel::Add(add).name()),
                Some(Signature::Add { rows: 3, n: 24, input: i8, multiplies, output: u8, stages })
            );
        }
        for name in ["", "passthrough", "dense_single", "dense_single_8x8x8_m0x8x8_i8_i8_acc32_i8"]
        {
            assert_eq!(Signature::of(name), None, "{name}");
        }
    }

    #[test]
    fn parameters_follow_the_role() {
        let stage = Requant {
            multiplier: vec![1, 2],
            addend: vec![0, 1 << 40],
            ..Requant::shift(1, Rounding::Floor, 8, true)
        };
        let stages = Stage::all(&[stage], 32);
        let words = |role| dense(role, stages.clone()).words();
        assert_eq!([Role::Single, Role::First, Role::Middle, Role::Last].map(words), [4, 1, 0, 3]);
    }
}

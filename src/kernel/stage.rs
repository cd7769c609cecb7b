//! Requantizations as kernels are instantiated for them.
//!
//! What every channel has of its own is no part of an instance: it comes in the parameter buffer.

use crate::exact::{Overflow, Requant, Rounding, range};

/// A multiplier or an addend.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Factor {
    Constant(i64),
    /// One of each channel, of so many bits with sign.
    PerChannel(u32),
}

impl Factor {
    /// Values of a layer. Few widths, so that layers share instances, unless the width decides
    /// how a kernel multiplies.
    fn new(values: &[i64], default: i64, exact_bits: bool) -> Factor {
        let Some((&first, rest)) = values.split_first() else { return Factor::Constant(default) };
        if rest.iter().all(|&value| value == first) {
            return Factor::Constant(first);
        }
        let bits = values.iter().map(|&value| signed_bits(value)).max().unwrap_or(1);
        Factor::PerChannel(match bits {
            _ if exact_bits => bits,
            ..=32 => 32,
            _ => bits.max(Requant::FACTOR_BITS),
        })
    }

    pub fn bits(self) -> u32 {
        match self {
            Factor::Constant(value) => signed_bits(value),
            Factor::PerChannel(bits) => bits,
        }
    }

    /// Words of int32 that a channel has of it in the parameter buffer.
    pub fn words(self) -> usize {
        match self {
            Factor::Constant(_) => 0,
            Factor::PerChannel(..=32) => 1,
            Factor::PerChannel(_) => 2,
        }
    }

    /// As a template argument.
    fn cpp(self) -> String {
        match self {
            Factor::Constant(value) => format!("aie4ml::Constant<{value}>"),
            Factor::PerChannel(bits) => format!("aie4ml::PerChannel<{bits}>"),
        }
    }

    /// As part of an identifier; without the number, if that is too long.
    fn short(self, brief: bool) -> String {
        match self {
            Factor::Constant(_) if brief => "q".into(),
            Factor::Constant(value) => signed(value),
            Factor::PerChannel(bits) => format!("c{bits}"),
        }
    }
}

/// How a kernel forms `x * multiplier + addend`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Way {
    /// Not at all.
    #[default]
    Shift,
    /// In 64 bits, by products of 32 bits.
    Products,
    /// Likewise, x in two parts.
    Parts,
    /// Likewise, and cut at bit 16, with a bit for what is below.
    Sticky,
    /// Lane by lane, in 128 bits.
    Exact,
}

impl Way {
    /// In names of kernels.
    pub(super) const LETTERS: [(char, Way); 4] =
        [('v', Way::Products), ('t', Way::Parts), ('k', Way::Sticky), ('x', Way::Exact)];
}

/// One requantization of a kernel instance.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Stage {
    pub multiplier: Factor,
    pub addend: Factor,
    pub shift: i64,
    pub rounding: Rounding,
    pub overflow: Overflow,
    pub width: i64,
    pub signed: bool,
    pub zero_point: i64,
    pub min: i64,
    pub max: i64,
    /// Bits with sign of what it takes; 0 if it only shifts.
    pub bits: u32,
}

impl Stage {
    /// The stages of a layer whose sums have at most so many bits with sign.
    pub fn all(stages: &[Requant], sum_bits: u32) -> Vec<Stage> {
        let mut bits = sum_bits.clamp(2, Requant::FACTOR_BITS);
        let stage = |requant: &Requant| {
            let Requant { shift, rounding, overflow, width, zero_point, min, max, .. } = *requant;
            let multiplier = Factor::new(&requant.multiplier, 1, bits > 32);
            let addend = Factor::new(&requant.addend, 0, false);
            let shifts = (multiplier, addend) == (Factor::Constant(1), Factor::Constant(0));
            let stage = Stage {
                multiplier,
                addend,
                shift,
                rounding,
                overflow,
                width,
                signed: requant.signed,
                zero_point,
                min,
                max,
                bits: if shifts { 0 } else { bits },
            };
            // An unsigned result takes one more to be a signed number.
            bits = (width.clamp(1, 32) as u32 + u32::from(!requant.signed)).max(2);
            stage
        };
        stages.iter().map(stage).collect()
    }

    /// Whether it multiplies or adds.
    pub fn scales(&self) -> bool {
        self.bits != 0
    }

    /// Words of int32 that a channel has of it in the parameter buffer.
    pub fn words(&self) -> usize {
        self.multiplier.words() + self.addend.words()
    }

    /// How it goes through the core, as `requant.h` decides it.
    pub fn way(&self) -> Way {
        let multiplies = self.multiplier != Factor::Constant(1);
        let split = self.bits.saturating_sub(31);
        let fits = self.addend.bits() <= 63
            && match (multiplies, self.bits) {
                (false, bits) => bits <= 62,
                (true, ..=32) => self.multiplier.bits() <= 32,
                (true, _) => self.multiplier.bits() + split <= 32,
            };
        let sticky = multiplies
            && (2..=47).contains(&self.bits)
            && self.multiplier.bits() <= 32
            && self.addend.bits() <= 63
            && (17..=74).contains(&self.shift);
        match () {
            () if (self.shift > 59 || !fits) && sticky => Way::Sticky,
            () if self.shift > 59 || !fits => Way::Exact,
            () if !self.scales() => Way::Shift,
            () if multiplies && self.bits > 32 => Way::Parts,
            () => Way::Products,
        }
    }

    /// Whether the store unit does all that comes after multiplication and addition, the zero
    /// point being part of the addend.
    pub fn stores(&self) -> bool {
        let one_side = !matches!(
            self.rounding,
            Rounding::TowardZero
                | Rounding::AwayFromZero
                | Rounding::NearestTowardZero
                | Rounding::NearestAway
        );
        let fits = one_side
            && self.addend.bits() <= 62
            && i64::from(signed_bits(self.zero_point)) + self.shift <= 62;
        self.shift >= 0 && (self.zero_point == 0 || (self.scales() && fits))
    }

    /// As a template argument.
    pub(super) fn cpp(&self) -> String {
        let scale = match (self.scales(), self.signed) {
            (false, true) => String::new(),
            (false, false) => ", false".into(),
            (true, signed) => {
                let (multiplier, addend) = (self.multiplier.cpp(), self.addend.cpp());
                format!(", {signed}, aie4ml::Scale<{multiplier}, {addend}, {}>", self.bits)
            }
        };
        format!(
            "aie4ml::Stage<{}, aie4ml::Rounding::{}, aie4ml::Overflow::{}, {}, {}, {}, {}{scale}>",
            self.shift,
            self.rounding.name(),
            self.overflow.name(),
            self.width,
            self.min,
            self.max,
            self.zero_point,
        )
    }

    fn name(&self, last: bool, brief: bool) -> String {
        let Stage { shift, rounding, overflow, width, zero_point, min, max, .. } = self;
        let mut name = format!(
            "_s{}r{}o{}w{width}z{}l{}h{}",
            signed(*shift),
            *rounding as i64,
            *overflow as i64,
            signed(*zero_point),
            signed(*min),
            signed(*max),
        );
        // The output's type says it of the last.
        if !self.signed && !last {
            name.push('u');
        }
        if let Some((letter, _)) = Way::LETTERS.into_iter().find(|&(_, way)| way == self.way()) {
            let (f, a) = (self.multiplier.short(brief), self.addend.short(brief));
            name += &format!("{letter}f{f}a{a}b{}", self.bits);
        }
        name
    }
}

/// Why no kernel requantizes so, if none does.
///
/// Multipliers and addends of each channel are for layers with weights: only these have a buffer
/// for them.
pub fn refusal(stages: &[Requant], weights: bool) -> Option<String> {
    for (requant, stage) in stages.iter().zip(Stage::all(stages, 32)) {
        let Requant { shift, width, zero_point, min, max, .. } = *requant;
        // Beyond these limits every result is a constant anyway.
        if !(-31..=126).contains(&shift) || (requant.is_shift() && shift > 59) {
            return Some(format!("shifts by {shift}; kernels shift by -31 to 59"));
        }
        if stage.words() > 0 && !weights {
            return Some("has a multiplier or an addend of each channel, which only layers with weights can have".into());
        }
        if !requant.signed && width > 31 {
            return Some("requantizes to unsigned integers of 32 bits; kernels hold 31".into());
        }
        let (low, high) = range(width, requant.signed);
        if min > high || max < low {
            return Some(format!("limits {width} bits to {min} to {max}, which they do not reach"));
        }
        // Limits apply before the zero point is added, to 32 bits.
        let (low, high) = (low.max(min), high.min(max));
        let holds = |limit: i64| {
            limit.checked_sub(zero_point).is_some_and(|limit| i32::try_from(limit).is_ok())
        };
        if !(holds(low) && holds(high)) {
            return Some(format!(
                "adds the zero point {zero_point} to integers of {width} bits; kernels do so in 32 bits"
            ));
        }
    }
    None
}

/// Requantizations as part of an identifier.
pub(super) fn stage_names(stages: &[Stage]) -> String {
    let names = |brief| -> String {
        let name = |(index, stage): (usize, &Stage)| stage.name(index + 1 == stages.len(), brief);
        stages.iter().enumerate().map(name).collect()
    };
    let full = names(false);
    // A file's name has at most 255 letters.
    if full.len() <= LONGEST { full } else { format!("{}_q{:016x}", names(true), hash(&full)) }
}

/// Letters of the names of stages that are left as they are.
const LONGEST: usize = 150;

/// FNV-1a, the same everywhere.
fn hash(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step)
}

/// Bits of a number with its sign.
pub fn signed_bits(value: i64) -> u32 {
    65 - if value < 0 { value.leading_ones() } else { value.leading_zeros() }
}

/// Bits with sign of the sum of so many products of integers, and of a bias of 32 bits.
pub fn sum_bits(terms: usize, a: (u32, bool), b: (u32, bool)) -> u32 {
    let largest = |(bits, signed): (u32, bool)| {
        let (low, high) = range(bits.clamp(1, 63).into(), signed);
        i128::from(low.unsigned_abs().max(high.unsigned_abs()))
    };
    let most = largest(a) * largest(b) * terms as i128 + (1 << 31);
    i64::try_from(most).map_or(64, signed_bits)
}

/// The same for weights `[k][n]` and a bias `[n]`, of inputs of at most that magnitude.
pub fn sum_bits_of(weights: &[i64], bias: &[i64], largest: u64) -> u32 {
    let mut sums: Vec<u128> = bias.iter().map(|bias| bias.unsigned_abs().into()).collect();
    for row in weights.chunks(bias.len().max(1)) {
        for (sum, weight) in sums.iter_mut().zip(row) {
            *sum += u128::from(weight.unsigned_abs()) * u128::from(largest);
        }
    }
    i64::try_from(sums.into_iter().max().unwrap_or(0)).map_or(64, signed_bits)
}

/// A number as part of an identifier.
pub(super) fn signed(value: i64) -> String {
    if value < 0 { format!("m{}", value.unsigned_abs()) } else { value.to_string() }
}

/// The words of a channel's values in the parameter buffer, as `requant.h` reads them:
/// multiplier, then addend, low part first.
pub fn words(stage: &Stage, multiplier: i64, addend: i64) -> Vec<i32> {
    let mut words = Vec::new();
    for (factor, value) in [(stage.multiplier, multiplier), (stage.addend, addend)] {
        match factor.words() {
            0 => {}
            1 => words.push(value as i32),
            // Parts are 31 bits apart, so that the lower one is not negative.
            _ => words.extend([(value & 0x7fff_ffff) as i32, (value >> 31) as i32]),
        }
    }
    words
}

/// The words of a channel of all stages, one stage after the other.
pub fn channel_words(stages: &[Stage], requants: &[Requant], channel: usize) -> Vec<i32> {
    let of = |(stage, requant): (&Stage, &Requant)| {
        words(stage, requant.multiplier_of(channel), requant.addend_of(channel))
    };
    stages.iter().zip(requants).flat_map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scaled(multiplier: &[i64], addend: &[i64], shift: i64) -> Requant {
        Requant {
            multiplier: multiplier.to_vec(),
            addend: addend.to_vec(),
            ..Requant::shift(shift, Rounding::NearestEven, 8, true)
        }
    }

    #[test]
    fn counts_bits_with_sign() {
        for (value, bits) in [(0, 1), (-1, 1), (1, 2), (-2, 2), (127, 8), (-128, 8), (128, 9)] {
            assert_eq!(signed_bits(value), bits, "{value}");
        }
        assert_eq!([i64::MIN, i64::MAX, 1 << 31].map(signed_bits), [64, 64, 33]);
        assert_eq!(sum_bits(64, (16, true), (16, true)), 38);
        assert_eq!(sum_bits(1, (8, true), (8, true)), 33);
        assert_eq!(sum_bits_of(&[1, -2, 3, 4], &[0, -5], 2), signed_bits(17));
    }

    #[test]
    fn finds_its_way() {
        let way = |multiplier: i64, addend: i64, shift: i64, bits: u32| {
            Stage::all(&[scaled(&[multiplier], &[addend], shift)], bits)[0].way()
        };
        assert_eq!(way(1, 0, 7, 32), Way::Shift);
        assert_eq!(way(1, 0, 60, 32), Way::Exact);
        assert_eq!(way(1, 5, 7, 40), Way::Products);
        assert_eq!(way((1 << 31) - 1, 0, 40, 32), Way::Products);
        assert_eq!(way(1 << 31, 0, 40, 32), Way::Exact);
        assert_eq!(way(1 << 15, 0, 40, 40), Way::Parts);
        assert_eq!(way(1 << 24, 0, 40, 40), Way::Sticky);
        assert_eq!(way(1 << 24, 0, 60, 32), Way::Sticky);
        assert_eq!(way(1 << 24, 0, 16, 40), Way::Exact);
        assert_eq!(way(1 << 24, 0, 40, 48), Way::Exact);
        assert_eq!(way(1 << 40, 0, 40, 32), Way::Exact);
    }

    #[test]
    fn later_stages_take_what_the_one_before_gives() {
        let first = Requant { width: 16, signed: false, ..scaled(&[3, 4], &[0, 0], 9) };
        let stages = Stage::all(&[first, scaled(&[5], &[1], 2)], 40);
        assert_eq!((stages[0].bits, stages[1].bits), (40, 17));
        assert_eq!(stages[0].multiplier, Factor::PerChannel(4));
        assert_eq!(stages[0].words(), 1);
        assert!(stage_names(&stages).ends_with("h127utfc4a0b40_s2r12o0w8z0lm128h127vf5a1b17"));
    }

    #[test]
    fn says_what_no_kernel_does() {
        let refused = |stages: &[Requant], weights| refusal(stages, weights).unwrap_or_default();
        let one = scaled(&[3], &[1], 40);
        let each = scaled(&[3, 4], &[1], 40);
        assert_eq!(refusal(&[each.clone(), one.clone()], true), None);
        assert_eq!(refusal(&[one.clone(), each.clone()], true), None);
        assert!(refused(&[each], false).contains("only layers with weights"));
        assert!(refused(&[scaled(&[1], &[0], 60)], true).contains("shifts by 60"));
        assert_eq!(refusal(&[scaled(&[3], &[0], 60)], true), None);
        let wide = Requant { width: 32, min: i64::MIN, max: i64::MAX, ..one.clone() };
        assert!(refused(&[Requant { signed: false, ..wide.clone() }], true).contains("hold 31"));
        assert!(refused(&[Requant { zero_point: 1, ..wide }], true).contains("zero point 1"));
        assert!(refused(&[Requant { min: 200, max: 300, ..one }], true).contains("do not reach"));
    }

    #[test]
    fn long_names_have_a_hash() {
        let one = |addend| scaled(&[-(1 << 61)], &[addend], 126);
        let name = |addend| stage_names(&Stage::all(&[one(addend), one(3), one(4), one(5)], 62));
        assert!(name(1).len() < 200, "{}", name(1));
        assert!(name(1).contains("_q"));
        assert_ne!(name(1), name(2));
    }

    proptest! {
        #[test]
        fn words_are_what_they_were(value in -(1i64 << 61)..(1i64 << 61)) {
            let stage = &Stage::all(&[scaled(&[value, 1 - value / 2], &[0, 1 << 40], 7)], 50)[0];
            let all = words(stage, value, 77);
            let joined = |low: i32, high: i32| (i64::from(high) << 31) + i64::from(low);
            if stage.multiplier.words() == 2 {
                prop_assert!(all[0] >= 0);
                prop_assert_eq!(joined(all[0], all[1]), value);
            } else {
                prop_assert_eq!(i64::from(all[0]), value);
            }
            prop_assert_eq!(&all[stage.multiplier.words()..], &[77, 0]);
        }
    }
}

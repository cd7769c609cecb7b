use super::{
    stages::{Finder, Found, Root},
    *,
};
use crate::exact::{Requant, Rounding, shift_round};
use proptest::prelude::*;

/// A graph with a root, and what is found of an expression of it.
struct Case {
    graph: Graph,
    x: Id,
}

impl Case {
    fn new(bits: u32) -> Case {
        let mut graph = Graph::default();
        let x = graph.add(Node::Root(0), bits);
        Case { graph, x }
    }

    fn n(&mut self, value: i64) -> Id {
        let bits = self.graph.bits(self.x);
        self.graph.integer(value, bits)
    }

    fn op(&mut self, op: Binary, a: Id, b: Id) -> Id {
        let bits = self.graph.bits(a);
        self.graph.add(Node::Binary(op, a, b), bits)
    }

    fn with(&mut self, op: Binary, a: Id, number: i64) -> Id {
        let bits = self.graph.bits(a);
        let number = self.graph.integer(number, bits);
        self.op(op, a, number)
    }

    fn resize(&mut self, value: Id, signed: bool, bits: u32) -> Id {
        self.graph.add(Node::Resize { value, signed }, bits)
    }

    fn select(&mut self, op: Compare, p: Id, q: Id, a: Id, b: Id) -> Id {
        let condition = self.graph.add(Node::Compare(op, p, q), 1);
        let bits = self.graph.bits(a);
        self.graph.add(Node::Select(condition, a, b), bits)
    }

    /// `(x + 2^(s-1) - 1 + (x >> s & 1)) >> s`, as torch-mlir writes it.
    fn half_even(&mut self, x: Id, shift: i64) -> Id {
        let more = self.with(Binary::Add, x, (1 << (shift - 1)) - 1);
        let odd = self.with(Binary::ShiftRight, x, shift);
        let odd = self.with(Binary::And, odd, 1);
        let sum = self.op(Binary::Add, more, odd);
        self.with(Binary::ShiftRight, sum, shift)
    }

    fn find(&self, y: Id, ranges: &[Range], summed: bool) -> Result<Found, stages::Unknown> {
        let roots = [Root { ranges: ranges.to_vec(), summed }];
        Finder::new(&self.graph, &roots, &HashMap::new()).find(y)
    }

    /// Finds the stages, and holds them against the expression for many values.
    fn check(&self, y: Id, ranges: &[Range], summed: bool) -> Found {
        let found = self.find(y, ranges, summed).unwrap_or_else(|unknown| panic!("{unknown:?}"));
        for (channel, &(low, high)) in ranges.iter().enumerate() {
            let step = ((high - low) / 5000).max(1);
            let mut values: Vec<i64> = (0..)
                .map(|i| low + i * step)
                .take_while(|x| *x <= high)
                .map(|x| x as i64)
                .collect();
            values.extend((high - 50).max(low) as i64..=high as i64);
            values.extend((-50i64).max(low as i64)..=50i64.min(high as i64));
            let expected = self.graph.evaluate(y, self.x, &values, channel).unwrap();
            for (x, expected) in values.into_iter().zip(expected) {
                let bias = i128::from(of_channel(&found.bias, channel));
                let stages = found.stages.iter();
                let y = stages.fold(i128::from(x) + bias, |x, s| s.apply(x, channel).into());
                assert_eq!(y, expected.into(), "of {x} in channel {channel}: {found:?}");
            }
        }
        found
    }
}

const RANGE: Range = (-600_000, 500_000);

#[test]
fn folds_constants_and_finds_equal_nodes() {
    let mut case = Case::new(32);
    let (a, b) = (case.n(6), case.n(7));
    let product = case.op(Binary::Mul, a, b);
    assert_eq!(case.graph.one(product), Some(42));
    let x = case.x;
    let (y, z) = (case.with(Binary::Add, x, 3), case.with(Binary::Add, x, 3));
    assert_eq!(y, z);
    let big = case.with(Binary::Add, a, i64::from(i32::MAX));
    assert_eq!(case.graph.one(big), Some(i64::from(i32::MIN) + 5));
}

#[test]
fn finds_the_half_even_of_torch_behind_a_relu_and_a_bias() {
    let mut case = Case::new(32);
    let bias = case.graph.add(Node::Constant(vec![1000, -77, 3]), 32);
    let sum = case.op(Binary::Add, case.x, bias);
    let relu = case.with(Binary::Max, sum, 0);
    let rounded = case.half_even(relu, 10);
    let low = case.with(Binary::Max, rounded, -128);
    let limited = case.with(Binary::Min, low, 127);
    let y = case.resize(limited, true, 8);
    let found = case.check(y, &[RANGE; 3], true);
    assert_eq!(found.bias, [1000, -77, 3]);
    let expected = Requant { min: 0, ..Requant::shift(10, Rounding::NearestEven, 8, true) };
    assert_eq!(found.stages, [expected]);
    assert_eq!(found.range, (0, 127));
}

#[test]
fn finds_a_shift_that_is_cut() {
    let mut case = Case::new(32);
    let shifted = case.with(Binary::ShiftRight, case.x, 5);
    // The cut by two shifts, and by a truncation, are the same.
    let left = case.with(Binary::ShiftLeft, shifted, 22);
    let y = case.with(Binary::ShiftRight, left, 22);
    let cut = case.resize(shifted, true, 10);
    let z = case.resize(cut, true, 32);
    let (y, z) = (case.check(y, &[RANGE], true), case.check(z, &[RANGE], true));
    assert_eq!(y, z);
    let wrap = Requant {
        overflow: crate::exact::Overflow::Wrap,
        ..Requant::shift(5, Rounding::Floor, 10, true)
    };
    assert_eq!(y.stages, [wrap]);
}

#[test]
fn finds_scales_of_tosa_by_channel() {
    let mut case = Case::new(32);
    let multiplier =
        case.graph.add(Node::Constant(vec![1_234_567_890, 1_934_567_891, 1_073_741_824]), 32);
    let shift = case.graph.add(Node::Constant(vec![43, 42, 40]), 8);
    let bias = case.graph.add(Node::Constant(vec![1000, -77, 3]), 32);
    let sum = case.op(Binary::Add, case.x, bias);
    for twice in [false, true] {
        let scale = Node::Scale { value: sum, multiplier, shift, twice };
        let scaled = case.graph.add(scale, 32);
        let moved = case.with(Binary::Add, scaled, -3);
        let low = case.with(Binary::Max, moved, -128);
        let limited = case.with(Binary::Min, low, 127);
        let y = case.resize(limited, true, 8);
        let found = case.check(y, &[RANGE, (-70_000, 80_000), (-100, 90)], true);
        assert_eq!(found.stages.len(), 1 + usize::from(twice), "{found:?}");
        assert!(found.stages[0].multiplier.iter().all(|m| *m < 1 << 31), "{found:?}");
        assert_eq!(found.stages.last().map(|stage| stage.zero_point), Some(-3));
        // Of values of one sign, one rounding is the same.
        let relu = case.with(Binary::Max, y, -3);
        let found = case.check(relu, &[(0, 500_000), (-1000, 80_000), (-1000, 90)], true);
        assert_eq!(found.stages.len(), 1, "{found:?}");
    }
}

#[test]
fn takes_unsigned_codes_by_their_extension() {
    let mut case = Case::new(8);
    let y = case.resize(case.x, false, 32);
    let y = case.with(Binary::Sub, y, 100);
    let roots = [Root { ranges: vec![(0, 255)], summed: false }];
    let exist = HashMap::new();
    let linear = Finder::new(&case.graph, &roots, &exist).linear(y);
    assert_eq!(linear, Some((0, 1, vec![-100])));
    // With a sign, the upper half is negative.
    let signed = case.resize(case.x, true, 32);
    let mut finder = Finder::new(&case.graph, &roots, &exist);
    assert_eq!(finder.find(signed).map(|found| found.range), Ok((-128, 127)));
}

/// `x` rounded to even by its floor and ceiling, as torch-mlir writes it in TOSA.
fn round_even_of_tosa(graph: &mut Graph, x: Id) -> Id {
    let mut real = |node: Node| graph.add(node, REAL);
    let number = |x: f64| Node::Real(vec![x.to_bits()]);
    let (half, two) = (real(number(0.5)), real(number(2.0)));
    let floor = real(Node::RealUnary(RealUnary::Floor, x));
    let ceil = real(Node::RealUnary(RealUnary::Ceil, x));
    let rest = real(Node::RealBinary(RealBinary::Sub, x, floor));
    let halved = real(Node::RealBinary(RealBinary::Mul, floor, half));
    let halved = real(Node::RealUnary(RealUnary::Floor, halved));
    let doubled = real(Node::RealBinary(RealBinary::Mul, halved, two));
    let even = graph.add(Node::RealCompare(Compare::Equal, floor, doubled), 1);
    let tie = graph.add(Node::RealCompare(Compare::Equal, rest, half), 1);
    let below = graph.add(Node::RealCompare(Compare::Greater, half, rest), 1);
    let tie = graph.add(Node::Binary(Binary::And, tie, even), 1);
    let down = graph.add(Node::Binary(Binary::Or, below, tie), 1);
    graph.add(Node::Select(down, floor, ceil), REAL)
}

#[test]
fn finds_quantizers_of_pytorch() {
    let mut graph = Graph::default();
    let x = graph.add(Node::Root(0), REAL);
    let number = |graph: &mut Graph, x: f64| graph.add(Node::Real(vec![x.to_bits()]), REAL);
    let binary = |graph: &mut Graph, op, a, b| graph.add(Node::RealBinary(op, a, b), REAL);
    let (scale, zero_point) = (number(&mut graph, 0.25), number(&mut graph, -3.0));
    let (low, high) = (number(&mut graph, -128.0), number(&mut graph, 127.0));
    let divided = binary(&mut graph, RealBinary::Div, x, scale);
    let inverse = number(&mut graph, 4.0);
    let multiplied = binary(&mut graph, RealBinary::Mul, x, inverse);
    let plain = graph.add(Node::RealUnary(RealUnary::RoundEven, divided), REAL);
    let idiom = round_even_of_tosa(&mut graph, multiplied);
    for rounded in [plain, idiom] {
        let moved = binary(&mut graph, RealBinary::Add, rounded, zero_point);
        let above = binary(&mut graph, RealBinary::Max, moved, low);
        let limited = binary(&mut graph, RealBinary::Min, above, high);
        // Rounded and limited once more, as a cast of TOSA does.
        let again = graph.add(Node::RealUnary(RealUnary::RoundEven, limited), REAL);
        let code = graph.add(Node::ToInteger { value: again, signed: true }, 8);
        let found = graph.quantizer(code).expect("it is one");
        assert_eq!(
            found,
            reals::Quantizer {
                of: x,
                scale: 0.25,
                zero_point: -3,
                min: -128,
                max: 127,
                signed: true
            }
        );

        let wide = graph.add(Node::Resize { value: code, signed: true }, 32);
        let three = graph.integer(-3, 32);
        let moved = graph.add(Node::Binary(Binary::Sub, wide, three), 32);
        let real = graph.add(Node::ToReal { value: moved, signed: true }, REAL);
        let real = binary(&mut graph, RealBinary::Mul, real, scale);
        let found = graph.dequantizer(real).expect("it is one");
        assert_eq!(
            found,
            reals::Dequantizer { of: code, scale: 0.25, zero_point: -3, signed: true }
        );
    }
    // Without a sign, the whole width is for positive codes.
    let (zero, most) = (number(&mut graph, 0.0), number(&mut graph, 255.0));
    let limited = binary(&mut graph, RealBinary::Max, plain, zero);
    let limited = binary(&mut graph, RealBinary::Min, limited, most);
    let code = graph.add(Node::ToInteger { value: limited, signed: false }, 8);
    let found = graph.quantizer(code).expect("it is one");
    assert_eq!((found.min, found.max, found.signed), (0, 255, false));
    let wide = graph.add(Node::Resize { value: code, signed: false }, 32);
    let real = graph.add(Node::ToReal { value: wide, signed: true }, REAL);
    let found = graph.dequantizer(real).expect("it is one");
    assert_eq!((found.of, found.signed), (code, false));
    let code = graph.add(Node::ToInteger { value: limited, signed: true }, 8);
    assert_eq!(graph.quantizer(code), None);
    // Floor alone is another rounding.
    let floor = graph.add(Node::RealUnary(RealUnary::Floor, multiplied), REAL);
    let limited = binary(&mut graph, RealBinary::Max, floor, low);
    let limited = binary(&mut graph, RealBinary::Min, limited, high);
    let code = graph.add(Node::ToInteger { value: limited, signed: true }, 8);
    assert_eq!(graph.quantizer(code), None);
}

#[test]
fn finds_the_scale_that_reals_have_in_common() {
    let scale = f64::from(0.004_397_351_f32);
    let values: Vec<f64> = [-127.0, 0.0, 3.0, 28.0].map(|code| code * scale).to_vec();
    assert_eq!(reals::common_scale(&values), Some((scale, vec![-127, 0, 3, 28])));
    assert_eq!(reals::common_scale(&[0.0, 0.0]), Some((1.0, vec![0, 0])));
    assert_eq!(reals::common_scale(&[f64::NAN]), None);
}

#[test]
fn says_what_meets() {
    let mut case = Case::new(32);
    let other = case.graph.add(Node::Root(1), 32);
    let y = case.op(Binary::Add, case.x, other);
    let roots = [(); 2].map(|()| Root { ranges: vec![RANGE], summed: true });
    let found = Finder::new(&case.graph, &roots, &HashMap::new()).find(y);
    assert_eq!(found, Err(stages::Unknown::Meet(case.x, other)));
}

#[test]
fn refuses_what_is_no_stage() {
    let mut case = Case::new(32);
    let square = case.op(Binary::Mul, case.x, case.x);
    assert!(case.find(square, &[(-100, 100)], true).is_err());
    let odd = case.with(Binary::Or, case.x, 4);
    assert!(case.find(odd, &[RANGE], true).is_err());
}

/// One way of many to write a rounding.
fn write_rounding(case: &mut Case, x: Id, shift: i64, mode: Rounding) -> Id {
    let half = 1i64 << (shift - 1);
    let plus = |case: &mut Case, n: i64| {
        let sum = case.with(Binary::Add, x, n);
        case.with(Binary::ShiftRight, sum, shift)
    };
    let (minus_one, zero) = (case.n(-1), case.n(0));
    let negative = case.select(Compare::Less, x, zero, minus_one, zero);
    match mode {
        Rounding::Floor => case.with(Binary::ShiftRight, x, shift),
        Rounding::Ceil => plus(case, 2 * half - 1),
        Rounding::NearestUp => plus(case, half),
        Rounding::NearestDown => plus(case, half - 1),
        Rounding::NearestEven => case.half_even(x, shift),
        Rounding::NearestOdd => {
            let more = case.with(Binary::Add, x, half);
            let odd = case.with(Binary::ShiftRight, x, shift);
            let odd = case.with(Binary::And, odd, 1);
            let sum = case.op(Binary::Sub, more, odd);
            case.with(Binary::ShiftRight, sum, shift)
        }
        // Away from zero at ties: one half, less one of negative values.
        Rounding::NearestAway => {
            let more = case.with(Binary::Add, x, half);
            let sum = case.op(Binary::Add, more, negative);
            case.with(Binary::ShiftRight, sum, shift)
        }
        Rounding::NearestTowardZero => {
            let more = case.with(Binary::Add, x, half - 1);
            let sum = case.op(Binary::Sub, more, negative);
            case.with(Binary::ShiftRight, sum, shift)
        }
        Rounding::TowardZero => {
            let rest = case.with(Binary::And, negative, 2 * half - 1);
            let sum = case.op(Binary::Add, x, rest);
            case.with(Binary::ShiftRight, sum, shift)
        }
        Rounding::AwayFromZero => {
            let ones = case.n(2 * half - 1);
            let rest = case.select(Compare::Greater, x, zero, ones, zero);
            let sum = case.op(Binary::Add, x, rest);
            case.with(Binary::ShiftRight, sum, shift)
        }
    }
}

/// One way of many to write limits.
fn write_limits(case: &mut Case, x: Id, low: i64, high: i64, way: u8) -> Id {
    let (l, h) = (case.n(low), case.n(high));
    match way % 3 {
        0 => {
            let x = case.op(Binary::Max, x, l);
            case.op(Binary::Min, x, h)
        }
        1 => {
            let x = case.select(Compare::Greater, x, h, h, x);
            case.select(Compare::Less, x, l, l, x)
        }
        _ => {
            // Both compared with the value itself.
            let inner = case.select(Compare::Less, x, l, l, x);
            case.select(Compare::Greater, x, h, h, inner)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn finds_idioms_of_requantizations(
        mode in 0..10usize,
        shift in 1i64..14,
        low in -200i64..0,
        size in 1i64..300,
        zero_point in -20i64..20,
        way in 0..3u8,
        relu in any::<bool>(),
        biases in proptest::collection::vec(-5000i64..5000, 1..4),
    ) {
        let mode = Rounding::ALL[mode];
        let mut case = Case::new(32);
        let bias = case.graph.add(Node::Constant(biases.clone()), 32);
        let mut x = case.op(Binary::Add, case.x, bias);
        if relu {
            x = case.with(Binary::Max, x, 0);
        }
        let rounded = write_rounding(&mut case, x, shift, mode);
        let moved = case.with(Binary::Add, rounded, zero_point);
        let limited = write_limits(&mut case, moved, low, low + size, way);
        let found = case.check(limited, &vec![RANGE; biases.len()], true);
        // What it is, from the definition.
        let bias = i128::from(of_channel(&biases, 0));
        for x in [-599_999, -12_345, -1, 0, 1, 77, 4096, 499_999] {
            let x = x + bias;
            let y = shift_round(if relu { x.max(0) } else { x }, shift, mode);
            let y = (y + i128::from(zero_point)).clamp(low.into(), (low + size).into());
            let stages = found.stages.iter();
            let bias_found = i128::from(of_channel(&found.bias, 0));
            let z = stages.fold(x - bias + bias_found, |x, stage| stage.apply(x, 0).into());
            prop_assert_eq!(y, z);
        }
    }

    /// Whatever is found of any expression, it is the same for every value.
    #[test]
    fn never_finds_something_else(
        ops in proptest::collection::vec((0..17usize, 0..8usize, -70i64..70, 0..14i64), 1..9),
        bits in prop_oneof![Just(8u32), Just(16), Just(32)],
        low in -3000i128..0,
        high in 1i128..3000,
        summed in any::<bool>(),
    ) {
        let mut case = Case::new(bits);
        let mut values = vec![case.x];
        for (op, other, number, shift) in ops {
            let x = values[values.len() - 1];
            let y = values[other.min(values.len() - 1)];
            let shift = shift.min(i64::from(case.graph.bits(x)) - 1);
            let same = case.graph.bits(x) == case.graph.bits(y);
            let next = match op {
                0 => case.with(Binary::Add, x, number),
                1 => case.with(Binary::Sub, x, number),
                2 => case.with(Binary::Mul, x, number),
                3 => case.with(Binary::ShiftLeft, x, shift),
                4 | 5 => case.with(Binary::ShiftRight, x, shift),
                6 => case.with(Binary::ShiftRightUnsigned, x, shift),
                7 => case.with(Binary::And, x, (1 << shift) - 1),
                8 => case.with(Binary::Max, x, number),
                9 => case.with(Binary::Min, x, number),
                10 => case.resize(x, true, 8),
                11 => case.resize(x, false, 32),
                12 => case.resize(x, true, 64),
                13 if same => case.op(Binary::Add, x, y),
                14 if same => case.op(Binary::Sub, x, y),
                15 if same => {
                    let zero = case.graph.integer(number, case.graph.bits(x));
                    case.select(Compare::Less, x, zero, y, x)
                }
                _ => {
                    let bits = case.graph.bits(x);
                    let multiplier = case.graph.integer(number.abs() * 15_000_000, bits.max(32));
                    let shift = case.graph.integer(30 + shift, 8);
                    let scale = Node::Scale { value: x, multiplier, shift, twice: number < 0 };
                    case.graph.add(scale, bits)
                }
            };
            values.push(next);
        }
        let (low, high) = (low.max(limits(bits).0), high.min(limits(bits).1));
        let y = values[values.len() - 1];
        if case.graph.constant(y).is_none() && case.find(y, &[(low, high)], summed).is_ok() {
            case.check(y, &[(low, high)], summed);
        }
    }
}

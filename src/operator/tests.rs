//! Operators against what they stand for, in floats.

use super::{
    Constant, Node, Operator, Tensor, matmul, normalize,
    piecewise::{self, Pieces},
    softmax,
};
use crate::{exact::range, kernel::Integer};
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use std::collections::BTreeMap;

const fn integer(bits: u32, signed: bool) -> Integer {
    Integer { bits, signed }
}

/// A node with one output of 8 bits.
fn node(
    operator: &'static dyn Operator,
    inputs: &[(usize, Integer)],
    features: usize,
    accumulator: u32,
    parameters: &[(&str, &[i64])],
) -> Node {
    let tensor = |&(features, number): &(usize, Integer)| Tensor { features, number };
    let parameters: BTreeMap<_, _> =
        parameters.iter().map(|(name, list)| ((*name).to_owned(), list.to_vec())).collect();
    Node {
        operator,
        parameters,
        inputs: inputs.iter().map(tensor).collect(),
        constants: Vec::new(),
        output: tensor(&(features, integer(8, true))),
        accumulator,
    }
}

fn constant(number: Integer, data: Vec<i64>) -> Constant {
    Constant { shape: vec![data.len()], number, data }
}

fn runner() -> TestRunner {
    let config = Config { failure_persistence: None, ..Config::with_cases(200) };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// Codes of a type, `length` of them.
fn codes(number: Integer, length: usize) -> impl Strategy<Value = Vec<i64>> {
    let (low, high) = range(number.bits.into(), number.signed);
    // Narrow ranges too, in which codes are often equal.
    (low..=high, 0..=high - low).prop_flat_map(move |(from, spread)| {
        prop::collection::vec(from..=(from + spread).min(high), length)
    })
}

#[test]
fn softmax_is_that_of_floats() {
    let lengths = prop::sample::select(vec![1usize, 5, 13, 37, 256]);
    let numbers = (prop::sample::select(vec![8, 16]), any::<bool>());
    let all = (lengths, numbers, 0.001f64..0.5).prop_flat_map(|(length, (bits, signed), scale)| {
        let number = integer(bits, signed);
        // The same range of what is meant.
        let scale = if bits == 8 { scale } else { scale / 256.0 };
        (Just(length), Just(number), Just(scale), codes(number, 2 * length + 1))
    });
    let result = runner().run(&all, |(length, number, scale, codes)| {
        let parameters: &[(&str, &[i64])] =
            &[("extents", &[2, length as i64]), ("strides", &[1, 2]), ("offset", &[1])];
        let inputs = [(2 * length + 1, number)];
        let mut node = node(&softmax::Softmax, &inputs, 2 * length, 64, parameters);
        node.constants.push(constant(integer(32, true), softmax::table(scale, number.bits)));
        prop_assert_eq!(node.operator.check(&node), Ok(()));
        let sums = node.operator.evaluate(&node, &[&codes]);
        for group in 0..2 {
            let x = |l: usize| scale * codes[1 + group + 2 * l] as f64;
            let most = (0..length).map(x).fold(f64::MIN, f64::max);
            let total: f64 = (0..length).map(|l| (x(l) - most).exp()).sum();
            for l in 0..length {
                let exact = (x(l) - most).exp() / total;
                let sum = sums[group * length + l] as f64 / softmax::ONE as f64;
                // A sixteenth of a code of as many bits.
                let most = if number.bits == 8 { 1.0 / 4096.0 } else { 1.0 / 1_048_576.0 };
                prop_assert!((sum - exact).abs() < most, "{sum} is not {exact}");
            }
        }
        Ok(())
    });
    result.unwrap();
}

/// Mean and the root of the variance with epsilon, or zero and the mean square's.
fn moments(x: &[f64], centered: bool, epsilon: f64) -> (f64, f64) {
    let mean = |list: &mut dyn Iterator<Item = f64>| list.sum::<f64>() / x.len() as f64;
    let middle = if centered { mean(&mut x.iter().copied()) } else { 0.0 };
    let variance = mean(&mut x.iter().map(|x| (x - middle).powi(2)));
    (middle, (variance + epsilon).sqrt())
}

#[test]
fn normalize_is_that_of_floats() {
    const BITS: i64 = 12;
    const EPSILON: f64 = 1e-5;
    let numbers = prop::sample::select(vec![
        integer(8, true),
        integer(8, false),
        integer(16, true),
        integer(16, false),
    ]);
    let lengths = prop::sample::select(vec![1usize, 5, 13, 37, 768]);
    let all = (lengths, numbers, any::<bool>(), 0.001f64..0.5).prop_flat_map(
        |(length, number, centered, scale)| {
            let gamma = prop::collection::vec(-32768i64..32768, length);
            let beta = prop::collection::vec(-(1i64 << 40)..1 << 40, length);
            let (low, high) = range(number.bits.into(), number.signed);
            let zero_points = low..=high;
            let codes = codes(number, 2 * length + 1);
            (Just((length, number, centered, scale)), zero_points, gamma, beta, codes)
        },
    );
    let result = runner().run(&all, |((length, number, centered, scale), zero, gamma, beta, x)| {
        let epsilon = (EPSILON * (length * length) as f64 / scale.powi(2)).round();
        let parameters: &[(&str, &[i64])] = &[
            ("extents", &[2, length as i64]),
            ("strides", &[1, 2]),
            ("offset", &[1]),
            ("centered", &[i64::from(centered)]),
            ("epsilon", &[epsilon as i64]),
            ("bits", &[BITS]),
            ("zero_point", &[zero]),
        ];
        let inputs = [(2 * length + 1, number)];
        let mut node = node(&normalize::Normalize, &inputs, 2 * length, 64, parameters);
        node.constants.push(constant(integer(16, true), gamma.clone()));
        node.constants.push(constant(integer(64, true), beta.clone()));
        prop_assert_eq!(node.operator.check(&node), Ok(()));
        let sums = node.operator.evaluate(&node, &[&x]);
        // The same epsilon, in codes.
        let epsilon = epsilon / (length * length) as f64;
        for group in 0..2 {
            let code = |l: usize| (x[1 + group + 2 * l] - zero) as f64;
            let codes: Vec<f64> = (0..length).map(code).collect();
            let (mean, root) = moments(&codes, centered, epsilon);
            for l in 0..length {
                let normal = if root == 0.0 { 0.0 } else { (codes[l] - mean) / root };
                let exact = normal * gamma[l] as f64 * f64::from(1 << BITS) + beta[l] as f64;
                let error = (sums[group * length + l] as f64 - exact).abs();
                // Half a unit of what is normalized, times gamma.
                let most = 0.51 * gamma[l].abs() as f64 + 1.0;
                prop_assert!(error <= most, "{error} off {exact}, by more than {most}");
            }
        }
        Ok(())
    });
    result.unwrap();
}

/// The reciprocal of a root has all its bits for whatever variance.
#[test]
fn normalize_scales_any_variance() {
    for exponent in 0..62 {
        for variance in [1i64 << exponent, (1i64 << exponent) + 1, (2i64 << exponent) - 1] {
            let variance = variance.min((1 << 62) - 1);
            let (e, reciprocal) = normalize::reciprocal(variance);
            assert!(e % 2 == 0 && (1i64 << 60..1 << 62).contains(&(variance << e)), "{variance}");
            let exact = 2f64.powi(61) / (variance as f64 * 2f64.powi(e as i32)).sqrt();
            assert!((reciprocal as f64 / exact - 1.0).abs() < 2f64.powi(-29), "{variance}");
        }
    }
}

#[test]
fn matmul_is_that_of_its_heads() {
    // Two heads side by side in rows of 12 of a, and interleaved in b: [1, 2; 3, 4] and so on.
    let parameters: &[(&str, &[i64])] = &[
        ("extents", &[2, 2, 2, 3]),
        ("strides_a", &[2, 4, 1]),
        ("strides_b", &[1, 2, 4]),
        ("offset", &[1, 0]),
        ("zero_points", &[1, -1]),
    ];
    let inputs = [(9, integer(8, true)), (12, integer(16, true))];
    let node = node(&matmul::Matmul, &inputs, 12, 32, parameters);
    assert_eq!(node.operator.check(&node), Ok(()));
    let a: Vec<i64> = (0..9).collect();
    let b: Vec<i64> = (0..12).collect();
    // a - 1: h0 [[0, 1], [4, 5]], h1 [[2, 3], [6, 7]]; b + 1: h0 [[1, 5, 9], [3, 7, 11]], h1 one more.
    let expected = [3, 7, 11, 19, 55, 91, 16, 36, 56, 40, 92, 144];
    assert_eq!(node.operator.evaluate(&node, &[&a, &b]), expected);
    // Bounds of a sum that any codes make: 129 * 32768 * 2.
    assert_eq!(node.operator.sum_bits(&node), 25);
}

#[test]
fn matmul_refuses_sums_that_do_not_fit() {
    let of = |terms: i64, accumulator: u32| {
        let parameters: &[(&str, &[i64])] = &[
            ("extents", &[1, 1, terms, 1]),
            ("strides_a", &[0, 0, 1]),
            ("strides_b", &[0, 1, 0]),
            ("offset", &[0, 0]),
            ("zero_points", &[0, 0]),
        ];
        let inputs = [(terms as usize, integer(16, true)); 2];
        let node = node(&matmul::Matmul, &inputs, 1, accumulator, parameters);
        node.operator.check(&node)
    };
    assert_eq!(of(1, 32), Ok(()));
    let message = "can sum up to 2147483648, more than the 32 bits that accumulator i32 may have";
    assert_eq!(of(2, 32), Err(message.into()));
    assert_eq!(of(2, 64), Ok(()));
}

/// Functions as models have them take a small part of a tile; what jumps at every code does not fit.
#[test]
fn pieces_are_exact_and_small() {
    let of = |f: &dyn Fn(f64) -> f64| -> Vec<i64> {
        let code = |x: i32| (f(f64::from(x)).round() as i64).clamp(-32768, 32767);
        (-32768..32768).map(code).collect()
    };
    let tanh = of(&|x| 32767.0 * (x / 4096.0).tanh());
    let steep = of(&|x| 32767.0 * (x / 2048.0).tanh());
    let square = of(&|x| x * x / 32768.0);
    let bytes = of(&|x| (127.0 * (x / 4096.0).tanh()).round());
    let step = of(&|x| if x < 0.0 { -32768.0 } else { 32767.0 });
    for (table, most) in [(&tanh, 24), (&steep, 40), (&square, 24), (&bytes, 24), (&step, 1)] {
        let pieces = Pieces::of(table).expect("the table is smooth");
        assert!(4 * pieces.words.len() <= most << 10, "{} bytes", 4 * pieces.words.len());
        let parameters: &[(&str, &[i64])] =
            &[("length", &[pieces.length as i64]), ("bits", &[pieces.bits as i64])];
        let inputs = [(piecewise::CODES, integer(16, true))];
        let mut node = node(&piecewise::Piecewise, &inputs, piecewise::CODES, 32, parameters);
        node.output.number = integer(16, true);
        let words = pieces.words.iter().map(|&word| word.into()).collect();
        node.constants.push(constant(integer(32, true), words));
        assert_eq!(node.operator.check(&node), Ok(()));
        let codes: Vec<i64> = (-32768..32768).collect();
        assert_eq!(&node.operator.evaluate(&node, &[&codes]), table);
    }
    assert_eq!(Pieces::of(&of(&|x| 32767.0 * (x * x).sin())), None);
}

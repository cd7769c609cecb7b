//! Comparing results with what was expected.

use super::interface::rows;
use crate::{ir::Error, tensor::Tensor};

/// A value that is not what was expected.
#[derive(Clone, PartialEq, Debug)]
pub struct Mismatch {
    pub index: Vec<usize>,
    pub actual: f64,
    pub expected: f64,
}

/// Where two tensors differ.
#[derive(Clone, PartialEq, Debug)]
pub struct Mismatches {
    /// Elements that differ by more than the tolerance.
    pub count: usize,
    /// Elements compared.
    pub total: usize,
    /// The first few, in order.
    pub first: Vec<Mismatch>,
    /// Largest difference of all elements, infinite if one is NaN and the
    /// other is not.
    pub max_abs: f64,
}

/// Listed in [`Mismatches::first`].
const FEW: usize = 10;

/// Compares element by element; two NaNs are equal.
///
/// Extents may be arranged otherwise, as long as the rows of one are whole rows of the other.
///
/// # Errors
///
/// If the shapes do not fit, or one has floats and the other codes.
pub fn compare(actual: &Tensor, expected: &Tensor, tolerance: f64) -> Result<Mismatches, Error> {
    let features = |tensor: &Tensor| tensor.shape().iter().skip(1).product();
    let whole = |a: &Tensor, b: &Tensor| rows(a.shape(), features(b)).is_some();
    let scalars = actual.shape().is_empty() && expected.shape().is_empty();
    let fits = scalars || whole(actual, expected) || whole(expected, actual);
    if actual.len() != expected.len() || !fits {
        return Err(Error::new("", format_args!("expected {expected}, got {actual}")));
    }
    if actual.dtype().is_float() != expected.dtype().is_float() {
        return Err(Error::new(
            "",
            format_args!(
                "expected {expected}, got {actual}: compare floats with floats and codes with codes"
            ),
        ));
    }
    let differences: Vec<f64> = match (actual.integers(), expected.integers()) {
        (Some(a), Some(b)) => {
            a.iter().zip(&b).map(|(a, b)| (i128::from(*a) - i128::from(*b)).abs() as f64).collect()
        }
        _ => actual
            .numbers()
            .into_iter()
            .zip(expected.numbers())
            .map(|(a, b)| distance(a, b))
            .collect(),
    };
    let (actual_values, expected_values) = (actual.numbers(), expected.numbers());
    let mut mismatches =
        Mismatches { count: 0, total: differences.len(), first: Vec::new(), max_abs: 0.0 };
    for (i, &difference) in differences.iter().enumerate() {
        mismatches.max_abs = mismatches.max_abs.max(difference);
        if difference > tolerance {
            mismatches.count += 1;
            if mismatches.first.len() < FEW {
                mismatches.first.push(Mismatch {
                    index: index(i, actual.shape()),
                    actual: actual_values[i],
                    expected: expected_values[i],
                });
            }
        }
    }
    Ok(mismatches)
}

fn distance(a: f64, b: f64) -> f64 {
    if a == b || a.is_nan() && b.is_nan() {
        0.0
    } else if a.is_nan() || b.is_nan() {
        f64::INFINITY
    } else {
        (a - b).abs()
    }
}

/// The index of the `i`th element.
fn index(mut i: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (position, &extent) in index.iter_mut().zip(shape).rev() {
        *position = i % extent;
        i /= extent;
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Dtype;

    #[test]
    fn finds_what_differs() {
        let of = |values: &[i64]| Tensor::from_integers(vec![2, 2], Dtype::I16, values).unwrap();
        let found = compare(&of(&[1, 2, 3, 9]), &of(&[1, 2, 4, 4]), 1.0).unwrap();
        assert_eq!((found.count, found.total, found.max_abs), (1, 4, 5.0));
        assert_eq!(found.first, [Mismatch { index: vec![1, 1], actual: 9.0, expected: 4.0 }]);
    }

    #[test]
    fn tells_codes_from_floats_and_nan_from_numbers() {
        let floats = |values: &[f32]| Tensor::from_f32(vec![2], values).unwrap();
        let found =
            compare(&floats(&[f32::NAN, f32::NAN]), &floats(&[f32::NAN, 0.0]), 1e9).unwrap();
        assert_eq!((found.count, found.max_abs), (1, f64::INFINITY));
        let codes = Tensor::from_integers(vec![2], Dtype::I8, &[0, 0]).unwrap();
        assert!(compare(&floats(&[0.0, 0.0]), &codes, 0.0).is_err());
        assert!(
            compare(&codes, &Tensor::from_integers(vec![1], Dtype::I8, &[0]).unwrap(), 0.0)
                .is_err()
        );
        let last = Tensor::from_integers(vec![1], Dtype::I64, &[i64::MAX]).unwrap();
        let next = Tensor::from_integers(vec![1], Dtype::I64, &[i64::MAX - 1]).unwrap();
        assert_eq!(compare(&last, &next, 0.0).unwrap().count, 1);
    }
}

//! Arithmetic of constants, as ONNX Runtime computes it: in the type of the elements, each
//! operator rounding by itself.

use super::tensor::{self, Constant, Element, shape_text};

/// How many elements constants may grow to in all when they are broadcast: a small file can say
/// a large tensor by stretching a small one.
const MAX_GROWTH: u64 = 1 << 24;

/// What is left of [`MAX_GROWTH`].
pub struct Growth(u64);

impl Default for Growth {
    fn default() -> Self {
        Growth(MAX_GROWTH)
    }
}

impl Growth {
    /// Takes the elements of a new constant of that shape, made of as many as `from`.
    ///
    /// # Errors
    ///
    /// The text of a refusal.
    pub fn take(&mut self, shape: &[u64], from: u64) -> Result<(), String> {
        let refuse = || format!("makes a constant of {}, which is too large", shape_text(shape));
        let count = tensor::elements(shape).ok_or_else(refuse)?;
        if count > from {
            self.0 = self.0.checked_sub(count).ok_or_else(refuse)?;
        }
        Ok(())
    }
}

/// The shape two shapes broadcast to.
pub fn broadcast(a: &[u64], b: &[u64]) -> Option<Vec<u64>> {
    let rank = a.len().max(b.len());
    let extent = |shape: &[u64], d: usize| {
        (d + shape.len()).checked_sub(rank).map_or(1, |index| shape[index])
    };
    (0..rank)
        .map(|d| match (extent(a, d), extent(b, d)) {
            (x, y) if x == y => Some(x),
            (1, y) => Some(y),
            (x, 1) => Some(x),
            _ => None,
        })
        .collect()
}

/// A constant in a shape it broadcasts to.
pub fn expanded(constant: &Constant, shape: &[u64]) -> Constant {
    if constant.shape == shape {
        return constant.clone();
    }
    let missing = shape.len() - constant.shape.len();
    let mut strides = vec![0; missing];
    for (stride, extent) in constant.strides().into_iter().zip(&constant.shape) {
        strides.push(if *extent == 1 { 0 } else { stride });
    }
    constant.walked(shape.to_vec(), 0, &strides)
}

/// Operators of two tensors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Min,
    Max,
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    And,
    Or,
}

impl Binary {
    pub fn compares(self) -> bool {
        use Binary::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
        matches!(self, Equal | Greater | GreaterOrEqual | Less | LessOrEqual)
    }

    /// `None` if the result is not of the type, or is not defined.
    fn integers(self, element: Element, a: i64, b: i64) -> Option<i64> {
        let result = match self {
            Binary::Add => a.checked_add(b),
            Binary::Sub => a.checked_sub(b),
            Binary::Mul => a.checked_mul(b),
            Binary::Div => a.checked_div(b),
            Binary::Pow => u32::try_from(b).ok().and_then(|b| a.checked_pow(b)),
            Binary::Min => Some(a.min(b)),
            Binary::Max => Some(a.max(b)),
            Binary::Equal => return Some((a == b).into()),
            Binary::Greater => return Some((a > b).into()),
            Binary::GreaterOrEqual => return Some((a >= b).into()),
            Binary::Less => return Some((a < b).into()),
            Binary::LessOrEqual => return Some((a <= b).into()),
            Binary::And => Some(a & b),
            Binary::Or => Some(a | b),
        };
        let (low, high) = element.range();
        result.filter(|result| (low..=high).contains(result))
    }

    fn floats(self, a: f32, b: f32) -> f32 {
        match self {
            Binary::Add => a + b,
            Binary::Sub => a - b,
            Binary::Mul => a * b,
            Binary::Div => a / b,
            Binary::Pow => a.powf(b),
            Binary::Min => a.min(b),
            Binary::Max => a.max(b),
            Binary::Equal => f32::from(a == b),
            Binary::Greater => f32::from(a > b),
            Binary::GreaterOrEqual => f32::from(a >= b),
            Binary::Less => f32::from(a < b),
            Binary::LessOrEqual => f32::from(a <= b),
            Binary::And | Binary::Or => f32::NAN,
        }
    }

    /// The result for two constants of one type.
    ///
    /// # Errors
    ///
    /// The text of a refusal.
    pub fn fold(self, a: &Constant, b: &Constant, growth: &mut Growth) -> Result<Constant, String> {
        let element = a.element;
        let shape = broadcast(&a.shape, &b.shape).ok_or_else(|| {
            let (a, b) = (shape_text(&a.shape), shape_text(&b.shape));
            format!("shapes {a} and {b} do not broadcast")
        })?;
        growth.take(&shape, a.count().max(b.count()) as u64)?;
        let (a, b) = (expanded(a, &shape), expanded(b, &shape));
        match element {
            Element::F32 => {
                let pairs = a.floats().into_iter().zip(b.floats());
                let values: Vec<f32> = pairs.map(|(a, b)| self.floats(a, b)).collect();
                if self.compares() {
                    let values: Vec<i64> = values.iter().map(|&x| (x != 0.0).into()).collect();
                    return Ok(Constant::from_integers(Element::Bool, shape, &values));
                }
                Ok(Constant::from_floats(shape, &values))
            }
            element if element.is_float() => {
                Err(format!("computes with constants of {element}: cast them to float32"))
            }
            _ => {
                let pairs = a.integers().into_iter().zip(b.integers());
                let values: Option<Vec<i64>> =
                    pairs.map(|(a, b)| self.integers(element, a, b)).collect();
                let values = values.ok_or_else(|| {
                    format!("divides constants by 0, or leaves the range of {element}")
                })?;
                let element = if self.compares() { Element::Bool } else { element };
                Ok(Constant::from_integers(element, shape, &values))
            }
        }
    }
}

/// The constant in another type: to integers toward zero and saturating, as ONNX Runtime does
/// within their range and says nothing about beyond.
///
/// # Errors
///
/// The text of a refusal.
pub fn cast(constant: &Constant, to: Element) -> Result<Constant, String> {
    let shape = constant.shape.clone();
    let from = constant.element;
    if from == to {
        return Ok(constant.clone());
    }
    match (from, to) {
        // Held as float32 already.
        (Element::F16 | Element::BF16, Element::F32) => {
            Ok(Constant::from_floats(shape, &constant.floats()))
        }
        (_, Element::F16 | Element::BF16 | Element::F64) => Err(format!(
            "casts a constant of {from} to {to}, which is not supported; supported: to float32, integers, bool"
        )),
        (Element::I64 | Element::I32, Element::F32) => {
            let values: Vec<f32> = constant.integers().into_iter().map(|x| x as f32).collect();
            Ok(Constant::from_floats(shape, &values))
        }
        (_, Element::F32) => {
            let values: Vec<f32> = constant.doubles().into_iter().map(|x| x as f32).collect();
            Ok(Constant::from_floats(shape, &values))
        }
        (_, Element::Bool) => {
            let values: Vec<i64> =
                constant.doubles().into_iter().map(|x| (x != 0.0).into()).collect();
            Ok(Constant::from_integers(to, shape, &values))
        }
        (from, _) => {
            let (low, high) = to.range();
            let values: Vec<i64> = if from.is_float() {
                // `as` goes toward zero and saturates; a NaN becomes 0.
                constant.doubles().into_iter().map(|x| (x as i64).clamp(low, high)).collect()
            } else {
                let values = constant.integers();
                if let Some(value) = values.iter().find(|x| !(low..=high).contains(x)) {
                    return Err(format!("casts {value} to {to}, which does not hold it"));
                }
                values
            };
            Ok(Constant::from_integers(to, shape, &values))
        }
    }
}

/// A function of each element.
///
/// # Errors
///
/// The text of a refusal.
pub fn map(
    constant: &Constant,
    floats: fn(f32) -> f32,
    integers: Option<fn(i64) -> i64>,
) -> Result<Constant, String> {
    let shape = constant.shape.clone();
    match (constant.element, integers) {
        (Element::F32, _) => {
            let values: Vec<f32> = constant.floats().into_iter().map(floats).collect();
            Ok(Constant::from_floats(shape, &values))
        }
        (element, Some(integers)) if element.is_integer() => {
            let (low, high) = element.range();
            let values = constant.integers().into_iter().map(|x| integers(x).clamp(low, high));
            Ok(Constant::from_integers(element, shape, &values.collect::<Vec<_>>()))
        }
        (element, _) => Err(format!("computes with a constant of {element}, needs float32")),
    }
}

/// One of two constants, element by element.
///
/// # Errors
///
/// The text of a refusal.
pub fn select(
    condition: &Constant,
    a: &Constant,
    b: &Constant,
    growth: &mut Growth,
) -> Result<Constant, String> {
    let shape = broadcast(&a.shape, &b.shape).and_then(|shape| broadcast(&shape, &condition.shape));
    let shape = shape.ok_or("has operands whose shapes do not broadcast")?;
    growth.take(&shape, a.count().max(b.count()).max(condition.count()) as u64)?;
    let condition = expanded(condition, &shape).integers();
    let (a, b) = (expanded(a, &shape), expanded(b, &shape));
    let size = a.element.bytes();
    let chunks = a.bytes().chunks_exact(size).zip(b.bytes().chunks_exact(size));
    let bytes = chunks.zip(condition).flat_map(|((a, b), c)| if c != 0 { a } else { b });
    Ok(Constant::from_bytes(a.element, shape, bytes.copied().collect()))
}

//! What goes in and out of a network: floats of the model, or codes.

use crate::{
    array,
    ir::Error,
    tensor::{Dtype, Shape, Tensor},
};

/// How the values of a tensor are said.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Real values, as f32.
    Float,
    /// Integer codes of the quantized type.
    Codes,
}

/// Real value = `scale * (code - zero_point)`.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quantization {
    pub scale: f64,
    pub zero_point: i64,
    /// Smallest and largest code.
    pub range: (i64, i64),
    /// What holds a code.
    pub dtype: Dtype,
}

impl Quantization {
    /// The code of a value: the quotient to the nearest integer, ties to even, then the range.
    /// A NaN becomes the smallest code. The quotient is of f32, as ONNX defines it, and as
    /// `aie4ml-lower-quant` says it of what a model is given.
    pub fn quantize(&self, value: f32) -> i64 {
        self.nearest(f64::from((f64::from(value) / self.scale) as f32))
    }

    /// The code of a value that was computed: the real quotient, as near as f64 has it.
    fn code(&self, value: f64) -> i64 {
        self.nearest(value / self.scale)
    }

    fn nearest(&self, quotient: f64) -> i64 {
        // Behind the quotient everything is exact in f64.
        let (low, high) = self.range;
        let (low, high) = ((low - self.zero_point) as f64, (high - self.zero_point) as f64);
        let raised = if quotient > low { quotient } else { low };
        let limited = if raised < high { raised } else { high };
        limited.round_ties_even() as i64 + self.zero_point
    }

    /// The value of a code, rounded to f32 once.
    pub fn dequantize(&self, code: i64) -> f32 {
        ((code - self.zero_point) as f64 * self.scale) as f32
    }
}

/// One input or output of a network.
#[derive(Clone, PartialEq, Debug)]
pub struct Interface {
    /// As the model names it.
    pub name: String,
    /// Of one iteration: the batch first.
    pub shape: Vec<usize>,
    /// The same elements as the model has them, if that is another shape.
    pub model_shape: Option<Vec<usize>>,
    /// What the level itself takes or gives.
    pub native: Dtype,
    /// `None` if only the native form exists.
    pub quantization: Option<Quantization>,
}

impl Interface {
    /// With the shape that the model has, where that holds as many elements.
    pub fn shaped(self, shape: Option<&Vec<usize>>) -> Self {
        let count = |shape: &[usize]| shape.iter().try_fold(1usize, |a, &b| a.checked_mul(b));
        let shape =
            shape.filter(|shape| **shape != self.shape && count(shape) == count(&self.shape));
        Interface { model_shape: shape.cloned(), ..self }
    }

    /// Rows of one iteration.
    pub fn batch(&self) -> usize {
        self.shape.first().copied().unwrap_or(1)
    }

    /// The form of [`Interface::native`].
    pub fn native_form(&self) -> Form {
        if self.native.is_float() { Form::Float } else { Form::Codes }
    }

    /// Whether values can be said in a form.
    pub fn has(&self, form: Form) -> bool {
        form == self.native_form() || self.quantization.is_some()
    }

    /// Cuts an input into iterations of the native type and shape.
    ///
    /// Floats of 64 bits are rounded to 32. Integers of any type are codes.
    /// Extents may be arranged otherwise, as long as each row stays in one piece.
    ///
    /// # Errors
    ///
    /// If the shape does not fit, a code is out of range, or the input has no
    /// quantization and the other form is given.
    pub fn split(&self, tensor: &Tensor) -> Result<Vec<Tensor>, Error> {
        let refuse = |what: String| Error::new(format_args!("input '{}'", self.name), what);
        let own = self.model_shape.as_ref().unwrap_or(&self.shape);
        let Some(count) = [own, &self.shape].into_iter().find_map(|shape| {
            if tensor.shape().is_empty() && shape.is_empty() {
                return Some(1);
            }
            let (&batch, features) = shape.split_first()?;
            let rows = rows(tensor.shape(), features.iter().product())?;
            (rows > 0 && batch > 0 && rows.is_multiple_of(batch)).then(|| rows / batch)
        }) else {
            return Err(refuse(format!(
                "expected {} or a multiple of its {} rows, got {}",
                Shape(own),
                own.first().copied().unwrap_or(1),
                Shape(tensor.shape())
            )));
        };
        let mut native = self.to_native(tensor).map_err(refuse)?;
        if let [_, features @ ..] = self.shape.as_slice() {
            native = native.reshaped([&[count * self.batch()], features].concat())?;
        }
        native
            .split(self.batch())?
            .into_iter()
            .map(|part| Ok(part.reshaped(self.shape.clone())?))
            .collect()
    }

    fn to_native(&self, tensor: &Tensor) -> Result<Tensor, String> {
        let shape = tensor.shape().to_vec();
        let text = |error: crate::tensor::Error| error.to_string();
        match (self.native.is_float(), tensor.integers()) {
            // Codes to codes.
            (false, Some(codes)) => {
                self.check(&codes, tensor.dtype())?;
                Tensor::from_integers(shape, self.native, &codes).map_err(text)
            }
            // Codes to floats.
            (true, Some(codes)) => {
                let quantization = self.quantization.ok_or_else(|| {
                    format!("has no quantization: expected {}, got {}", self.native, tensor.dtype())
                })?;
                self.check(&codes, tensor.dtype())?;
                let values: Vec<f32> =
                    codes.iter().map(|&code| quantization.dequantize(code)).collect();
                self.floats(shape, &values).map_err(text)
            }
            (native_float, None) => {
                let values = tensor.floats().unwrap_or_default();
                if native_float {
                    if self.native == tensor.dtype() {
                        return Ok(tensor.clone());
                    }
                    return self.floats(shape, &values).map_err(text);
                }
                // Floats to codes.
                let quantization = self.quantization.ok_or_else(|| {
                    format!("has no quantization: expected {}, got {}", self.native, tensor.dtype())
                })?;
                let codes: Vec<i64> =
                    values.iter().map(|&value| quantization.quantize(value)).collect();
                Tensor::from_integers(shape, self.native, &codes).map_err(text)
            }
        }
    }

    /// Refuses codes outside the declared range.
    fn check(&self, codes: &[i64], given: Dtype) -> Result<(), String> {
        let (low, high) = match &self.quantization {
            Some(quantization) => quantization.range,
            None => self.native.range().unwrap_or((i64::MIN, i64::MAX)),
        };
        match codes.iter().position(|code| !(low..=high).contains(code)) {
            None => Ok(()),
            Some(i) => Err(format!(
                "code {} at element {i} is outside [{low}, {high}]; integers ({given}) are codes, real values are float32",
                codes[i]
            )),
        }
    }

    /// Joins the iterations of an output and says them in a form. Parts of a native type of 32-bit
    /// floats may be of 64 bits, which keep codes of 32 bits apart.
    ///
    /// # Errors
    ///
    /// If the output has no such form.
    pub fn join(&self, parts: &[Tensor], form: Form) -> Result<Tensor, Error> {
        let mut whole = Tensor::concatenate(parts)?;
        if let Some([first, rest @ ..]) = self.model_shape.as_deref() {
            whole = whole.reshaped([&[first * parts.len()], rest].concat())?;
        }
        let shape = whole.shape().to_vec();
        if form == self.native_form() {
            return Ok(match whole.floats() {
                _ if form == Form::Codes => whole.reinterpreted(self.native)?,
                Some(values) if self.native == Dtype::F32 => Tensor::from_f32(shape, &values)?,
                _ => whole,
            });
        }
        let Some(quantization) = self.quantization else {
            let what = if form == Form::Codes { "codes" } else { "floats" };
            return Err(Error::new(
                format_args!("output '{}'", self.name),
                format_args!("has no quantization, so no {what}"),
            ));
        };
        Ok(match form {
            Form::Codes => {
                let values = whole.numbers().into_iter();
                let codes: Vec<i64> = values.map(|value| quantization.code(value)).collect();
                Tensor::from_integers(shape, quantization.dtype, &codes)?
            }
            Form::Float => {
                let codes = whole.reinterpreted(self.native)?.integers().unwrap_or_default();
                let values: Vec<f32> =
                    codes.iter().map(|&code| quantization.dequantize(code)).collect();
                Tensor::from_f32(shape, &values)?
            }
        })
    }

    fn floats(&self, shape: Vec<usize>, values: &[f32]) -> Result<Tensor, crate::tensor::Error> {
        if self.native == Dtype::F64 {
            let data = values.iter().flat_map(|&v| f64::from(v).to_le_bytes()).collect();
            return Tensor::new(shape, Dtype::F64, data);
        }
        Tensor::from_f32(shape, values)
    }
}

/// Rows of a tensor whose last extents are so many features: the product of the others, of which
/// there is at least one.
pub fn rows(shape: &[usize], features: usize) -> Option<usize> {
    let product = |extents: &[usize]| extents.iter().product::<usize>();
    let first = (1..=shape.len()).find(|&first| product(&shape[first..]) == features)?;
    Some(product(&shape[..first]))
}

/// The interface of an array program, whose native form are codes.
impl TryFrom<&array::Interface> for Interface {
    type Error = Error;

    /// # Errors
    ///
    /// If its elements are no integers.
    fn try_from(interface: &array::Interface) -> Result<Self, Error> {
        let bits = 8 * interface.element.bytes() as u32;
        let integer = !matches!(interface.element, array::Element::Bf16 | array::Element::F32);
        let native =
            Dtype::integer(bits, interface.signed).filter(|_| integer).ok_or_else(|| {
                Error::new(
                    format_args!("'{}'", interface.name),
                    format_args!("holds {:?}, not codes", interface.element),
                )
            })?;
        Ok(Interface {
            name: interface.name.clone(),
            shape: vec![interface.batch, interface.columns],
            model_shape: None,
            native,
            quantization: Some(Quantization {
                scale: interface.scale,
                zero_point: interface.zero_point,
                range: interface.range,
                dtype: native,
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(quantization: Option<Quantization>, native: Dtype) -> Interface {
        Interface { name: "x".into(), shape: vec![2, 3], model_shape: None, native, quantization }
    }
    const HALVES: Quantization =
        Quantization { scale: 0.5, zero_point: 3, range: (0, 255), dtype: Dtype::U8 };

    #[test]
    fn quantizes_to_the_nearest_code() {
        let values =
            [0.25, 0.75, -0.25, -1.5, 1e9, -1e9, f32::INFINITY, f32::NEG_INFINITY, f32::NAN];
        let expected = [3, 5, 3, 0, 255, 0, 255, 0, 0];
        assert_eq!(values.map(|value| HALVES.quantize(value)), expected);
        assert_eq!([0, 3, 255].map(|code| HALVES.dequantize(code)), [-1.5, 0.0, 126.0]);
    }

    /// The real quotient is 3.4999999; the nearest f32 is a tie.
    #[test]
    fn divides_in_f32_what_is_given() {
        let tenths = Quantization { scale: f64::from(0.1f32), zero_point: 0, ..HALVES };
        assert_eq!((tenths.quantize(0.35), tenths.code(f64::from(0.35f32))), (4, 3));
    }

    #[test]
    fn keeps_codes_at_32_bits() {
        let wide = Quantization {
            scale: 1.0,
            zero_point: 0,
            range: (i32::MIN.into(), i32::MAX.into()),
            dtype: Dtype::I32,
        };
        assert_eq!(
            [4e9, -4e9].map(|value| wide.quantize(value)),
            [i32::MAX, i32::MIN].map(i64::from)
        );
    }

    #[test]
    fn cuts_iterations_of_floats_and_codes() {
        let interface = codes(Some(HALVES), Dtype::U8);
        let floats = Tensor::from_f32(vec![4, 3, 1], &[0.5; 12]).unwrap();
        let parts = interface.split(&floats).unwrap();
        assert_eq!((parts.len(), parts[1].to_string()), (2, "2x3 uint8".into()));
        assert_eq!(parts[1].integers(), Some(vec![4; 6]));
        assert_eq!(interface.join(&parts, Form::Float).unwrap().numbers(), vec![0.5; 12]);
        let wide = Tensor::from_integers(vec![2, 3], Dtype::I64, &[0, 1, 2, 3, 4, 255]).unwrap();
        assert_eq!(interface.split(&wide).unwrap()[0].data(), [0, 1, 2, 3, 4, 255]);
    }

    /// A model flattens 2 rows of 3 to one row.
    #[test]
    fn takes_and_gives_the_shape_of_the_model() {
        let flat = Interface { shape: vec![1, 6], ..codes(None, Dtype::I8) };
        let interface = flat.shaped(Some(&vec![2, 3]));
        for (shape, iterations) in
            [(vec![2, 3], 1), (vec![1, 6], 1), (vec![4, 3], 2), (vec![2, 6], 2), (vec![2, 2, 3], 2)]
        {
            let values: Vec<i64> = (0..6 * iterations as i64).collect();
            let tensor = Tensor::from_integers(shape.clone(), Dtype::I8, &values).unwrap();
            let parts = interface.split(&tensor).unwrap();
            assert_eq!((parts.len(), parts[0].shape()), (iterations, &[1, 6][..]), "{shape:?}");
            let joined = interface.join(&parts, Form::Codes).unwrap();
            assert_eq!(joined.shape(), [2 * iterations, 3]);
            assert_eq!(joined.integers(), Some(values));
        }
        let wrong = Tensor::from_integers(vec![3, 3], Dtype::I8, &[0; 9]).unwrap();
        assert!(interface.split(&wrong).unwrap_err().to_string().contains("expected 2x3"));
    }

    #[test]
    fn says_what_it_expects() {
        let interface = codes(Some(HALVES), Dtype::U8);
        let error = |shape: &[usize], value| {
            let count = shape.iter().product();
            let tensor =
                Tensor::from_integers(shape.to_vec(), Dtype::I16, &vec![value; count]).unwrap();
            interface.split(&tensor).unwrap_err().to_string()
        };
        assert_eq!(
            error(&[3, 3], 0),
            "input 'x': expected 2x3 or a multiple of its 2 rows, got 3x3"
        );
        assert_eq!(
            error(&[0, 3], 0),
            "input 'x': expected 2x3 or a multiple of its 2 rows, got 0x3"
        );
        assert_eq!(error(&[6], 0), "input 'x': expected 2x3 or a multiple of its 2 rows, got 6");
        assert!(error(&[2, 3], 256).contains("code 256 at element 0 is outside [0, 255]"));
        let plain = codes(None, Dtype::I8);
        let floats = Tensor::from_f32(vec![2, 3], &[0.0; 6]).unwrap();
        assert_eq!(
            plain.split(&floats).unwrap_err().to_string(),
            "input 'x': has no quantization: expected int8, got float32"
        );
        let results = Tensor::from_integers(vec![2, 3], Dtype::I8, &[0; 6]).unwrap();
        assert!(
            plain.join(&[results], Form::Float).unwrap_err().to_string().contains("so no floats")
        );
    }
}

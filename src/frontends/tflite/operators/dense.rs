//! `FULLY_CONNECTED`.

use super::{
    super::{
        super::Error,
        arithmetic::{Multiplier, round_once},
        ir::{self, Rescale, Rounding},
        tensor::{Element, Shape},
    },
    Lowering, Node,
};

/// What an int32 can hold.
const I32: (i64, i64) = (i32::MIN as i64, i32::MAX as i64);

/// `output = clamp(round(double(sum) * scale) + zero point)`.
///
/// The reference kernel sums in int32 and scales in `double`.
pub fn fully_connected(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    node.at_most(3)?;
    let (input, weights, output) = (node.input(0)?, node.input(1)?, node.output);
    if node.options.byte(1)? != 0 {
        return Err(Error::new("", "has shuffled weights, which are not supported"));
    }
    let keep_dimensions = node.options.flag_or(2, false)?;
    let activation = node.activation(0)?;
    lowering.same_type(&[input, output], &[Element::I8, Element::U8])?;
    let (x, y) = (lowering.codes(input)?, lowering.codes(output)?);

    let tensor = lowering.tensor(weights);
    let allowed: &[Element] = match lowering.tensor(input).element()? {
        Element::U8 => &[Element::U8],
        _ => &[Element::I8, Element::I4],
    };
    lowering.same_type(&[weights], allowed)?;
    let &[features, depth] = tensor.shape.as_slice() else {
        let shape = Shape(&tensor.shape);
        return lowering.refuse(weights, format_args!("has shape {shape}, needs 2 dimensions"));
    };
    let codes = lowering.constant(weights)?;
    let scales = lowering.weight_scales(weights, features, 0)?;
    let zero_point = lowering.weight_zero_point(weights, &scales)?;

    let value = lowering.value(input)?;
    let shape = ir::shape(value);
    let total: u64 = shape.iter().product();
    if !total.is_multiple_of(depth) || (keep_dimensions && shape.last() != Some(&depth)) {
        return lowering.refuse(
            input,
            format_args!("has shape {}, whose elements are no rows of {depth}", Shape(&shape)),
        );
    }
    let rows = total / depth;
    let mut made = vec![rows, features];
    if keep_dimensions {
        made = shape;
        made.pop();
        made.push(features);
    }

    let bias = match node.optional(2) {
        Some(bias) => {
            let bias = lowering.bias(bias, features)?;
            if let &[(scale, _)] = scales.as_slice() {
                lowering.check_bias_scale(node, scale)?;
            }
            Some(bias)
        }
        None => None,
    };

    // The sums that can occur in each channel, which wrap if they exceed int32.
    let (low, high) = (-128 - x.zero_point, 127 - x.zero_point);
    let sums: Vec<(i64, i64)> = codes
        .chunks_exact(depth as usize)
        .enumerate()
        .map(|(channel, row)| {
            let start = bias.as_ref().map_or(0, |bias| bias[channel]);
            let (least, most) = row.iter().fold((start, start), |(least, most), weight| {
                let (a, b) = ((weight - zero_point) * low, (weight - zero_point) * high);
                (least + a.min(b), most + a.max(b))
            });
            if least < I32.0 || most > I32.1 { I32 } else { (least, most) }
        })
        .collect();
    let limits = lowering.limits(output, activation)?;
    let reached = (limits.0 - y.zero_point, limits.1 - y.zero_point);
    let multiplier = |scale: f32, sums: (i64, i64)| -> Result<Multiplier, Error> {
        let factor = f64::from(x.scale) * f64::from(scale) / f64::from(y.scale);
        let largest = sums.0.abs().max(sums.1.abs()) as f64 * factor;
        if !factor.is_normal() || largest >= f64::from(i32::MAX - 256) {
            return Err(Error::new(
                "",
                format!("the factor {factor:e} to the output's scale is too large for its sums"),
            ));
        }
        round_once(factor, sums, reached).ok_or_else(|| {
            Error::new(
                "",
                format!(
                    "no multiplier of 31 bits rounds as the reference kernel does, which multiplies by {factor:e}"
                ),
            )
        })
    };
    let multipliers = match scales.as_slice() {
        &[(scale, _)] => {
            let all = sums.iter().copied().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
            vec![multiplier(scale, all.unwrap_or((0, 0)))?]
        }
        scales => scales
            .iter()
            .zip(&sums)
            .map(|(&(scale, _), &sums)| multiplier(scale, sums))
            .collect::<Result<_, _>>()?,
    };

    let mut columns = vec![0; codes.len()];
    for (index, &code) in codes.iter().enumerate() {
        let (feature, k) = (index / depth as usize, index % depth as usize);
        columns[k * features as usize + feature] = code;
    }
    let ir = &lowering.ir;
    let value = ir.reshape(value, &[1, rows, depth])?;
    let operands = [
        value,
        ir.constant(&[1, depth, features], 8, &columns)?,
        ir.scalar(8, x.zero_point)?,
        ir.scalar(8, zero_point)?,
    ];
    let mut sum = ir.op("tosa.matmul", &operands, &[], ir.tensor(&[1, rows, features], 32))?;
    if let Some(bias) = bias {
        let bias = ir.constant(&[1, 1, features], 32, &bias)?;
        sum = ir.op("tosa.add", &[sum, bias], &[], ir.tensor(&[1, rows, features], 32))?;
    }
    let rescale = Rescale {
        multipliers: &multipliers,
        rounding: Rounding::Single,
        zero_points: (0, y.zero_point),
        bits: 8,
    };
    let value = ir.clamp(ir.rescale(sum, &rescale)?, limits)?;
    let value = ir.reshape(value, &made)?;
    lowering.define(output, value)
}

impl Lowering<'_, '_, '_> {
    /// One scale, or one for each channel of the dimension.
    pub(super) fn weight_scales(
        &self,
        weights: usize,
        channels: u64,
        dimension: i32,
    ) -> Result<Vec<(f32, i64)>, Error> {
        let tensor = self.tensor(weights);
        let scales = tensor.scales(channels)?;
        let axis = tensor.quantization.axis;
        if scales.len() > 1 && axis != dimension {
            return self.refuse(
                weights,
                format_args!("has its scales along dimension {axis}, needs {dimension}"),
            );
        }
        Ok(scales)
    }

    /// The zero point of weights as they are computed with. The kernels know none of weights
    /// with a scale for each channel.
    pub(super) fn weight_zero_point(
        &self,
        weights: usize,
        scales: &[(f32, i64)],
    ) -> Result<i64, Error> {
        let unsigned = self.tensor(weights).element()? == Element::U8;
        match scales {
            &[(_, zero_point)] => Ok(if unsigned { zero_point - 128 } else { zero_point }),
            scales => match scales.iter().find(|(_, zero_point)| *zero_point != 0) {
                Some((_, zero_point)) => self.refuse(
                    weights,
                    format_args!(
                        "has zero point {zero_point} and scales per channel, needs zero point 0"
                    ),
                ),
                None => Ok(0),
            },
        }
    }

    /// A bias of int32, one number for each channel.
    pub(super) fn bias(&self, bias: usize, channels: u64) -> Result<Vec<i64>, Error> {
        self.same_type(&[bias], &[Element::I32])?;
        let values = self.tensor(bias).integers()?;
        if values.len() as u64 != channels {
            return self.refuse(
                bias,
                format_args!("has {} elements for {channels} channels", values.len()),
            );
        }
        Ok(values)
    }

    /// The kernels take a bias as codes of the sum, and refuse one of quite another scale.
    pub(super) fn check_bias_scale(&self, node: &Node, weight_scale: f32) -> Result<(), Error> {
        let Some(bias) = node.optional(2) else { return Ok(()) };
        let (x, y) = (self.codes(node.input(0)?)?, self.codes(node.output)?);
        let product = f64::from(x.scale) * f64::from(weight_scale);
        let scale = f64::from(self.tensor(bias).quantization.scales.get(0).unwrap_or(0.0));
        let difference = (product - scale).abs() / f64::from(y.scale);
        if difference.is_nan() || difference > 0.02 {
            return self.refuse(
                bias,
                format_args!("has scale {scale:e}, needs that of the sum, {product:e}"),
            );
        }
        Ok(())
    }
}

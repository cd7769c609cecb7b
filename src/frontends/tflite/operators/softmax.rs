//! `SOFTMAX`.

use melior::ir::{Value, ValueLike};

use super::{
    super::{
        super::Error,
        exponential,
        ir::{self, Ir},
        tensor::{Element, Shape},
    },
    Lowering, Node,
};

/// Terms that a row may have: their sum has 12 bits before the point.
const LONGEST: u64 = 4095;

/// The exponential of each code less the largest, times the reciprocal of their sum, all in
/// fixed point; 8 bits behind the point are kept.
pub fn softmax(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    node.at_most(1)?;
    let (input, output) = (node.input(0)?, node.output);
    let beta = node.options.float(0)?;
    lowering.same_type(&[input, output], &[Element::I8, Element::U8])?;
    let (x, y) = (lowering.codes(input)?, lowering.codes(output)?);
    // The kernel computes these codes, whatever the tensor says.
    if y.zero_point != -128 || (y.scale - 1.0 / 256.0).abs() > 0.001 / 256.0 {
        return lowering.refuse(
            output,
            "is not quantized with scale 1/256 and the smallest code for 0, as softmax needs",
        );
    }
    let factor = f64::from(beta) * f64::from(x.scale);
    let table = exponential::table(factor).ok_or_else(|| {
        Error::new("", format!("has beta {beta} and an input of scale {}", x.scale))
    })?;
    let value = lowering.value(input)?;
    let shape = ir::shape(value);
    let Some(&terms) = shape.last().filter(|&&terms| terms <= LONGEST) else {
        return Err(Error::new(
            "",
            format!("has rows of {}; at most {LONGEST} are supported", Shape(&shape)),
        ));
    };
    let rows = shape.iter().product::<u64>() / terms;

    let ir = &lowering.ir;
    let wide = ir.tensor(&[rows, terms], 32);
    let column = ir.tensor(&[rows, 1], 32);
    let axis = [("axis", ir.number(32, 1))];
    let number = |value: i64| ir.constant(&[1, 1], 32, &[value]);

    // From 127 for the largest code of a row down to -128, the place in the table.
    let codes = ir.reshape(value, &[rows, terms])?;
    let largest = ir.op("tosa.reduce_max", &[codes], &axis, ir.tensor(&[rows, 1], 8))?;
    let codes = ir.op("tosa.cast", &[codes], &[], wide)?;
    let largest = ir.op("tosa.cast", &[largest], &[], column)?;
    let difference = ir.op("tosa.sub", &[codes, largest], &[], wide)?;
    let place = ir.op("tosa.add", &[difference, number(127)?], &[], wide)?;
    let place = ir.op("tosa.cast", &[place], &[], ir.tensor(&[rows, terms], 8))?;
    let exponentials = lookup(ir, place, &table)?;

    // The sum keeps 19 bits behind the point.
    let twelve = number(12)?;
    let round = [("round", ir.flag(true))];
    let terms = ir.op("tosa.arithmetic_right_shift", &[exponentials, twelve], &round, wide)?;
    let sum = ir.op("tosa.reduce_sum", &[terms], &axis, column)?;
    let zeros = ir.op("tosa.clz", &[sum], &[], column)?;
    let reciprocal = reciprocal(ir, sum, zeros)?;

    let product = multiply(ir, exponentials, reciprocal, wide)?;
    // 23 bits and those before the point of the sum; where that is more than 31, the reference
    // kernel gives up.
    let bits = ir.op("tosa.sub", &[number(35)?, zeros], &[], column)?;
    let bits = ir.op("tosa.minimum", &[bits, number(31)?], &[], column)?;
    let result = ir.op("tosa.arithmetic_right_shift", &[product, bits], &round, wide)?;
    let result = ir.op("tosa.sub", &[result, number(128)?], &[], wide)?;
    let result = ir.op("tosa.minimum", &[result, number(127)?], &[], wide)?;
    let result = ir.op("tosa.cast", &[result], &[], codes_type(ir, value, rows))?;
    let result = ir.reshape(result, &shape)?;
    lowering.define(output, result)
}

fn codes_type<'c>(ir: &Ir<'c, '_>, value: Value<'c, '_>, rows: u64) -> melior::ir::Type<'c> {
    let count: u64 = ir::shape(value).iter().product();
    ir.tensor(&[rows, count / rows], 8)
}

/// Numbers of 32 bits from a table of 8-bit codes: `tosa.table` has entries of 8 bits, so four of
/// them, each less 128 to be signed. `table[0]` is that of code 127, and so on downwards.
fn lookup<'c, 'a>(
    ir: &Ir<'c, 'a>,
    codes: Value<'c, 'a>,
    table: &[i64],
) -> Result<Value<'c, 'a>, Error> {
    let shape = ir::shape(codes);
    let wide = ir.tensor(&shape, 32);
    let mut sum: Option<Value> = None;
    for byte in (0..4).rev() {
        let entries: Vec<i64> =
            table.iter().rev().map(|entry| ((entry >> (8 * byte)) & 0xff) - 128).collect();
        let entries = ir.constant(&[256], 8, &entries)?;
        let part = ir.op("tosa.table", &[codes, entries], &[], codes.r#type())?;
        let part = ir.op("tosa.cast", &[part], &[], wide)?;
        sum = Some(match sum {
            None => part,
            Some(upper) => {
                let upper = ir.op(
                    "tosa.logical_left_shift",
                    &[upper, ir.constant(&[1, 1], 32, &[8])?],
                    &[],
                    wide,
                )?;
                ir.op("tosa.add", &[upper, part], &[], wide)?
            }
        });
    }
    // The 128 of all bytes, modulo 2^32.
    let all = ir.constant(&[1, 1], 32, &[i64::from(0x8080_8080_u32 as i32)])?;
    match sum {
        Some(sum) => ir.op("tosa.add", &[sum, all], &[], wide),
        None => Err(ir::bug("a number without bytes")),
    }
}

/// The upper half of the doubled product, ties up.
fn multiply<'c, 'a>(
    ir: &Ir<'c, 'a>,
    a: Value<'c, 'a>,
    b: Value<'c, 'a>,
    result: melior::ir::Type<'c>,
) -> Result<Value<'c, 'a>, Error> {
    ir.op("tosa.mul", &[a, b, ir.scalar(8, 31)?], &[], result)
}

/// `1 / x` for `x` brought to 1..2 by its leading zeros, 31 bits behind the point: three steps of
/// Newton from `48/17 - 32/17 * x/2`.
fn reciprocal<'c, 'a>(
    ir: &Ir<'c, 'a>,
    sum: Value<'c, 'a>,
    zeros: Value<'c, 'a>,
) -> Result<Value<'c, 'a>, Error> {
    let r#type = sum.r#type();
    let number = |value: i64| ir.constant(&[1, 1], 32, &[value]);
    let op = |name: &str, a, b| ir.op(name, &[a, b], &[], r#type);
    // Half of it has 32 bits behind the point, so that its sign is none.
    let shifted = op("tosa.logical_left_shift", sum, zeros)?;
    let half = op("tosa.logical_right_shift", shifted, number(1)?)?;
    let first = multiply(ir, half, number(-1_010_580_540)?, r#type)?;
    let mut x = op("tosa.add", first, number(1_515_870_810)?)?;
    for _ in 0..3 {
        let product = multiply(ir, half, x, r#type)?;
        let rest = op("tosa.sub", number(1 << 29)?, product)?;
        let step = multiply(ir, x, rest, r#type)?;
        // From 4 to 2 bits before the point.
        let step = op("tosa.logical_left_shift", step, number(2)?)?;
        x = op("tosa.add", x, step)?;
    }
    // From 1 bit before the point to none, where 1 is the largest number.
    let doubled = op("tosa.logical_left_shift", x, number(1)?)?;
    let boolean = ir.tensor(&ir::shape(sum), 1);
    let one = ir.op("tosa.greater_equal", &[x, number(1 << 30)?], &[], boolean)?;
    ir.op("tosa.select", &[one, number(i64::from(i32::MAX))?, doubled], &[], r#type)
}

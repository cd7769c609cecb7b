//! What the sums of a layer are as codes.

use crate::{
    dialect::scalar,
    mlir::{constant, quant::Uniform, rewrite},
};
use melior::ir::{OperationRef, Value, ValueLike, operation::OperationLike};

/// The sums of a product of codes with constant codes, as real arithmetic gives them; `None` if the
/// op is no such product, if its weights have several scales, or 32 bits may not hold every sum.
pub fn of(op: OperationRef) -> Option<Uniform> {
    if !rewrite::is(&op, "tosa.matmul") {
        return None;
    }
    let (x, w) = (op.operand(0).ok()?, op.operand(1).ok()?);
    let ((x, constant), (w, true)) = (coded(x)?, coded(w)?) else { return None };
    let (extents, _) = constant::shaped(op.operand(1).ok()?.r#type())?;
    let [_, inner, _] = extents[..] else { return None };
    let reach = |codes: &Uniform| {
        (codes.min - codes.zero_point)
            .unsigned_abs()
            .max((codes.max - codes.zero_point).unsigned_abs())
    };
    let largest = reach(&x).checked_mul(reach(&w))?.checked_mul(u64::try_from(inner).ok()?)?;
    let fits = largest <= i32::MAX.unsigned_abs().into();
    (fits && !constant).then_some(Uniform {
        bits: 32,
        signed: true,
        scale: x.scale * w.scale,
        zero_point: 0,
        min: i32::MIN.into(),
        max: i32::MAX.into(),
    })
}

/// What codes real values come from, and whether they are constant.
fn coded<'c: 'a, 'a>(mut value: Value<'c, 'a>) -> Option<(Uniform, bool)> {
    loop {
        let op = constant::defining_op(value)?;
        value = op.operands().next()?;
        if rewrite::is(&op, "quant.dcast") {
            break;
        }
        if !scalar::arranges(&op) {
            return None;
        }
    }
    let codes = Uniform::of(scalar::element(value.r#type()))?;
    let mut constant = false;
    while let Some(op) = constant::defining_op(value) {
        constant = rewrite::is(&op, "tosa.const");
        match op.operands().next() {
            Some(operand) => value = operand,
            None => break,
        }
    }
    Some((codes, constant))
}

use crate::{
    dialect::scalar,
    mlir::{
        constant,
        pass::{self, Pass, fail},
        rewrite,
    },
};
use melior::ir::{OperationRef, Type, TypeLike, ValueLike, operation::OperationLike};

crate::pass! {
    /// Compute in f64 where a function computes in f32.
    ///
    /// The real numbers of a model are its meaning, and f64 is near enough to
    /// them that sums of codes are exact up to 2^53. Every f32 becomes f64, in
    /// constants and in the function's type as well, where a constant is the same
    /// number; casts between the two are nothing. Other floats stay: rounding to
    /// them is what the model says. So does an `arith.truncf` with a rounding
    /// mode: it says that f32 is meant.
    ///
    /// Before: linalg, arith, math and tensor. `tosa` must be lowered by then,
    /// some of its lowerings are for f32 only. Refuses to read the bits of a float.
    pub struct WidenFloats: "aie4ml-widen-floats" on "func.func" {}
}

impl Pass for WidenFloats {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        let ops = scalar::nested(func);
        let is_narrow = |r#type: Type| scalar::element(r#type).is_f32();
        for op in &ops {
            let narrow = op.operands().any(|value| is_narrow(value.r#type()))
                || op.results().any(|value| is_narrow(value.r#type()));
            if narrow
                && ["arith.bitcast", "tensor.bitcast"].iter().any(|name| rewrite::is(op, name))
            {
                return Err(fail(op, "reads the bits of an f32, which is computed in f64"));
            }
        }
        let context = rewrite::context(func.location());
        let f64 = Type::float64(context);
        for op in &ops {
            if rewrite::is(op, "arith.constant")
                && let Ok(value) = op.attribute("value")
                && is_narrow(constant::type_of(value))
            {
                let wide = constant::widened(context, value).ok_or_else(|| {
                    fail(
                        op,
                        "is a constant that cannot be read: write its numbers out, as 'dense<...>'",
                    )
                })?;
                rewrite::set_attribute(*op, "value", wide);
            }
        }
        scalar::retype(func, |element| element.is_f32().then_some(f64));
        for op in &ops {
            if rewrite::is(op, "arith.truncf")
                && op.has_attribute("roundingmode")
                && let (Ok(from), Ok(to)) = (op.operand(0), op.result(0))
                && from.r#type() == to.r#type()
            {
                to.set_type(scalar::with_element(to.r#type(), Type::float32(context)));
            }
        }
        for op in ops {
            let casts = rewrite::is(&op, "arith.extf") || rewrite::is(&op, "arith.truncf");
            if let (true, Ok(from), Ok(to)) = (casts, op.operand(0), op.result(0))
                && from.r#type() == to.r#type()
            {
                rewrite::replace_uses(to.into(), from);
                rewrite::erase(op);
            }
        }
        Ok(())
    }
}

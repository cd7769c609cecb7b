//! Rewrites, with `d` a dense layer or an add, each only where the inner value has no other use:
//!
//! ```text
//! f(sum), g(sum)                  = f(sum), g(sum')     each with sums of its own
//! bias_add(d(x, w), b)            = d(x, w, b)
//! requantize(d, r)                = d with r appended
//! clamp(d ... r)                  = d with r's limits narrowed
//! clamp(requantize(x, r), l, h)   = requantize(x, r with limits narrowed)
//! requantize(clamp(x, l, h), r)   = requantize(x, r with limits r(l), r(h)), r monotone
//! d ... r, s                      = d ... r narrowed by s, if s only clamps
//! ```

use crate::{
    dialect::aie4ml::{self, BIAS_ADD, CLAMP, Codes, Dense, Layer, Operator, REQUANTIZE},
    exact::{Overflow, Requant},
    mlir::{
        constant,
        fields::Fields,
        pass::{self, Pass},
        rewrite,
    },
};
use melior::ir::{
    OperationRef, Value, ValueLike, attribute::IntegerAttribute, operation::OperationLike,
};

crate::pass! {
    /// Fuse bias, activation and requantization into their layer.
    ///
    /// Before: layers followed by `aie4ml.bias_add`, `aie4ml.clamp` and
    /// `aie4ml.requantize`. After: one op per layer where that is exact. What
    /// cannot be fused exactly stays as it is. Sums that are quantized in several
    /// ways are computed for each of them: only codes leave a layer.
    pub struct Fuse: "aie4ml-fuse" on "func.func" {}
}

impl Pass for Fuse {
    fn run<'c>(&self, func: OperationRef<'c, '_>) -> pass::Result<'c> {
        let Some(body) = rewrite::body(func) else { return Ok(()) };
        // From the last op on: what a sum is made of is then copied as well.
        rewrite::ops(body).into_iter().rev().for_each(copy_sums);
        // Ops come after what they use, so one walk sees every chain from its start.
        for op in rewrite::ops(body) {
            let name = op.name();
            let name = name.as_string_ref();
            match name.as_str().unwrap_or_default() {
                BIAS_ADD => bias_add(op),
                REQUANTIZE => requantize(op),
                CLAMP => clamp(op),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Gives every user of an op's sums an op of its own.
fn copy_sums(op: OperationRef) {
    let Ok(result) = op.result(0) else { return };
    let ours = op.name().as_string_ref().as_str().is_ok_and(|name| name.starts_with("aie4ml."));
    if !ours || Codes::of(result.r#type()).is_none_or(|codes| codes.bits < 32) {
        return;
    }
    for user in rewrite::users(result.into()).into_iter().skip(1) {
        // What is returned is not fused.
        if rewrite::is(&user, "func.return") {
            continue;
        }
        let copy = rewrite::insert_before(op, (*op).clone());
        let value = copy.result(0).expect("it has the result of the op that it copies");
        for index in 0..user.operand_count() {
            if user.operand(index) == Ok(result.into()) {
                rewrite::set_operand(user, index, value.into());
            }
        }
    }
}

/// Whether a layer requantizes what it sums up.
fn has_sums(layer: &Layer) -> bool {
    Operator::of(layer.op)
        .is_none_or(|operator| operator.node(false).is_ok_and(|node| node.operator.has_sums()))
}

/// The layer that makes an op's first operand, if nothing else uses it.
fn layer_before<'c, 'a>(op: OperationRef<'c, 'a>) -> Option<Layer<'c, 'a>> {
    let value = op.operand(0).ok()?;
    let layer = Layer::of(constant::defining_op(value)?)?;
    (rewrite::users(value).len() == 1).then_some(layer)
}

/// Replaces a layer and the op after it by a layer with these operands and stages.
fn replace<'c>(
    layer: Layer<'c, '_>,
    after: OperationRef<'c, '_>,
    operands: &[Value<'c, '_>],
    stages: &[Requant],
) {
    let context = rewrite::context(after.location());
    let result = after.result(0).expect("every op of the dialect has a result");
    let mut attributes = vec![("requant", aie4ml::list(context, stages))];
    // What it computes, and what the user has decided of its mapping.
    let names = ["accumulator", "factors", "kind", "parameters", "operandSegmentSizes"];
    for name in names.into_iter().chain(["microtile", "split", "packing", "place"]) {
        attributes.extend(layer.op.attribute(name).ok().map(|given| (name, given)));
    }
    let name = layer.op.name();
    let name = name.as_string_ref().as_str().unwrap_or_default().to_string();
    let new = aie4ml::build(&name, layer.op.location(), operands, &attributes, result.r#type());
    let new = rewrite::insert_before(after, new);
    let value = new.result(0).expect("a layer has a result");
    rewrite::replace_uses(result.into(), value.into());
    rewrite::erase(after);
    rewrite::erase(layer.op);
}

fn bias_add(op: OperationRef) {
    let Some(layer) = layer_before(op).and_then(|layer| Dense::of(layer.op)) else { return };
    let Ok(bias) = op.operand(1) else { return };
    if layer.bias().is_none() && layer.requant().is_empty() {
        replace(*layer, op, &[layer.input(), layer.weights(), bias], &[]);
    }
}

fn operands<'c, 'a>(layer: Layer<'c, 'a>) -> Vec<Value<'c, 'a>> {
    layer.op.operands().collect()
}

fn requantize(op: OperationRef) {
    let Some(mut requant) = aie4ml::read::<Requant>(op, "requant") else { return };
    let Ok(result) = op.result(0) else { return };
    let Some(output) = Codes::of(result.r#type()) else { return };

    // A clamp before it becomes its limits, if these are the same for all channels. Wrapping
    // is not monotone, and a negative factor turns the order around.
    if let Some(inner) = op.operand(0).ok().and_then(constant::defining_op)
        && rewrite::is(&inner, CLAMP)
        && requant.overflow != Overflow::Wrap
        && requant.channels().is_none()
        && let (Some(low), Some(high)) = (limit(inner, "min"), limit(inner, "max"))
        && let (Ok(before), Ok(clamped)) = (inner.operand(0), inner.result(0))
        && rewrite::users(clamped.into()).len() == 1
    {
        let (a, b) = (requant.apply(low.into(), 0), requant.apply(high.into(), 0));
        (requant.min, requant.max) = (a.min(b), a.max(b));
        let context = rewrite::context(op.location());
        rewrite::set_attribute(op, "requant", requant.attribute(context));
        rewrite::set_operand(op, 0, before);
        rewrite::erase(inner);
    }
    let Some(layer) = layer_before(op).filter(has_sums) else { return };
    let mut stages = layer.requant();
    // Kernels have numbers of channels where they have weights.
    if requant.channels().is_some() && Dense::of(layer.op).is_none() {
        return;
    }
    let between = layer.output_codes();
    match stages.last_mut() {
        Some(last)
            if requant.only_clamps((last.min, last.max))
                && (between.bits, between.signed) == (output.bits, output.signed) =>
        {
            last.min = last.min.clamp(requant.min, requant.max);
            last.max = last.max.clamp(requant.min, requant.max);
        }
        _ => stages.push(requant),
    }
    replace(layer, op, &operands(layer), &stages);
}

fn clamp(op: OperationRef) {
    let (Some(low), Some(high)) = (limit(op, "min"), limit(op, "max")) else { return };
    let Some(layer) = layer_before(op).filter(has_sums) else {
        narrow(op, low, high);
        return;
    };
    let mut stages = layer.requant();
    // On accumulators it waits for the requantization after it.
    let Some(last) = stages.last_mut() else { return };
    last.min = last.min.clamp(low, high);
    last.max = last.max.clamp(low, high);
    replace(layer, op, &operands(layer), &stages);
}

/// Narrows the limits of a requantization that only `clamp` uses.
fn narrow(clamp: OperationRef, low: i64, high: i64) {
    if let (Ok(before), Ok(result)) = (clamp.operand(0), clamp.result(0))
        && rewrite::users(before).len() == 1
        && let Some(op) = constant::defining_op(before)
        && rewrite::is(&op, REQUANTIZE)
        && let Some(mut requant) = aie4ml::read::<Requant>(op, "requant")
    {
        requant.min = requant.min.clamp(low, high);
        requant.max = requant.max.clamp(low, high);
        let context = rewrite::context(op.location());
        rewrite::set_attribute(op, "requant", requant.attribute(context));
        rewrite::replace_uses(result.into(), before);
        rewrite::erase(clamp);
    }
}

fn limit(op: OperationRef, name: &str) -> Option<i64> {
    Some(IntegerAttribute::try_from(op.attribute(name).ok()?).ok()?.value())
}

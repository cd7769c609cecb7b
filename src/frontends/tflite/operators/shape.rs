//! Operators that move codes and do not change them.

use super::{
    super::{super::Error, ir, tensor::Shape},
    Lowering, Node,
};

impl Lowering<'_, '_, '_> {
    /// Refuses an operator that only moves codes, or compares them, between tensors whose codes
    /// mean different things.
    pub(super) fn same_scale(&self, input: usize, output: usize) -> Result<(), Error> {
        let (x, y) = (self.codes(input)?, self.codes(output)?);
        if x != y {
            let of = |x: super::Codes| format!("{}:{:e}:{}", x.element, x.scale, x.zero_point);
            return self.refuse(
                output,
                format_args!("is quantized as {}, but what it is made of as {}", of(y), of(x)),
            );
        }
        Ok(())
    }
}

/// The new shape is a constant input, an option, or both; one extent may be left open.
pub fn reshape(lowering: &mut Lowering, node: &Node) -> Result<(), Error> {
    node.at_most(2)?;
    let (input, output) = (node.input(0)?, node.output);
    lowering.same_scale(input, output)?;
    let list = match node.optional(1) {
        Some(list) => lowering.tensor(list).integers()?,
        None => node.options.ints(0)?.unwrap_or_default(),
    };
    let value = lowering.value(input)?;
    let from = ir::shape(value);
    let total: u64 = from.iter().product();
    let refuse = || {
        let message = format!("cannot reshape {} to {list:?}", Shape(&from));
        Error::new("", message)
    };
    let mut known = list.iter().filter(|&&extent| extent != -1);
    let known = known.try_fold(1u64, |product, &extent| product.checked_mul(extent.try_into().ok()?));
    let known = known.filter(|&known| known > 0).ok_or_else(refuse)?;
    let open = list.iter().filter(|&&extent| extent == -1).count();
    if open > 1 || total % known != 0 || (open == 0 && total != known) {
        return Err(refuse());
    }
    let shape: Vec<u64> =
        list.iter().map(|&extent| u64::try_from(extent).unwrap_or(total / known)).collect();
    let value = lowering.ir.reshape(value, &shape)?;
    lowering.define(output, value)
}

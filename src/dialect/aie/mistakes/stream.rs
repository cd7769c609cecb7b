//! Cascades of which only one end is used.

use super::each;
use crate::{
    dialect::aie::{op_name, string},
    mlir::{
        diagnostic::{Failure, fail},
        rewrite,
    },
};
use melior::ir::{OperationRef, attribute::FlatSymbolRefAttribute, operation::OperationLike};
use std::collections::HashSet;

/// What a core does with its cascades, as far as its own ops and those of the functions that it
/// calls say.
#[derive(Default)]
struct Ends {
    puts: bool,
    gets: bool,
    /// Some of its code is not here.
    unknown: bool,
}

/// A cascade leads from a core that puts to one that gets.
pub(super) fn cascade<'c>(
    op: OperationRef<'c, '_>,
    device: &[OperationRef<'c, '_>],
    found: &mut Vec<Failure<'c>>,
) {
    let core_of = |operand: usize| {
        let tile = op.operands().nth(operand)?;
        let is_it = |core: &&OperationRef| {
            rewrite::is(core, "aie.core") && core.operands().next() == Some(tile)
        };
        device.iter().find(is_it).map(|&core| ends(core, device))
    };
    let (Some(source), Some(destination)) = (core_of(0), core_of(1)) else { return };
    if source.puts && !destination.gets && !destination.unknown {
        found.push(fail(&op, "leads to a core that takes nothing from it: its sender will stop"));
    }
    if destination.gets && !source.puts && !source.unknown {
        found.push(fail(
            &op,
            "comes from a core that puts nothing into it: its receiver waits for ever",
        ));
    }
}

fn ends<'c>(core: OperationRef<'c, '_>, device: &[OperationRef<'c, '_>]) -> Ends {
    let mut ends = Ends { unknown: core.has_attribute("elf_file"), ..Ends::default() };
    let mut seen = HashSet::new();
    let mut pending = vec![core];
    while let Some(op) = pending.pop() {
        let mut called = Vec::new();
        each(op, &mut |op| match op_name(op).as_str() {
            "aie.put_cascade" => ends.puts = true,
            "aie.get_cascade" => ends.gets = true,
            "func.call" => called.extend(
                op.attribute("callee")
                    .ok()
                    .and_then(|callee| FlatSymbolRefAttribute::try_from(callee).ok())
                    .map(|callee| callee.value().to_string()),
            ),
            name => ends.unknown |= name.starts_with("aievec.") || name.starts_with("llvm."),
        });
        for name in called.into_iter().filter(|name| seen.insert(name.clone())) {
            let is_it = |op: &&OperationRef| {
                rewrite::is(op, "func.func") && string(**op, "sym_name") == Some(&name)
            };
            match device.iter().find(is_it).filter(|op| rewrite::body(**op).is_some()) {
                Some(&function) => pending.push(function),
                None => ends.unknown = true,
            }
        }
    }
    ends
}

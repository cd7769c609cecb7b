//! What a core holds of its object FIFOs, followed through its program.

use super::fifo::depths_of;
use crate::{
    dialect::aie::{integer, op_name, string},
    mlir::{
        constant,
        diagnostic::{Failure, fail},
        rewrite,
    },
};
use melior::ir::{
    BlockLike, OperationRef, RegionLike, Value, ValueLike, attribute::FlatSymbolRefAttribute,
    operation::OperationLike,
};
use std::collections::{BTreeMap, HashMap};

/// An end of a FIFO: its name, and whether the core produces there.
pub(super) type End = (String, bool);

/// What a core has of an end.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct State {
    /// Objects that it holds.
    held: i64,
    /// Objects that it has given up.
    released: i64,
}

/// Of each end that has been used.
type Held = BTreeMap<End, State>;

pub(super) fn end_of(op: OperationRef) -> End {
    let name = op.attribute("objFifo_name").ok();
    let name = name.and_then(|name| FlatSymbolRefAttribute::try_from(name).ok());
    let name = name.map(|name| name.value().to_string()).unwrap_or_default();
    (name, integer(op, "port") == Some(0))
}

/// Checks what a core does with its FIFOs. Where control flow is not structured, nothing is known,
/// and nothing is said.
pub(super) fn check<'c>(
    core: OperationRef<'c, '_>,
    device: &[OperationRef<'c, '_>],
    found: &mut Vec<Failure<'c>>,
) {
    let mut depths = HashMap::new();
    for &fifo in device.iter().filter(|op| rewrite::is(op, "aie.objectfifo")) {
        let Some(name) = string(fifo, "sym_name") else { continue };
        let of_ends = depths_of(fifo);
        for (place, tile) in fifo.operands().enumerate() {
            if let Some(&depth) = of_ends.get(place)
                && core.operands().next() == Some(tile)
            {
                depths.insert((name.to_string(), place == 0), depth);
            }
        }
    }
    let mut walk = Walk { depths, views: HashMap::new(), objects: HashMap::new(), found };
    let mut held = Held::new();
    for region in core.regions() {
        walk.region(region, &mut held);
    }
}

struct Walk<'f, 'c> {
    /// Objects at each end of the core.
    depths: HashMap<End, i64>,
    /// Of each acquired view, by its address: the end, and the number of its oldest object.
    views: HashMap<usize, (End, i64)>,
    /// The same of each object that is accessed.
    objects: HashMap<usize, (End, i64)>,
    found: &'f mut Vec<Failure<'c>>,
}

fn key(value: Value) -> usize {
    value.to_raw().ptr as usize
}

impl<'c> Walk<'_, 'c> {
    fn region<'a>(&mut self, region: impl RegionLike<'c, 'a>, held: &mut Held)
    where
        'c: 'a,
    {
        let Some(block) = region.first_block() else { return };
        if block.next_in_region().is_some() {
            return;
        }
        for op in rewrite::ops(block) {
            self.uses(op, held);
            match op_name(op).as_str() {
                "aie.objectfifo.acquire" => self.acquire(op, held),
                "aie.objectfifo.subview.access" => {
                    let view = op.operands().next().and_then(|view| self.views.get(&key(view)));
                    if let (Some((end, first)), Some(result)) = (view.cloned(), op.results().next())
                    {
                        let number = first + integer(op, "index").unwrap_or(0);
                        self.objects.insert(key(result.into()), (end, number));
                    }
                }
                "aie.objectfifo.release" => self.release(op, held),
                "scf.for" | "scf.while" => self.repeat(op, held),
                _ => self.choose(op, held),
            }
        }
    }

    fn acquire(&mut self, op: OperationRef<'c, '_>, held: &mut Held) {
        let (end, size) = (end_of(op), integer(op, "size").unwrap_or(1));
        if let Some(&depth) = self.depths.get(&end).filter(|&&depth| size > depth) {
            self.found.push(fail(
                &op,
                format_args!("waits for {size} objects of '{}', which has {depth} there", end.0),
            ));
        }
        let state = held.entry(end.clone()).or_default();
        state.held = state.held.max(size);
        if let Some(view) = op.results().next() {
            self.views.insert(key(view.into()), (end, state.released));
        }
    }

    fn release(&mut self, op: OperationRef<'c, '_>, held: &mut Held) {
        let (end, size) = (end_of(op), integer(op, "size").unwrap_or(1));
        let state = held.entry(end.clone()).or_default();
        if size > state.held {
            self.found.push(fail(
                &op,
                format_args!(
                    "releases {size} objects of '{}', of which the core holds {}",
                    end.0, state.held
                ),
            ));
        }
        state.held = (state.held - size).max(0);
        state.released += size;
    }

    /// Objects that `op` uses must still be held.
    fn uses(&mut self, op: OperationRef<'c, '_>, held: &Held) {
        for operand in op.operands() {
            let Some((end, number)) = self.objects.get(&key(operand)) else { continue };
            let released = held.get(end).map_or(0, |state| state.released);
            if *number < released {
                let mut failure =
                    fail(&op, format_args!("uses an object of '{}' after its release", end.0));
                if let Some(access) = constant::defining_op(operand) {
                    failure = failure.note(access.location(), "the object");
                }
                self.found.push(failure);
            }
        }
    }

    /// A loop holds the same at its end as at its begin.
    fn repeat(&mut self, op: OperationRef<'c, '_>, held: &mut Held) {
        let before = held.clone();
        for region in op.regions() {
            self.region(region, held);
        }
        for (end, after) in held.iter() {
            let first = before.get(end).copied().unwrap_or_default().held;
            if first != after.held {
                self.found.push(fail(
                    &op,
                    format_args!(
                        "begins with {first} objects of '{}' held and ends with {}: \
                         the next time around would wait for others than it uses",
                        end.0, after.held
                    ),
                ));
            }
        }
        *held = before;
    }

    /// Of several ways only what they agree on is known.
    fn choose(&mut self, op: OperationRef<'c, '_>, held: &mut Held) {
        let mut ways = Vec::new();
        for region in op.regions() {
            let mut way = held.clone();
            self.region(region, &mut way);
            ways.push(way);
        }
        if let Some(first) = ways.first().filter(|first| ways.iter().all(|way| way == *first)) {
            *held = first.clone();
        }
    }
}

//! Small safe helpers for reading and changing IR inside a pass.
#![allow(unsafe_code)]

use melior::ir::{
    Attribute, BlockLike, BlockRef, Location, Operation, OperationRef, RegionLike, Value,
    ValueLike,
    operation::{OperationLike, OperationMutLike, OperationRefMut},
};
use melior::{Context, ContextRef};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use mlir_sys::{
    mlirBlockEraseArgument, mlirLocationGetContext, mlirOpOperandGetNextUse, mlirOpOperandGetOwner,
    mlirOpOperandIsNull, mlirOperationDestroy, mlirOperationRemoveFromParent,
    mlirOperationSetOperand, mlirValueGetFirstUse, mlirValueReplaceAllUsesOfWith,
};

/// The context of a location, and so of every op at it.
///
/// melior only has `ContextRef` for this, whose `&Context` would dangle.
pub fn context<'c>(location: Location<'c>) -> &'c Context {
    // melior's `Context` is a raw pointer, so a `&Context` points at a place
    // that holds one; each context gets one such place that is never freed.
    static PLACES: Mutex<BTreeMap<usize, usize>> = Mutex::new(BTreeMap::new());
    // SAFETY: the location is valid.
    let raw = unsafe { mlirLocationGetContext(location.to_raw()) };
    let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
    let place = *places.entry(raw.ptr as usize).or_insert_with(|| {
        // SAFETY: the context is live now; the reference is used below for `'c` only.
        let reference: ContextRef<'static> = unsafe { ContextRef::from_raw(raw) };
        Box::into_raw(Box::new(reference)) as usize
    });
    // SAFETY: the place holds a reference, is never freed, and is never
    // written again; the context lives for `'c`.
    unsafe { (*(place as *const ContextRef<'c>)).to_ref() }
}

/// Sets an attribute in place.
pub fn set_attribute<'c>(op: OperationRef<'c, '_>, name: &str, attribute: Attribute<'c>) {
    // SAFETY: passes run on one operation at a time in one thread, and melior's
    // references do not cache attributes.
    unsafe { OperationRefMut::from_raw(op.to_raw()) }.set_attribute(name, attribute);
}

/// Removes an attribute if it is there.
pub fn remove_attribute(op: OperationRef, name: &str) {
    // SAFETY: as in `set_attribute`.
    let _ = unsafe { OperationRefMut::from_raw(op.to_raw()) }.remove_attribute(name);
}

/// Makes an operand another value.
pub fn set_operand<'c>(op: OperationRef<'c, '_>, index: usize, value: Value<'c, '_>) {
    assert!(index < op.operand_count(), "the operand exists");
    // SAFETY: the index is in range; MLIR updates the use lists.
    unsafe { mlirOperationSetOperand(op.to_raw(), index as isize, value.to_raw()) }
}

/// Inserts `new` before `op` and returns it.
pub fn insert_before<'c, 'a>(op: OperationRef<'c, 'a>, new: Operation<'c>) -> OperationRef<'c, 'a> {
    let block = op.block().expect("a pass only meets ops that are in a block");
    // SAFETY: the block is owned by the op's parent, which lives as long as `op`.
    let block: BlockRef<'c, 'a> = unsafe { BlockRef::from_raw(block.to_raw()) };
    block.insert_operation_before(op, new)
}

/// Makes every use of `old` a use of `new`.
pub fn replace_uses<'c>(old: Value<'c, '_>, new: Value<'c, '_>) {
    // SAFETY: both values are live; MLIR updates the use lists.
    unsafe { mlirValueReplaceAllUsesOfWith(old.to_raw(), new.to_raw()) }
}

/// Removes and destroys an op whose results have no uses left.
///
/// The caller must not use `op` or anything it owns afterwards; passes collect
/// the ops to erase and call this last.
pub fn erase(op: OperationRef) {
    assert!(
        op.results().all(|result| users(result.into()).is_empty()),
        "an erased op must be unused"
    );
    // SAFETY: the op is in a block and nothing uses its results.
    unsafe {
        mlirOperationRemoveFromParent(op.to_raw());
        mlirOperationDestroy(op.to_raw());
    }
}

/// Removes a block argument that has no uses left.
pub fn erase_argument(block: BlockRef, index: usize) {
    let argument = block.argument(index).expect("the argument exists");
    assert!(users(argument.into()).is_empty(), "an erased argument must be unused");
    // SAFETY: the index is in range and nothing uses the argument.
    unsafe { mlirBlockEraseArgument(block.to_raw(), index as u32) }
}

/// The ops that use a value, one entry per use.
pub fn users<'c, 'a>(value: Value<'c, 'a>) -> Vec<OperationRef<'c, 'a>> {
    let mut users = Vec::new();
    // SAFETY: the use list is read while nothing changes it.
    unsafe {
        let mut operand = mlirValueGetFirstUse(value.to_raw());
        while !mlirOpOperandIsNull(operand) {
            users.push(OperationRef::from_raw(mlirOpOperandGetOwner(operand)));
            operand = mlirOpOperandGetNextUse(operand);
        }
    }
    users
}

/// The ops of a block, in order.
pub fn ops<'c, 'a>(block: BlockRef<'c, 'a>) -> Vec<OperationRef<'c, 'a>> {
    let mut found = Vec::new();
    let mut next = block.first_operation();
    while let Some(op) = next {
        next = op.next_in_block();
        found.push(op);
    }
    found
}

/// The blocks of an op's regions, in order.
pub fn blocks<'c, 'a>(op: OperationRef<'c, 'a>) -> Vec<BlockRef<'c, 'a>> {
    let mut found = Vec::new();
    for region in op.regions() {
        let mut next = region.first_block();
        while let Some(block) = next {
            next = block.next_in_region();
            found.push(block);
        }
    }
    found
}

/// The only block of an op's only region, such as the body of a function; `None` for a declaration.
pub fn body<'c, 'a>(op: OperationRef<'c, 'a>) -> Option<BlockRef<'c, 'a>> {
    op.region(0).ok()?.first_block()
}

/// Whether an op is the one of that name.
pub fn is(op: &OperationRef, name: &str) -> bool {
    op.name().as_string_ref().as_str() == Ok(name)
}

//! Runtime sequences: what the host does, in ops of the `aiex` dialect.

use super::{MM2S, S2MM, integer, memref, memref_of, string};
use crate::{
    array::{Allocation, Buffer, BufferId, Direction, Memcpy, Program, Sequence, Step, Tile},
    mlir::{
        diagnostic::{Result, fail},
        rewrite,
    },
};
use melior::{
    Context,
    ir::{
        Attribute, Block, BlockLike, Identifier, Location, Operation, OperationRef, Region,
        RegionLike, Type, Value, ValueLike,
        attribute::{
            BoolAttribute, DenseI32ArrayAttribute, DenseI64ArrayAttribute, FlatSymbolRefAttribute,
            IntegerAttribute, StringAttribute,
        },
        operation::{OperationBuilder, OperationLike},
        r#type::IntegerType,
    },
};

const COPY: &str = "aiex.npu.dma_memcpy_nd";
const WAIT: &str = "aiex.npu.dma_wait";

const BUILDS: &str = "an op with explicit result types is built";

/// Offsets, sizes and strides of a copy, in this order.
pub(super) const LISTS: [&str; 3] = ["static_offsets", "static_sizes", "static_strides"];

/// Zeros that a copy may put around its dimensions.
pub(super) const PADS: [&str; 6] = [
    "d0_zero_before",
    "d1_zero_before",
    "d2_zero_before",
    "d0_zero_after",
    "d1_zero_after",
    "d2_zero_after",
];

/// Name of the buffer that an argument of a sequence is.
pub fn argument_name(index: usize) -> String {
    format!("argument{index}")
}

//===----------------------------------------------------------------------===//
// Write
//===----------------------------------------------------------------------===//

pub(super) fn build_allocation<'c>(
    context: &'c Context,
    location: Location<'c>,
    allocation: &Allocation,
    tile: Value<'c, '_>,
) -> Operation<'c> {
    let direction = match allocation.direction {
        Direction::S2mm => S2MM,
        Direction::Mm2s => MM2S,
    };
    OperationBuilder::new("aie.shim_dma_allocation", location)
        .add_operands(&[tile])
        .add_attributes(&[
            named(context, "sym_name", StringAttribute::new(context, &allocation.name).into()),
            named(context, "channel_dir", number(context, 32, direction)),
            named(context, "channel_index", number(context, 64, allocation.channel.into())),
        ])
        .build()
        .expect(BUILDS)
}

pub(super) fn build<'c>(
    context: &'c Context,
    location: Location<'c>,
    program: &Program,
    sequence: &Sequence,
) -> Operation<'c> {
    let types: Vec<_> = (sequence.arguments.iter())
        .map(|&BufferId(buffer)| {
            let Buffer { shape, element, .. } = &program.buffers[buffer];
            (memref(context, shape, *element), location)
        })
        .collect();
    let block = Block::new(&types);
    for step in &sequence.steps {
        let step = match step {
            Step::Copy(copy) => {
                let place = sequence.arguments.iter().position(|&buffer| buffer == copy.buffer);
                let place = place.expect("a copy is of an argument");
                let buffer = block.argument(place).expect("the block has that argument").into();
                build_copy(context, location, program, copy, buffer)
            }
            Step::Wait { allocation } => {
                let symbol = &program.allocations[*allocation].name;
                let symbol = FlatSymbolRefAttribute::new(context, symbol).into();
                OperationBuilder::new(WAIT, location)
                    .add_attributes(&[named(context, "symbol", symbol)])
                    .build()
                    .expect(BUILDS)
            }
            step => unreachable!("only a sequence that was read has such a step: {step:?}"),
        };
        block.append_operation(step);
    }
    let region = Region::new();
    region.append_block(block);
    let name = StringAttribute::new(context, &sequence.name).into();
    OperationBuilder::new("aie.runtime_sequence", location)
        .add_attributes(&[named(context, "sym_name", name)])
        .add_regions([region])
        .build()
        .expect(BUILDS)
}

fn build_copy<'c>(
    context: &'c Context,
    location: Location<'c>,
    program: &Program,
    copy: &Memcpy,
    buffer: Value<'c, '_>,
) -> Operation<'c> {
    let symbol = &program.allocations[copy.allocation].name;
    let mut attributes = vec![
        named(context, "metadata", FlatSymbolRefAttribute::new(context, symbol).into()),
        named(context, "id", number(context, 64, copy.id.into())),
        named(
            context,
            "operandSegmentSizes",
            DenseI32ArrayAttribute::new(context, &[1, 0, 0, 0]).into(),
        ),
    ];
    for (name, values) in LISTS.into_iter().zip([copy.offsets, copy.sizes, copy.strides]) {
        let values = values.map(|value| value as i64);
        attributes.push(named(context, name, DenseI64ArrayAttribute::new(context, &values).into()));
    }
    if copy.issue_token {
        attributes.push(named(context, "issue_token", BoolAttribute::new(context, true).into()));
    }
    OperationBuilder::new(COPY, location)
        .add_operands(&[buffer])
        .add_attributes(&attributes)
        .build()
        .expect(BUILDS)
}

fn named<'c>(
    context: &'c Context,
    name: &str,
    value: Attribute<'c>,
) -> (Identifier<'c>, Attribute<'c>) {
    (Identifier::new(context, name), value)
}

fn number(context: &Context, width: u32, value: i64) -> Attribute<'_> {
    let r#type: Type = IntegerType::new(context, width).into();
    IntegerAttribute::new(r#type, value).into()
}

//===----------------------------------------------------------------------===//
// Read
//===----------------------------------------------------------------------===//

pub(super) fn read_allocation<'c>(op: OperationRef<'c, '_>, tile: Tile) -> Result<'c, Allocation> {
    Ok(Allocation {
        name: string(op, "sym_name").unwrap_or_default().to_string(),
        tile,
        direction: match integer(op, "channel_dir") {
            Some(S2MM) => Direction::S2mm,
            _ => Direction::Mm2s,
        },
        channel: integer(op, "channel_index")
            .and_then(|channel| u32::try_from(channel).ok())
            .ok_or_else(|| fail(&op, "needs 'channel_index' of at least 0"))?,
    })
}

fn list(op: OperationRef, name: &str) -> Option<[usize; 4]> {
    let array = DenseI64ArrayAttribute::try_from(op.attribute(name).ok()?).ok()?;
    let value = |i| usize::try_from(array.element(i).ok()?).ok();
    let values: Vec<usize> = (0..array.len()).map(value).collect::<Option<_>>()?;
    values.try_into().ok()
}

//===----------------------------------------------------------------------===//
// Verify
//===----------------------------------------------------------------------===//

/// Checks a step by itself.
pub(super) fn verify<'c>(op: OperationRef<'c, '_>) -> Result<'c> {
    if !rewrite::is(&op, COPY) {
        return Ok(());
    }
    let mut parent = op.parent_operation();
    // It may be in an `aiex.configure` of the sequence.
    while parent.is_some_and(|parent| rewrite::is(&parent, "aiex.configure")) {
        parent = parent.and_then(|parent| parent.parent_operation());
    }
    if !parent.is_some_and(|parent| rewrite::is(&parent, "aie.runtime_sequence")) {
        return Err(fail(&op, "must be in an 'aie.runtime_sequence'"));
    }
    for name in LISTS {
        let array = op.attribute(name).ok().and_then(|a| DenseI64ArrayAttribute::try_from(a).ok());
        let count = array.map_or(0, |array| array.len());
        if count != 4 {
            return Err(fail(&op, format_args!("needs four numbers as '{name}', has {count}")));
        }
    }
    let buffer = op.operand(0).ok().and_then(|buffer| memref_of(buffer.r#type()));
    let (Some(sizes), Some(offsets), Some(strides), Some((shape, element))) =
        (list(op, LISTS[1]), list(op, LISTS[0]), list(op, LISTS[2]), buffer)
    else {
        return Ok(());
    };
    if let Some(index) = sizes.iter().position(|&size| size == 0) {
        return Err(fail(&op, format_args!("has size 0 in dimension {index}, outermost first")));
    }
    let word = |elements: usize| elements.saturating_mul(element.bytes()).is_multiple_of(4);
    let at = |index: usize| strides[index].saturating_mul(offsets[index]);
    let offset = (0..4).map(at).fold(0, usize::saturating_add);
    let moves = sizes.iter().zip(strides).enumerate();
    for (index, (&size, stride)) in moves {
        if (index == 3 && !word(size)) || (index < 3 && size > 1 && !word(stride)) {
            return Err(fail(
                &op,
                format_args!("splits words of 4 bytes in dimension {index}, outermost first"),
            ));
        }
    }
    if !word(offset) {
        return Err(fail(
            &op,
            format_args!("begins at element {offset}, inside a word of 4 bytes"),
        ));
    }
    let reach = |(&size, stride): (&usize, usize)| (size - 1).saturating_mul(stride);
    let last = sizes.iter().zip(strides).map(reach).fold(offset, usize::saturating_add);
    let elements: usize = shape.iter().product();
    if last >= elements {
        return Err(fail(&op, format_args!("reaches element {last} of a buffer of {elements}")));
    }
    Ok(())
}

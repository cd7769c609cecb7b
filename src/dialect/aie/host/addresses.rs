//! Where mlir-aie puts buffers whose address is open, for hosts that know it.

use crate::{
    array::{Program, Tile},
    device::Device,
};
use std::collections::{BTreeMap, BTreeSet};

/// The address of every buffer of a tile, by its index.
///
/// As mlir-aie allocates by default: the largest first, each in the next bank in which it has
/// room, above the stack in the first. A tile in which not all have room in a bank is filled
/// from the bottom, the largest first.
pub(super) fn allocate(program: &Program) -> BTreeMap<usize, u32> {
    let Some(device) = Device::by_name(&program.device) else { return BTreeMap::new() };
    let tiles: BTreeSet<Tile> =
        program.buffers.iter().filter(|b| !b.external).map(|b| b.tile).collect();
    let mut addresses = BTreeMap::new();
    for tile in tiles {
        let Some(kind) = device.tile_kind(tile) else { continue };
        let resources = device.resources(kind);
        let size = |index: &usize| program.buffers[*index].bytes() as u32;
        let (mut open, mut fixed) = (Vec::new(), BTreeMap::new());
        for (index, buffer) in program.buffers.iter().enumerate() {
            match buffer.address {
                _ if buffer.external || buffer.tile != tile => {}
                Some(address) => _ = fixed.insert(index, address),
                None => open.push(index),
            }
        }
        open.sort_by_key(|index| std::cmp::Reverse(size(index)));
        let core = program.cores.iter().find(|core| core.tile == tile);
        let stack = core.map_or(0, |core| core.stack_size);
        let bank = resources.bank_bytes().max(1);
        // What is free of each bank begins above all that is fixed in it.
        let mut free: Vec<u32> = (0..resources.banks).map(|index| index * bank).collect();
        if let Some(first) = free.first_mut() {
            *first = stack;
        }
        for (index, &address) in &fixed {
            if let Some(begin) = free.get_mut((address / bank) as usize) {
                *begin = (*begin).max(address + size(index));
            }
        }
        let mut next = 0;
        let mut placed = BTreeMap::new();
        for index in &open {
            let fits = |at: &usize| free[*at] + size(index) <= (*at as u32 + 1) * bank;
            let found = (0..free.len()).map(|step| (next + step) % free.len()).find(fits);
            let Some(at) = found else { break };
            placed.insert(*index, free[at]);
            free[at] += size(index);
            next = (at + 1) % free.len();
        }
        if placed.len() < open.len() {
            let mut begin = stack;
            placed.clear();
            for index in &open {
                placed.insert(*index, begin);
                begin += size(index);
            }
        }
        addresses.extend(fixed);
        addresses.extend(placed);
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{Buffer, Core, Element};

    fn program(sizes: &[usize]) -> Program {
        let tile = Tile { column: 0, row: 2 };
        let buffer = |(index, &size): (usize, &usize)| Buffer {
            tile,
            name: format!("b{index}"),
            shape: vec![size],
            element: Element::I8,
            address: None,
            initial: None,
            external: false,
        };
        let core = Core { tile, stack_size: 1024, body: Vec::new(), slice: None, code: None };
        Program {
            device: "npu1".into(),
            buffers: sizes.iter().enumerate().map(buffer).collect(),
            cores: vec![core],
            ..Program::default()
        }
    }

    #[test]
    fn takes_banks_in_turn() {
        // The largest first, in the order in which they are given.
        let addresses = allocate(&program(&[32, 64, 32, 32, 32]));
        let expected = [(0, 16384), (1, 1024), (2, 32768), (3, 49152), (4, 1024 + 64)];
        assert_eq!(addresses.into_iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn fills_from_the_bottom_where_a_bank_is_too_small() {
        let addresses = allocate(&program(&[100, 20000]));
        assert_eq!(addresses.into_iter().collect::<Vec<_>>(), [(0, 21024), (1, 1024)]);
    }
}

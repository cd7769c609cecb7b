//! Access patterns as descriptors can say them.

use crate::{
    array::{Bd, Dim, LockAction, LockId, Tile, UseLock},
    device::{Device, MAX_SIZE, TileKind},
};

/// Links descriptors into a ring.
pub(super) fn ring(mut bds: Vec<Bd>) -> Vec<Bd> {
    let count = bds.len();
    for (i, bd) in bds.iter_mut().enumerate() {
        bd.next = Some((i + 1) % count);
    }
    bds
}

/// An access pattern as a descriptor can say it: dimensions of one element
/// dropped, contiguous ones merged, and those beyond a field split in two.
/// Empty if the elements are consecutive.
pub fn dims(
    pattern: &[(usize, usize)],
    element_bytes: usize,
    at: Tile,
    device: &Device,
) -> std::result::Result<Vec<Dim>, String> {
    let fields = device.resources(device.tile_kind(at).unwrap_or(TileKind::Core)).bd;
    // Innermost first, merged.
    let mut merged: Vec<Dim> = Vec::new();
    for &(size, stride) in pattern.iter().rev() {
        match merged.last_mut() {
            _ if size == 1 => {}
            Some(inner) if stride == inner.size * inner.stride => inner.size *= size,
            _ => merged.push(Dim { size, stride }),
        }
    }
    if merged.len() <= 1 && merged.iter().all(|dim| dim.stride == 1) {
        return Ok(Vec::new());
    }
    if merged[0].stride != 1 {
        merged.insert(0, Dim { size: 1, stride: 1 });
    }
    // aie-rt holds every dimension to its wrap field, the outermost too.
    let mut index = 0;
    while index < merged.len() {
        let Dim { size, stride } = merged[index];
        // Dimension 0 counts 32-bit words.
        let unit = if index == 0 { (4 / element_bytes).max(1) } else { 1 };
        let most = (fields.max_wrap as usize * unit).min(MAX_SIZE as usize);
        if size > most {
            // A factor of one would leave the rest as it is.
            let inner = (2..=most)
                .rev()
                .find(|inner| size % inner == 0 && inner % unit == 0)
                .ok_or_else(|| format!("has {size} elements in a row, which {at} cannot walk"))?;
            merged[index].size = inner;
            merged.insert(index + 1, Dim { size: size / inner, stride: stride * inner });
        }
        index += 1;
    }
    if merged.len() > fields.dimensions as usize {
        return Err(format!(
            "needs {} dimensions in a descriptor of {at}, which has {}",
            merged.len(),
            fields.dimensions
        ));
    }
    merged.reverse();
    Ok(merged)
}

pub(super) fn acquire_one(lock: LockId) -> UseLock {
    UseLock { lock, action: LockAction::AcquireGreaterEqual, value: 1 }
}

pub(super) fn release_one(lock: LockId) -> UseLock {
    UseLock { lock, action: LockAction::Release, value: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_dimension_is_longer_than_a_verifier_takes() {
        let device = Device::by_name("npu1").unwrap();
        for row in 0..3 {
            // Rows of 832 bytes, as far apart as their buffer has them.
            let dims = dims(&[(2, 864), (832, 1)], 1, Tile { column: 0, row }, &device).unwrap();
            let sizes: Vec<_> = dims.iter().map(|dim| (dim.size, dim.stride)).collect();
            assert_eq!(sizes, [(2, 864), (2, 416), (416, 1)]);
        }
    }
}

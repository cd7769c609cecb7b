//! Which port to the outside each stream takes.
//!
//! A stream between the outside and a memory tile enters or leaves the array
//! in some column, through a port to programmable logic or, on a device without
//! it, a channel of the shim's DMA. [`assign`] gives every stream a port of its
//! own such that the columns between ports and memory tiles add up to as
//! little as possible. As distances are along a line, the best assignment does
//! not cross: with streams and ports in order of columns, dynamic programming
//! over both is exact.

use super::mapping::Port;
use super::place::NoRoom;
use crate::array::{Bundle, Tile};
use crate::device::{Device, PortSide, TileKind};

/// Ports of a column that a stream straight up, or down, the column can use.
fn ports(column: u32, side: PortSide, device: &Device) -> u32 {
    let shim = Tile { column, row: 0 };
    let north = match side {
        PortSide::In => device.stream_ports(shim, Bundle::North, PortSide::Out),
        PortSide::Out => device.stream_ports(shim, Bundle::North, PortSide::In),
    };
    let outside = if device.plio_columns().is_empty() {
        match device.tile_kind(shim) {
            Some(kind @ TileKind::ShimNoc) => device.resources(kind).dma_channels,
            _ => 0,
        }
    } else {
        device.plio_ports(column, side)
    };
    outside.min(north)
}

/// A port for each stream between the outside and a memory tile in column
/// `columns[i]`: into the array for [`PortSide::In`], out of it for
/// [`PortSide::Out`]. No two streams share a port.
///
/// # Errors
/// If there are fewer ports than streams.
pub fn assign(columns: &[u32], side: PortSide, device: &Device) -> Result<Vec<Port>, NoRoom> {
    let slots: Vec<(u32, u32)> = (0..device.columns)
        .flat_map(|column| (0..ports(column, side, device)).map(move |channel| (column, channel)))
        .collect();
    if columns.len() > slots.len() {
        let way = if side == PortSide::In { "into" } else { "out of" };
        return Err(NoRoom(format!(
            "{} streams {way} the array are more than the {} ports of {}: use fewer chains or shorter cascades at the ends",
            columns.len(),
            slots.len(),
            device.name
        )));
    }
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by_key(|&i| (columns[i], i));
    // least[i][j]: the first i streams in the first j slots.
    let mut least = vec![vec![0u64; slots.len() + 1]];
    for (i, &stream) in order.iter().enumerate() {
        let mut row = vec![u64::MAX; slots.len() + 1];
        for (j, slot) in slots.iter().enumerate().skip(i) {
            let away = u64::from(slot.0.abs_diff(columns[stream]));
            row[j + 1] = row[j].min(least[i][j].saturating_add(away));
        }
        least.push(row);
    }
    let mut result = vec![Port { column: 0, channel: 0 }; columns.len()];
    let mut j = slots.len();
    for (i, &stream) in order.iter().enumerate().rev() {
        // The first slot that is as good.
        while least[i + 1][j - 1] == least[i + 1][j] && j - 1 > i {
            j -= 1;
        }
        j -= 1;
        result[stream] = Port { column: slots[j].0 as usize, channel: slots[j].1 as usize };
    }
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cost(columns: &[u32], ports: &[Port]) -> usize {
        columns.iter().zip(ports).map(|(c, p)| (*c as usize).abs_diff(p.column)).sum()
    }

    #[test]
    fn takes_the_port_above_which_the_stream_goes() {
        let device = Device::by_name("xcve2802").unwrap();
        let ports = assign(&[9, 9, 20], PortSide::In, &device).unwrap();
        assert_eq!(cost(&[9, 9, 20], &ports), 0);
        assert_ne!(ports[0], ports[1]);
        // Column 0 does not face programmable logic, column 5 is the first.
        assert_eq!(
            assign(&[0], PortSide::Out, &device).unwrap()[0],
            Port { column: 5, channel: 0 }
        );
    }

    #[test]
    fn goes_aside_when_a_column_is_full() {
        let device = Device::by_name("xcve2802").unwrap();
        // Four streams go down a column, six come up.
        assert_eq!(cost(&[9; 5], &assign(&[9; 5], PortSide::Out, &device).unwrap()), 1);
        assert_eq!(cost(&[9; 6], &assign(&[9; 6], PortSide::In, &device).unwrap()), 0);
        let npu = Device::by_name("npu1").unwrap();
        assert_eq!(cost(&[1; 3], &assign(&[1; 3], PortSide::In, &npu).unwrap()), 1);
        let message = assign(&[0; 9], PortSide::In, &npu).unwrap_err().to_string();
        assert!(
            message.starts_with("9 streams into the array are more than the 8 ports of npu1"),
            "{message}"
        );
        assert_eq!(assign(&[], PortSide::In, &npu), Ok(vec![]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn is_as_short_as_any(columns in prop::collection::vec(0u32..3, 0..6)) {
            let device = Device::by_name("npu1_3col").unwrap();
            fn go(columns: &[u32], free: &mut Vec<u32>) -> usize {
                let Some((first, rest)) = columns.split_first() else { return 0 };
                (0..free.len()).map(|column| {
                    if free[column] == 0 {
                        return usize::MAX / 2;
                    }
                    free[column] -= 1;
                    let cost = first.abs_diff(column as u32) as usize + go(rest, free);
                    free[column] += 1;
                    cost
                }).min().unwrap()
            }
            let ports = assign(&columns, PortSide::In, &device).unwrap();
            prop_assert_eq!(cost(&columns, &ports), go(&columns, &mut vec![2; 3]));
            let mut distinct = ports.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), ports.len());
        }
    }
}

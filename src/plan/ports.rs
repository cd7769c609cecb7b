//! Which port to the outside each stream takes.
//!
//! A stream between the outside and a memory tile enters or leaves the array
//! in some column, through a port to programmable logic or a channel of the
//! shim's DMA. [`assign`] gives every stream a port of its
//! own such that the columns between ports and memory tiles add up to as
//! little as possible. As distances are along a line, the best assignment does
//! not cross: with streams and ports in order of columns, dynamic programming
//! over both is exact.

use super::mapped::{End, Mapped};
use super::mapping::{Io, Port, Region};
use super::place::NoRoom;
use crate::array::{Bundle, Tile};
use crate::device::{Device, PortSide};

/// Ports of a column that a stream straight up, or down, the column can use.
pub fn of_column(column: u32, side: PortSide, device: &Device, io: Io) -> u32 {
    let shim = Tile { column, row: 0 };
    let north = match side {
        PortSide::In => device.stream_ports(shim, Bundle::North, PortSide::Out),
        PortSide::Out => device.stream_ports(shim, Bundle::North, PortSide::In),
    };
    let outside = match (io, device.tile_kind(shim)) {
        (Io::Plio, _) => device.plio_ports(column, side),
        (Io::Ddr, Some(kind)) => device.resources(kind).dma_channels,
        (Io::Ddr, None) => 0,
    };
    outside.min(north)
}

/// Streams that can cross the boundary of a device in that direction.
pub fn count(side: PortSide, device: &Device, io: Io) -> usize {
    (0..device.columns).map(|column| of_column(column, side, device, io) as usize).sum()
}

/// What streams cross the boundary by.
pub fn kind(io: Io) -> &'static str {
    match io {
        Io::Plio => "ports to programmable logic",
        Io::Ddr => "DMA channels to memory",
    }
}

/// How many slices have to share a stream into the array, and out of it.
/// Transfers that have regions keep their streams.
pub fn shared(plan: &Mapped, device: &Device) -> [usize; 2] {
    [PortSide::In, PortSide::Out].map(|side| {
        let mut most = count(side, device, plan.io);
        let mut slices = Vec::new();
        for transfer in &plan.transfers {
            let (outside, inside) = match side {
                PortSide::In => (transfer.from, transfer.to),
                PortSide::Out => (transfer.to, transfer.from),
            };
            let (End::Boundary(_), End::Layer(layer)) = (outside, inside) else { continue };
            let layer = &plan.layers[layer];
            let stream = |region: &Region| match side {
                PortSide::In => region.producer + 1,
                PortSide::Out => region.consumer + 1,
            };
            match transfer.regions.iter().map(stream).max() {
                Some(streams) => most = most.saturating_sub(streams),
                None if side == PortSide::In => slices.push(layer.inputs(transfer.port).len()),
                None => slices.push(layer.outputs().len()),
            }
        }
        sharing(&slices, most)
    })
}

/// How many slices have to share a stream so that tensors in so many slices
/// cross by at most `most` streams; if even one stream for each tensor is too
/// many, the largest number of slices.
pub fn sharing(slices: &[usize], most: usize) -> usize {
    let largest = slices.iter().copied().max().unwrap_or(1).max(1);
    let streams =
        |sharing: usize| slices.iter().map(|count| count.div_ceil(sharing)).sum::<usize>();
    (1..largest).find(|&sharing| streams(sharing) <= most).unwrap_or(largest)
}

/// A port for each stream between the outside and a memory tile in column
/// `columns[i]`: into the array for [`PortSide::In`], out of it for
/// [`PortSide::Out`]. No two streams share a port.
///
/// # Errors
/// If there are fewer ports than streams.
pub fn assign(
    columns: &[u32],
    side: PortSide,
    device: &Device,
    io: Io,
) -> Result<Vec<Port>, NoRoom> {
    let slots: Vec<(u32, u32)> = (0..device.columns)
        .flat_map(|column| {
            (0..of_column(column, side, device, io)).map(move |channel| (column, channel))
        })
        .collect();
    if columns.len() > slots.len() {
        let way = if side == PortSide::In { "into" } else { "out of" };
        return Err(NoRoom(format!(
            "{} streams {way} the array are more than the {} {} of {}: use a device with more of them",
            columns.len(),
            slots.len(),
            kind(io),
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
        let ports = assign(&[9, 9, 20], PortSide::In, &device, Io::Plio).unwrap();
        assert_eq!(cost(&[9, 9, 20], &ports), 0);
        assert_ne!(ports[0], ports[1]);
        // Column 0 does not face programmable logic, column 5 is the first.
        assert_eq!(
            assign(&[0], PortSide::Out, &device, Io::Plio).unwrap()[0],
            Port { column: 5, channel: 0 }
        );
    }

    #[test]
    fn goes_aside_when_a_column_is_full() {
        let device = Device::by_name("xcve2802").unwrap();
        // Four streams go down a column, six come up.
        assert_eq!(cost(&[9; 5], &assign(&[9; 5], PortSide::Out, &device, Io::Plio).unwrap()), 1);
        assert_eq!(cost(&[9; 6], &assign(&[9; 6], PortSide::In, &device, Io::Plio).unwrap()), 0);
        let npu = Device::by_name("npu1").unwrap();
        assert_eq!(cost(&[1; 3], &assign(&[1; 3], PortSide::In, &npu, Io::Ddr).unwrap()), 1);
        let message = assign(&[0; 9], PortSide::In, &npu, Io::Ddr).unwrap_err().to_string();
        assert!(
            message.starts_with(
                "9 streams into the array are more than the 8 DMA channels to memory of npu1"
            ),
            "{message}"
        );
        assert_eq!(assign(&[], PortSide::In, &npu, Io::Ddr), Ok(vec![]));
    }

    #[test]
    fn slices_share_streams_only_where_those_are_short() {
        assert_eq!(sharing(&[4, 4], 8), 1);
        assert_eq!(sharing(&[16], 8), 2);
        // 2 + 3 streams.
        assert_eq!(sharing(&[5, 7], 5), 3);
        // Three tensors never share.
        assert_eq!(sharing(&[5, 7, 1], 2), 7);
        assert_eq!(sharing(&[], 2), 1);
    }

    #[test]
    fn counts_what_a_device_has() {
        for (name, io, into, out) in [
            ("xcve2802", Io::Plio, 168, 112),
            ("xcve2802", Io::Ddr, 24, 24),
            ("xcve2302", Io::Ddr, 12, 12),
            ("npu1_1col", Io::Ddr, 2, 2),
            ("xcve3858", Io::Plio, 162, 108),
            ("xcve3858", Io::Ddr, 72, 72),
            ("npu2", Io::Ddr, 16, 16),
            ("npu2", Io::Plio, 0, 0),
        ] {
            let device = Device::by_name(name).unwrap();
            let counts = [PortSide::In, PortSide::Out].map(|side| count(side, &device, io));
            assert_eq!(counts, [into, out], "{name} {io}");
        }
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
            let ports = assign(&columns, PortSide::In, &device, Io::Ddr).unwrap();
            prop_assert_eq!(cost(&columns, &ports), go(&columns, &mut vec![2; 3]));
            let mut distinct = ports.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), ports.len());
        }
    }
}

use super::*;
use crate::array::Bundle;
use proptest::prelude::*;

fn dma(column: u32, row: u32, channel: u32) -> Port {
    Port { tile: Tile { column, row }, bundle: Bundle::Dma, channel }
}

fn flow(source: Port, destinations: &[Port]) -> Flow {
    let destinations = destinations.to_vec();
    Flow { source, destinations, packet: None, keep_packet_header: false }
}

fn routed(flows: &[Flow], device: &Device, rounds: u32) -> Result<Routing, NoRoute> {
    let order: Vec<usize> = (0..flows.len()).collect();
    Router::new(device).route(flows, &order, Effort { rounds, steps: u64::MAX })
}

#[test]
fn goes_the_shortest_way() {
    let device = Device::by_name("npu1").unwrap();
    let flows = [
        flow(dma(0, 2, 0), &[dma(3, 4, 1), dma(0, 3, 0)]),
        flow(dma(1, 1, 3), &[dma(1, 0, 1)]),
        flow(dma(2, 0, 0), &[dma(2, 1, 0), dma(2, 5, 0)]),
    ];
    let routing = routed(&flows, &device, 1).unwrap();
    assert_eq!(routing.hops, [vec![5, 1], vec![1], vec![1, 5]]);
    assert_eq!(routing.rounds, 1);
}

#[test]
fn goes_around_where_wires_are_taken() {
    let device = Device::by_name("xcve2302").unwrap();
    // Four wires lead from (0, 2) to the east, the fifth stream goes by the row above.
    let west = [dma(0, 2, 0), dma(0, 2, 1), dma(0, 3, 0), dma(0, 3, 1), dma(0, 1, 0)];
    let east = [dma(1, 2, 0), dma(1, 2, 1), dma(2, 2, 0), dma(2, 2, 1), dma(3, 2, 0)];
    let flows: Vec<Flow> = west.into_iter().zip(east).map(|(a, b)| flow(a, &[b])).collect();
    let routing = routed(&flows, &device, 100).unwrap();
    let least: u32 = 1 + 1 + 3 + 3 + 4;
    let all: u32 = routing.hops.iter().flatten().sum();
    assert!((least..=least + 2).contains(&all), "{:?}", routing.hops);
}

#[test]
fn says_where_streams_are_in_each_others_way() {
    let device = Device::by_name("xcve2302").unwrap();
    // Twelve wires lead from column 0 to column 1, four of them in the shim row, into which
    // memory tiles have four, too.
    let sources = (0..6)
        .map(|i| dma(0, 1, i))
        .chain([2, 3].into_iter().flat_map(|r| [dma(0, r, 0), dma(0, r, 1)]));
    let ends = (1..6).flat_map(|column| [dma(column, 2, 0), dma(column, 2, 1)]);
    let mut flows: Vec<Flow> = sources.zip(ends).map(|(a, b)| flow(a, &[b])).collect();
    for channel in 0..4 {
        flows.push(flow(
            Port { tile: Tile { column: 0, row: 0 }, bundle: Bundle::Plio, channel },
            &[dma(6 + channel, 1, 0)],
        ));
    }
    let error = routed(&flows, &device, 40).unwrap_err();
    let NoRoute::Congested { rounds: 40, tiles, flows: stuck, .. } = &error else {
        panic!("{error}");
    };
    assert!(stuck.len() >= 2);
    assert!(tiles.iter().any(|(tile, streams)| tile.column == 0 && *streams > 1), "{tiles:?}");
    let text = error.to_string();
    assert!(text.contains("streams are in each other's way at the switch"), "{text}");
    assert!(text.ends_with("after 40 rounds of routing"), "{text}");
}

#[test]
fn knows_what_no_switch_connects() {
    let device = Device::by_name("npu1").unwrap();
    let missing = flow(dma(0, 2, 0), &[dma(9, 2, 0)]);
    let error = routed(&[missing], &device, 1).unwrap_err();
    assert_eq!(error.to_string(), "no way leads from Dma 0 of tile(0, 2) to Dma 0 of tile(9, 2)");
    // A tile's own DMA: only back from a port through which nothing came in.
    let error = routed(&[flow(dma(0, 2, 0), &[dma(0, 2, 1)])], &device, 1).unwrap_err();
    assert!(matches!(error, NoRoute::Unreachable { flow: 0, .. }), "{error}");
    // Nothing goes into a trace.
    let trace = Port { tile: Tile { column: 1, row: 2 }, bundle: Bundle::Trace, channel: 0 };
    let error = routed(&[flow(dma(0, 2, 0), &[trace])], &device, 1).unwrap_err();
    assert!(matches!(error, NoRoute::Unreachable { flow: 0, .. }), "{error}");
}

#[test]
fn those_in_each_others_way_come_first() {
    let device = Device::by_name("xcve2802").unwrap();
    // Streams to two rows each, out of the same corner.
    let flows: Vec<Flow> = (0..8)
        .map(|i| {
            let source = dma(4, 3 + i / 2, i % 2);
            flow(source, &[dma(5 + i, 3, 0), dma(5 + i, 4, 0), dma(5 + i, 5, 0), dma(5 + i, 6, 0)])
        })
        .collect();
    let router = Router::new(&device);
    let found = arrange(&router, &flows, STEPS).unwrap();
    let rest = (0..flows.len()).filter(|index| !found.first.contains(index));
    let order: Vec<usize> = found.first.iter().copied().chain(rest).collect();
    let effort = Effort { rounds: found.routing.rounds, steps: u64::MAX };
    assert_eq!(router.route(&flows, &order, effort).unwrap(), found.routing);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..ProptestConfig::default() })]
    /// Ways are never shorter than the distance, and a few streams go no further than that.
    #[test]
    fn ways_are_at_least_as_long_as_the_distance(
        pairs in prop::collection::vec((0u32..4, 2u32..6, 0u32..4, 2u32..6), 1..12),
    ) {
        let device = Device::by_name("npu1").unwrap();
        let mut flows: Vec<Flow> = Vec::new();
        for (a, b, c, d) in pairs {
            let (from, to) = (dma(a, b, 0), dma(c, d, 1));
            let taken = flows.iter().any(|f| f.source == from || f.destinations.contains(&to));
            if !taken && from.tile != to.tile {
                flows.push(flow(from, &[to]));
            }
        }
        let routing = routed(&flows, &device, 200).unwrap();
        let mut all = 0;
        for (flow, hops) in flows.iter().zip(&routing.hops) {
            let (from, to) = (flow.source.tile, flow.destinations[0].tile);
            let distance = from.column.abs_diff(to.column) + from.row.abs_diff(to.row);
            prop_assert!(hops[0] >= distance);
            all += hops[0] - distance;
        }
        prop_assert!(flows.len() > 4 || all == 0, "four wires lead everywhere");
    }
}

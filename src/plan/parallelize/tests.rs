use super::*;
use crate::device::Device;
use crate::plan::{
    network::{Edge, Number, Sink, Source},
    slices,
};
use proptest::prelude::*;

fn vek280() -> Device {
    Device::by_name("xcve2802").unwrap()
}

fn mlp(rows: usize, widths: &[usize]) -> Network {
    let layers = widths
        .windows(2)
        .enumerate()
        .map(|(i, w)| Layer::dense(&format!("fc{}", i + 1), rows, w[0], w[1], 8, 8, 8));
    Network::chain(layers.collect())
}

fn plan(network: &Network, objective: Objective, max_tiles: Option<usize>) -> Plan {
    let request = Request { objective, max_tiles, ..Request::default() };
    let plan = parallelize(network, &vek280(), &request).unwrap();
    check(network, &plan, &vek280());
    plan
}

/// What must hold of any plan.
fn check(network: &Network, plan: &Plan, device: &Device) {
    assert_eq!(plan.splits.len(), network.layers.len());
    assert_eq!(plan.tiles, plan.splits.iter().map(Split::tiles).sum::<usize>());
    for (split, layer) in plan.splits.iter().zip(&network.layers) {
        assert!(split.tile_bytes <= 65536);
        assert!(split.rows * plan.iterations >= layer.rows);
        assert!(split.inputs(layer, 0).iter().chain(&split.outputs(layer)).all(|r| !r.is_empty()));
        assert_eq!(split.inputs(layer, 0).last().unwrap().end, layer.k);
        assert_eq!(split.outputs(layer).last().unwrap().end, layer.n);
        let rectangles = split.rectangles(device);
        assert_eq!(rectangles.iter().map(|r| r.0 * r.1).sum::<usize>(), split.tiles());
        assert!(rectangles.iter().all(|r| r.1 <= device.core_rows().len()));
        assert!(!split.reason.text.is_empty());
    }
    for edge in &network.edges {
        if let (Source::Layer(from), Sink::Layer(to, _)) = (edge.from, edge.to) {
            let producer = plan.splits[from].output_cut(&network.layers[from]);
            let consumer = plan.splits[to].input_cut(&network.layers[to], 0);
            assert!(meet(&producer, &consumer, plan.splits[from].rows, device).is_some());
        }
    }
}

#[test]
fn small_layers_take_one_tile_each() {
    let plan = plan(&mlp(8, &[64, 64, 32]), Objective::Resources, None);
    assert_eq!(plan.tiles, 2);
    assert!(plan.optimal);
}

/// Two or three layers on a small device, all combinations of splits.
fn brute_force(network: &Network, device: &Device, request: &Request) -> Option<u64> {
    let budget = request.max_tiles.unwrap_or(device.cores() as usize);
    let mut best: Option<u64> = None;
    let latency = request.objective == Objective::Latency;
    for iterations in iterations(network, device, request).unwrap() {
        let unit = block_unit(network, device);
        let rows = request.rows.unwrap_or(block_rows(network.layers[0].rows, iterations, unit));
        let Ok(all) = (0..network.layers.len())
            .map(|i| choices(network, i, rows.min(network.layers[i].rows), device, request, budget))
            .collect::<Result<Vec<_>, _>>()
        else {
            continue;
        };
        let coupling = Coupling::new(network, &all, request.transport, device);
        let mut picks = vec![0; all.len()];
        loop {
            let choice = Choice { network, all: &all, coupling: &coupling, picks: &picks };
            let carried = (0..network.edges.len())
                .all(|e| choice.meeting(e, 0, choice.candidate(0)).is_none_or(|m| m.is_some()));
            let plan = choice.assemble(iterations, device, request);
            if carried && plan.tiles <= budget {
                // The bound takes ways as of layers side by side.
                let counted = plan.value() - if latency { plan.detour } else { 0 };
                best = Some(best.map_or(counted, |b| b.min(counted)));
            }
            let Some(next) = (0..all.len()).find(|&i| picks[i] + 1 < all[i].candidates.len())
            else {
                break;
            };
            picks[..next].fill(0);
            picks[next] += 1;
        }
    }
    best
}

#[test]
fn matches_brute_force_on_small_devices() {
    for (device, widths, rows) in [
        ("npu1", vec![128, 256, 64], 8),
        ("npu1", vec![100, 200], 32),
        ("npu2_2col", vec![96, 40, 120], 8),
        ("xcve2302", vec![192, 96], 16),
    ] {
        let (network, device) = (mlp(rows, &widths), Device::by_name(device).unwrap());
        for objective in [Objective::Resources, Objective::Throughput, Objective::Latency] {
            for max_tiles in [Some(4), Some(7), None] {
                let request = Request { objective, max_tiles, ..Request::default() };
                let best = brute_force(&network, &device, &request);
                let plan = parallelize(&network, &device, &request);
                match (&plan, best) {
                    (Ok(plan), Some(best)) => {
                        check(&network, plan, &device);
                        assert_eq!(
                            plan.lower_bound, best,
                            "{} {objective} {max_tiles:?}",
                            device.name
                        );
                        assert_eq!(plan.optimal, plan.value() == best);
                    }
                    (Err(_), None) => {}
                    _ => panic!("{plan:?} {best:?}"),
                }
            }
        }
    }
}

#[test]
fn published_benchmarks_fit_in_fewer_tiles() {
    // Tiles that AIE4ML 0.2.1 takes for the same networks: 4, 12, 128, 112, 18.
    for (network, tiles) in [
        (mlp(8, &[16, 64, 32, 32, 5]), 4),
        (mlp(8, &[256; 4]), 6),
        (mlp(8, &[1024; 3]), 40),
        (mlp(8, &[512; 8]), 35),
        (mlp(32, &[512; 8]), 35),
        (mlp(32, &[640, 128, 128, 128, 128, 8, 128, 128, 128, 128, 640]), 12),
    ] {
        let plan = plan(&network, Objective::Resources, None);
        assert_eq!(plan.tiles, tiles);
        assert!(plan.optimal);
    }
}

#[test]
fn one_layer_can_fill_the_device() {
    let network = mlp(8, &[4864, 1024]);
    let directives = vec![Directive { cascade: Some(38), chains: Some(8), ..Directive::default() }];
    let plan =
        parallelize(&network, &vek280(), &Request { directives, ..Request::default() }).unwrap();
    check(&network, &plan, &vek280());
    assert_eq!((plan.tiles, plan.splits[0].reason.text.as_str()), (304, "as directed"));
    let throughput = parallelize(
        &network,
        &vek280(),
        &Request { objective: Objective::Throughput, ..Request::default() },
    )
    .unwrap();
    // Not two rectangles of 19x8, between which too many streams would pass.
    assert_eq!(throughput.tiles, 304);
    assert_eq!(throughput.splits[0].rectangles(&vek280()), [(38, 8)]);
}

#[test]
fn more_tiles_never_hurt() {
    let network = mlp(16, &[128, 256, 96, 10]);
    let mut last = (u64::MAX, u64::MAX);
    for tiles in [3, 6, 12, 24, 48, 96] {
        let throughput = plan(&network, Objective::Throughput, Some(tiles));
        let latency = plan(&network, Objective::Latency, Some(tiles));
        assert!(throughput.tiles <= tiles && latency.tiles <= tiles);
        assert!(throughput.batch_interval() <= last.0 && latency.batch_latency() <= last.1);
        last = (throughput.batch_interval(), latency.batch_latency());
    }
}

#[test]
fn large_batches_pass_in_blocks() {
    let network = mlp(128, &[1024, 512]);
    let chosen = plan(&network, Objective::Resources, None);
    assert!(chosen.iterations > 1 && chosen.splits[0].rows * chosen.iterations >= 128);
    let request =
        Request { rows: Some(32), objective: Objective::Throughput, ..Request::default() };
    let plan = parallelize(&network, &vek280(), &request).unwrap();
    assert_eq!((plan.iterations, plan.splits[0].rows), (4, 32));
    // A block need not divide the batch.
    let request = Request { rows: Some(24), ..request };
    assert_eq!(parallelize(&network, &vek280(), &request).unwrap().iterations, 6);
}

#[test]
fn a_residual_network_has_a_plan() {
    let int8 = Number::new(8, true);
    let add = Layer {
        kind: Kind::Elementwise { inputs: 2 },
        bias: false,
        scales: 0,
        multiplies: false,
        ..Layer::dense("add", 32, 256, 256, 8, 8, 8)
    };
    let mut network = mlp(32, &[256, 256, 256]);
    network.layers.push(add);
    network.edges.truncate(2);
    network.edges.extend([
        Edge::new(Source::Layer(1), Sink::Layer(2, 0)),
        Edge::new(Source::Layer(0), Sink::Layer(2, 1)),
        Edge::new(Source::Layer(2), Sink::Output(0)),
    ]);
    network.outputs[0].number = int8;
    for objective in [Objective::Resources, Objective::Throughput, Objective::Latency] {
        let plan = plan(&network, objective, None);
        assert_eq!(plan.splits[2].cascade, 1);
    }
}

#[test]
fn two_outputs_of_one_layer_are_two_readers() {
    let mut network = mlp(8, &[64, 64, 32]);
    network.layers.push(Layer::dense("head", 8, 64, 10, 8, 8, 8));
    network.edges.push(Edge::new(Source::Layer(0), Sink::Layer(2, 0)));
    network.edges.push(Edge::new(Source::Layer(2), Sink::Output(1)));
    network.outputs.push(crate::plan::network::Port {
        name: "head".into(),
        rows: 8,
        features: 10,
        number: Number::new(8, true),
    });
    assert_eq!(plan(&network, Objective::Resources, None).tiles, 3);
    // A third shares a stream.
    let mut wide = network.clone();
    wide.edges.push(Edge::new(Source::Layer(0), Sink::Output(2)));
    wide.outputs.push(crate::plan::network::Port {
        name: "tap".into(),
        rows: 8,
        features: 64,
        number: Number::new(8, true),
    });
    assert_eq!(plan(&wide, Objective::Resources, None).tiles, 3);
}

fn refusal(network: &Network, device: &str, request: &Request) -> String {
    parallelize(network, &Device::by_name(device).unwrap(), request).unwrap_err().to_string()
}

#[test]
fn says_how_many_tiles_to_allow() {
    let message = refusal(
        &mlp(8, &[128, 512]),
        "xcve2802",
        &Request { max_tiles: Some(1), ..Request::default() },
    );
    assert!(
        message.starts_with("fc1: 128x512 weights and their buffers need 79872 bytes on one tile, its memory holds 65536: allow --max-tiles >= 2 (now 1)\n"),
        "{message}"
    );
    assert!(message.contains("  65536 bytes  weights"), "{message}");
    let message = refusal(
        &mlp(8, &[64, 64, 64, 64]),
        "xcve2802",
        &Request { max_tiles: Some(2), ..Request::default() },
    );
    assert_eq!(
        message,
        "the network needs at least 3 tiles (fc1 alone needs 1): allow --max-tiles >= 3 (now 2)"
    );
    let message = refusal(&mlp(8, &[512; 8]), "npu1", &Request::default());
    assert!(message.contains("npu1 has 16: use a larger device"), "{message}");
    let message = refusal(&mlp(8, &[4096, 4096]), "npu1", &Request::default());
    assert!(
        message.starts_with("fc1: 4096x4096 weights need")
            && message.contains("4 x 4 tiles, the finest split on npu1"),
        "{message}"
    );
}

#[test]
fn refuses_impossible_directives_and_names_the_nearest() {
    let network = mlp(8, &[80, 64, 64]);
    let with = |index: usize, directive: Directive| {
        let mut directives = vec![Directive::default(); 2];
        directives[index] = directive;
        refusal(&network, "xcve2802", &Request { directives, ..Request::default() })
    };
    let cascade = |l| Directive { cascade: Some(l), ..Directive::default() };
    assert_eq!(
        with(0, cascade(7)),
        "fc1: cascade = 7 is impossible: 10 blocks of 8 inputs leave a tile without work: the nearest is 5"
    );
    assert_eq!(
        with(0, cascade(0)),
        "fc1: cascade = 0 is impossible: a layer needs a tile: the nearest is 1"
    );
    assert_eq!(
        with(1, cascade(99)),
        "fc2: cascade = 99 is impossible: xcve2802 has room for 38: the nearest is 8"
    );
    let microtile = Some(Microtile { m: 3, k: 3, n: 3 });
    let message = with(0, Directive { microtile, ..Directive::default() });
    assert!(message.starts_with("fc1: xcve2802 has no microtile 3x3x3"), "{message}");
    // One chain cannot feed eight columns through a memory tile.
    let directives = vec![
        Directive { chains: Some(1), ..Directive::default() },
        Directive { cascade: Some(8), ..Directive::default() },
    ];
    let message = refusal(&network, "xcve2802", &Request { directives, ..Request::default() });
    assert_eq!(
        message,
        "fc1: chains = 1 is impossible: no memory tile can carry its edges to the neighbors' splits: the nearest is chains = 2"
    );
    let message = refusal(
        &network,
        "xcve2802",
        &Request { directives: vec![Directive::default()], ..Request::default() },
    );
    assert_eq!(message, "1 directives for 2 layers");
    let big = mlp(8, &[512, 512]);
    let directives = vec![Directive { cascade: Some(1), chains: Some(2), ..Directive::default() }];
    let message = refusal(&big, "xcve2802", &Request { directives, ..Request::default() });
    assert!(message.starts_with("fc1: cascade = 1, chains = 2 is impossible: a tile needs 146432 bytes, its memory holds 65536: the nearest is cascade = "), "{message}");
    assert!(message.contains("131072 bytes  weights"), "{message}");
    assert!(
        refusal(&big, "xcve2802", &Request { rows: Some(0), ..Request::default() })
            .contains("rows = 0 is impossible: a block needs a row: the nearest is 1")
    );
}

#[test]
fn directives_are_kept() {
    let network = mlp(8, &[64, 64, 64]);
    let directives = vec![
        Directive { cascade: Some(2), ..Directive::default() },
        Directive {
            chains: Some(4),
            microtile: Some(Microtile { m: 8, k: 8, n: 8 }),
            ..Directive::default()
        },
    ];
    for objective in [Objective::Resources, Objective::Throughput, Objective::Latency] {
        let request = Request { objective, directives: directives.clone(), ..Request::default() };
        let plan = parallelize(&network, &vek280(), &request).unwrap();
        assert_eq!((plan.splits[0].cascade, plan.splits[1].chains), (2, 4));
        assert_eq!(plan.splits[1].microtile.to_string(), "8x8x8");
    }
}

#[test]
fn an_empty_network_needs_nothing() {
    let plan = parallelize(&Network::default(), &vek280(), &Request::default()).unwrap();
    assert_eq!((plan.tiles, plan.optimal), (0, true));
    assert_eq!("latency".parse(), Ok(Objective::Latency));
    assert!("speed".parse::<Objective>().unwrap_err().contains("unknown objective 'speed'"));
}

#[test]
fn slices_meet_between_whole_microtiles() {
    let device = vek280();
    let cut = |extent, unit, parts| Cut {
        slices: slices::cut(extent, unit, parts).unwrap(),
        width: slices::slice_units(extent, unit, parts) * unit,
        unit,
    };
    let ways = |producer: &Cut, consumer: &Cut, bytes: usize| {
        let meeting = meet(producer, consumer, bytes, &device)?;
        let Meeting { per_producer, per_consumer, stored, direct, .. } = meeting;
        Some((per_producer, per_consumer, stored, direct))
    };
    // Columns of four inputs cut blocks of eight outputs.
    assert_eq!(ways(&cut(48, 8, 2), &cut(48, 4, 4), 8), None);
    assert_eq!(ways(&cut(64, 8, 2), &cut(64, 4, 4), 8), Some((2, 1, true, true)));
    // A core has two channels out.
    assert_eq!(ways(&cut(64, 8, 1), &cut(64, 8, 4), 8), Some((4, 1, true, false)));
    // Five chains into one column are five streams down one memory tile.
    assert_eq!(ways(&cut(40, 8, 5), &cut(40, 8, 1), 8), None);
    assert_eq!(ways(&cut(64, 8, 1), &cut(64, 8, 8), 8), None);
    // Two copies of 4096 features in 128 rows are a megabyte.
    assert_eq!(ways(&cut(4096, 8, 1), &cut(4096, 8, 1), 128), Some((1, 1, false, true)));
    assert_eq!(ways(&cut(4096, 8, 4), &cut(4096, 8, 1), 128), None);
}

#[test]
fn words_are_counted_each_way() {
    let device = vek280();
    let cut = |parts| Cut {
        slices: slices::cut(64, 8, parts).unwrap(),
        width: slices::slice_units(64, 8, parts) * 8,
        unit: 8,
    };
    // Eight rows: two words per feature. A descriptor takes four cycles.
    let words =
        |producers, consumers| meet(&cut(producers), &cut(consumers), 8, &device).unwrap().words;
    let expected = Words { region: 128, stored: 256, sent: 132, received: 132 };
    assert_eq!(words(1, 1), expected);
    // Four at once into a memory tile, one after the other out of it.
    let expected = Words { region: 32, stored: 32 + 128 + 12, sent: 36, received: 128 + 16 };
    assert_eq!(words(4, 1), expected);
    // One after the other into it; the last is read when it is there.
    let expected = Words { region: 32, stored: 128 + 12 + 32, sent: 128 + 16, received: 36 };
    assert_eq!(words(1, 4), expected);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn every_plan_keeps_the_rules(
        widths in prop::collection::vec(1usize..300, 2..6),
        rows in 1usize..70,
        bits in prop::sample::select(vec![8u32, 16]),
        name in prop::sample::select(vec!["xcve2802", "xcve2302", "xcve3858", "npu1", "npu2", "npu2_3col"]),
        objective in prop::sample::select(vec![Objective::Resources, Objective::Throughput, Objective::Latency]),
        max_tiles in prop::option::of(1usize..40),
    ) {
        let device = Device::by_name(name).unwrap();
        let layers = widths.windows(2).enumerate();
        let network = Network::chain(layers.map(|(i, w)| Layer::dense(&format!("fc{i}"), rows, w[0], w[1], bits, bits, bits)).collect());
        let request = Request { objective, max_tiles, ..Request::default() };
        match parallelize(&network, &device, &request) {
            Ok(plan) => {
                check(&network, &plan, &device);
                prop_assert!(plan.lower_bound <= plan.value());
                prop_assert!(plan.tiles <= max_tiles.unwrap_or(usize::MAX).min(device.cores() as usize));
                prop_assert_eq!(parallelize(&network, &device, &request), Ok(plan));
            }
            Err(error) => prop_assert!(!error.message.is_empty()),
        }
    }
}

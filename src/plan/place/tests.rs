use super::*;
use proptest::prelude::*;

fn chain(columns: u32, rows: u32, blocks: Vec<Block>) -> Problem {
    let links = (1..blocks.len()).map(|to| Link { from: to - 1, to }).collect();
    Problem { columns, rows, blocks, links, weights: Weights::default(), ports: 0..0 }
}

/// The least cost of all arrangements.
fn brute_force(problem: &Problem) -> Option<i64> {
    fn go(problem: &Problem, at: &mut Vec<Position>, grid: &mut Grid, best: &mut Option<i64>) {
        let Some(block) = problem.blocks.get(at.len()) else {
            let cost = problem.cost(at);
            *best = Some(best.map_or(cost, |b| b.min(cost)));
            return;
        };
        for row in 0..problem.rows {
            for column in 0..problem.columns {
                let p = Position { column, row };
                if block.fixed.is_some_and(|f| f != p) || !grid.free(block, p) {
                    continue;
                }
                grid.toggle(block, p);
                at.push(p);
                go(problem, at, grid, best);
                at.pop();
                grid.toggle(block, p);
            }
        }
    }
    let mut best = None;
    go(problem, &mut Vec::new(), &mut Grid::new(problem.columns, problem.rows).unwrap(), &mut best);
    best
}

#[test]
fn seven_blocks_of_4x4_in_a_row_are_proven_optimal() {
    let device = Device::by_name("xcve2802").unwrap();
    let problem = Problem { ports: 0..0, ..chain(38, 8, vec![Block::new(4, 4); 7]) };
    assert_eq!((problem.columns, problem.rows), (device.columns, 8));
    let placement = place(&problem, NODES).unwrap();
    assert!(placement.optimal);
    // Six links of one column each, seven blocks with their top in row 3.
    assert!((placement.cost - (6.0 + 7.0 * 3.0 * 0.05)).abs() < 1e-9, "{}", placement.cost);
}

#[test]
fn a_fixed_block_stays() {
    let mut problem = chain(8, 4, vec![Block::new(2, 2); 3]);
    problem.blocks[1].fixed = Some(Position { column: 5, row: 2 });
    let placement = place(&problem, NODES).unwrap();
    assert!(placement.optimal);
    assert_eq!(placement.at[1], Position { column: 5, row: 2 });
    assert_eq!(Some(placement.cost), problem.evaluate(&placement.at));
}

#[test]
fn ports_draw_the_outer_blocks() {
    let mut problem = chain(
        20,
        4,
        vec![
            Block { is_input: true, ..Block::new(2, 2) },
            Block { is_output: true, ..Block::new(2, 2) },
        ],
    );
    problem.weights.ports = 0.5;
    problem.ports = 9..13;
    let placement = place(&problem, NODES).unwrap();
    assert!(placement.optimal);
    assert_eq!(placement.at[0].column, 9);
}

#[test]
fn refuses_what_cannot_fit() {
    let message = |problem: Problem| place(&problem, NODES).unwrap_err().to_string();
    assert!(
        message(chain(4, 4, vec![Block::new(5, 1)]))
            .contains("block 0 of 5x1 tiles does not fit an array of 4x4")
    );
    assert!(
        message(chain(4, 4, vec![Block::new(3, 3), Block::new(2, 4)]))
            .contains("17 tiles together do not fit 16")
    );
    assert!(
        message(chain(4, 4, vec![Block::new(3, 3), Block::new(2, 2)]))
            .contains("in any arrangement")
    );
    let mut outside = chain(4, 4, vec![Block::new(2, 2)]);
    outside.blocks[0].fixed = Some(Position { column: 3, row: 0 });
    assert!(message(outside).contains("leaves the array"));
    assert!(message(chain(0, 4, vec![])).contains("1 to 64"));
}

#[test]
fn a_small_budget_still_bounds() {
    let blocks = (0..14).map(|_| Block::new(4, 4)).collect();
    let placement = place(&chain(38, 8, blocks), 50).unwrap();
    assert!(placement.lower_bound <= placement.cost);
    assert!(placement.lower_bound > 0.0);
}

#[test]
fn packs_what_fills_the_device() {
    let device = Device::by_name("xcve2802").unwrap();
    let packs = |sizes: &[(u32, u32)]| {
        packs(sizes.iter().map(|&(w, h)| Block::new(w, h)).collect(), &device)
    };
    assert!(packs(&[(37, 8)]));
    assert!(packs(&[(8, 8), (8, 8), (8, 8), (8, 8), (6, 8)]));
    assert!(!packs(&[(20, 5), (20, 5)]));
    assert!(!packs(&[(39, 1)]));
}

fn graph(most: usize, side: u32) -> impl Strategy<Value = (Vec<Block>, Vec<Link>)> {
    prop::collection::vec((1..=side, 1..=side), 1..=most).prop_flat_map(|sizes| {
        let count = sizes.len();
        let blocks: Vec<Block> = sizes.into_iter().map(|(w, h)| Block::new(w, h)).collect();
        let links = prop::collection::vec((0..count, 0..count), 0..=count + 1).prop_map(|pairs| {
            pairs
                .into_iter()
                .filter(|(a, b)| a != b)
                .map(|(from, to)| Link { from, to })
                .collect::<Vec<_>>()
        });
        (Just(blocks), links)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn finds_what_brute_force_finds((blocks, links) in graph(4, 3), columns in 3u32..6, rows in 2u32..4, mu in 0.0f64..2.0, lambda in 0.0f64..2.0) {
        let problem = Problem { columns, rows, blocks, links, weights: Weights { lambda, mu, ..Weights::default() }, ports: 0..0 };
        match (place(&problem, u64::MAX), problem.blocks.iter().all(|b| b.height <= rows).then(|| brute_force(&problem)).flatten()) {
            (Ok(placement), Some(best)) => {
                prop_assert!(placement.optimal);
                prop_assert_eq!(placement.cost, best as f64 / SCALE);
                prop_assert_eq!(problem.evaluate(&placement.at), Some(placement.cost));
            }
            (Err(_), None) => {}
            (ours, theirs) => prop_assert!(false, "{ours:?} {theirs:?}"),
        }
    }

    #[test]
    fn is_legal_and_bounded((blocks, links) in graph(8, 4), budget in 8u64..2000) {
        let problem = Problem { columns: 16, rows: 8, blocks, links, weights: Weights::default(), ports: 0..0 };
        let Ok(placement) = place(&problem, budget) else { return Ok(()) };
        prop_assert_eq!(problem.evaluate(&placement.at), Some(placement.cost));
        prop_assert!(placement.lower_bound <= placement.cost);
        let proven = place(&problem, 20_000).unwrap();
        prop_assert!(placement.lower_bound <= proven.cost);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn costs_no_more_than_greedy((blocks, links) in graph(10, 5), budget in 30u64..300) {
        let problem = Problem { columns: 20, rows: 8, blocks, links, weights: Weights::default(), ports: 0..0 };
        let greedy = [Method::GreedyRight, Method::GreedyAbove].map(|method| {
            place_by(method, &problem, &budget.into()).ok()
        });
        let ours = place(&problem, budget);
        for greedy in greedy.into_iter().flatten() {
            let ours = ours.as_ref().unwrap();
            prop_assert!(ours.cost <= greedy.cost);
            prop_assert!(greedy.lower_bound <= ours.cost);
        }
    }
}

/// Every graph of up to three blocks of up to 2x2 tiles on 3x3 cores.
#[test]
fn equals_brute_force_on_every_small_graph() {
    let sizes = [(1, 1), (2, 1), (1, 2), (2, 2)];
    let (mut placed, mut refused) = (0, 0);
    for count in 1..=3usize {
        let pairs: Vec<(usize, usize)> = (0..count)
            .flat_map(|a| (0..count).map(move |b| (a, b)))
            .filter(|(a, b)| a != b)
            .collect();
        for code in 0..sizes.len().pow(count as u32) {
            let size = |i: usize| sizes[code / sizes.len().pow(i as u32) % sizes.len()];
            let blocks: Vec<Block> = (0..count).map(|i| Block::new(size(i).0, size(i).1)).collect();
            for chosen in 0..1usize << pairs.len() {
                let links = (0..pairs.len()).filter(|i| chosen >> i & 1 == 1);
                let links = links.map(|i| Link { from: pairs[i].0, to: pairs[i].1 }).collect();
                let weights = Weights { lambda: 0.75, memory: 0.125, ..Weights::default() };
                let problem = Problem {
                    columns: 3,
                    rows: 3,
                    blocks: blocks.clone(),
                    links,
                    weights,
                    ports: 0..0,
                };
                match (place(&problem, NODES), brute_force(&problem)) {
                    (Ok(placement), Some(best)) => {
                        assert!(placement.optimal, "{problem:?}");
                        assert_eq!(placement.cost, best as f64 / SCALE, "{problem:?}");
                        placed += 1;
                    }
                    (Err(_), None) => refused += 1,
                    (ours, theirs) => panic!("{problem:?}: {ours:?} {theirs:?}"),
                }
            }
        }
    }
    assert!(placed > 3000 && refused > 300, "{placed} {refused}");
}

#[test]
fn says_that_a_budget_is_too_small() {
    let problem = chain(38, 8, vec![Block::new(4, 4); 7]);
    let message = place(&problem, 6).unwrap_err().to_string();
    assert_eq!(message, "a budget of 6 nodes is too small to place 7 rectangles: allow at least 7");
    let smallest = place(&problem, 7).unwrap();
    assert!(smallest.nodes <= 8, "{}", smallest.nodes);
    assert_eq!(problem.evaluate(&smallest.at), Some(smallest.cost));
}

#[test]
fn stops_when_told() {
    let blocks = (0..14).map(|_| Block::new(4, 4)).collect();
    let problem = chain(38, 8, blocks);
    let stop = || true;
    let stopped = place(&problem, Budget { nodes: NODES, stop: Some(&stop) }).unwrap();
    assert!(stopped.nodes < 1000, "{}", stopped.nodes);
    assert!(!stopped.optimal && stopped.lower_bound > 0.0);
    let full = place(&problem, NODES).unwrap();
    assert!(full.cost <= stopped.cost);
}

#[test]
fn greedy_methods_place_as_they_say() {
    let problem = chain(38, 8, vec![Block::new(4, 4); 7]);
    let right = place_by(Method::GreedyRight, &problem, &NODES.into()).unwrap();
    assert_eq!(right.at[6], Position { column: 24, row: 0 });
    let above = place_by(Method::GreedyAbove, &problem, &NODES.into()).unwrap();
    assert_eq!(above.at[1], Position { column: 0, row: 4 });
    assert!(above.cost > right.cost && above.lower_bound <= right.cost);
    assert_eq!("greedy-above".parse(), Ok(Method::GreedyAbove));
    assert_eq!(Method::BranchAndBound.to_string(), "branch-and-bound");
    assert!("best".parse::<Method>().unwrap_err().contains("greedy-right"));
}

#[test]
fn memory_tiles_draw_blocks_down() {
    let mut problem = chain(8, 8, vec![Block::new(2, 2); 2]);
    problem.weights = Weights { lambda: 0.1, mu: 0.0, ..Weights::default() };
    let up = place(&problem, NODES).unwrap();
    assert!(up.at.iter().any(|p| p.row > 0), "{up:?}");
    problem.weights.memory = 1.0;
    let low = place(&problem, NODES).unwrap();
    assert!(low.at.iter().all(|p| p.row == 0), "{low:?}");
}

#[test]
fn fills_every_core() {
    let device = Device::by_name("xcve2802").unwrap();
    // Chains of eight on all cores but two columns, which others fill.
    let mut sizes = vec![(8u32, 1u32); 32];
    sizes.extend([(6, 1); 8]);
    let blocks: Vec<Block> = sizes.iter().map(|&(w, h)| Block::new(w, h)).collect();
    assert!(packs(blocks.clone(), &device));
    assert!(packs(vec![Block::new(38, 1); 8], &device));
    let problem = Problem::new(&device, blocks, vec![]);
    let placement = place(&problem, NODES).unwrap();
    assert!(problem.evaluate(&placement.at).is_some());
}

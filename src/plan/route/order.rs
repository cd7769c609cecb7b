//! The order in which streams have their turn.

use super::{Effort, NoRoute, Router, Routing};
use crate::{array::Flow, plan::place::Random};

/// Edges that [`arrange`] looks at by default: half a second at most.
pub const STEPS: u64 = 60_000_000;

/// Rounds after which another order is tried. Later rounds are for detours: a way
/// that is longer by a switch costs as much as 20 rounds of sharing one.
const SHORT: u32 = 3;

/// Orders that are tried with those first that were in the way, and random ones after them.
const TRIES: u32 = 6;
const RANDOM: u32 = 8;

/// Streams in each other's way, in the best order after [`TRIES`], of which a longer search was
/// seen to find ways for all.
const FEW: usize = 12;

/// The same in the best of the first two orders, of which no other order was seen to find ways.
const MANY: usize = 24;

/// Edges that mlir-aie's router may look at: it always searches the whole array. It looks
/// at 2 to 5 million in a second, so that it takes half a minute at most.
const PATIENCE: u64 = 75_000_000;

/// An order of flows and the ways that they find in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arranged {
    /// Flows, by index, that come first; the others follow as they are.
    pub first: Vec<usize>,
    pub routing: Routing,
    /// Orders tried.
    pub tries: u32,
}

/// Looks for an order in which all flows find ways, in few rounds: as they are, then
/// with those first that were in each other's way, then in random orders. Where none of these
/// ends soon, the first and the best have as many rounds as there is time for.
///
/// About `steps` edges are looked at, all orders together. Flows of packets are left out.
///
/// # Errors
///
/// Of the order that left the fewest in each other's way, if none was found.
pub fn arrange(router: &Router, flows: &[Flow], steps: u64) -> Result<Arranged, NoRoute> {
    let circuits: Vec<usize> = (0..flows.len()).filter(|&i| flows[i].packet.is_none()).collect();
    let round = (circuits.len() as u64 * router.edges() as u64).max(1);
    let patience = u32::try_from(PATIENCE / round).unwrap_or(u32::MAX).clamp(SHORT, 1000);
    let mut left = steps;
    let mut tries = 0;
    let mut attempt = |first: &[usize], rounds: u32| {
        tries += 1;
        let rest = circuits.iter().filter(|index| !first.contains(index));
        let order: Vec<usize> = first.iter().chain(rest).copied().collect();
        let result = router.route(flows, &order, Effort { rounds, steps: left });
        if let Err(NoRoute::Congested { steps, .. }) = &result {
            left = left.saturating_sub(*steps);
        }
        let more = left > 0;
        result
            .map(|routing| Arranged { first: first.to_vec(), routing, tries })
            .map_err(|error| (error, more))
    };
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    let mut first = Vec::new();
    let mut best: Option<(usize, Vec<usize>, NoRoute)> = None;
    let mut turn = 0;
    loop {
        turn += 1;
        let long = turn > TRIES + RANDOM;
        if long {
            let again = best.as_ref().filter(|_| turn > TRIES + RANDOM + 1);
            first = again.map_or(Vec::new(), |(_, first, _)| first.clone());
        } else if turn > TRIES {
            first = circuits.clone();
            for last in (1..first.len()).rev() {
                first.swap(last, random.below(last + 1));
            }
        }
        let (error, more) = match attempt(&first, if long { patience } else { SHORT }) {
            Ok(arranged) => return Ok(arranged),
            Err(failure) => failure,
        };
        let NoRoute::Congested { flows: stuck, .. } = &error else { return Err(error) };
        let others = first.iter().filter(|index| !stuck.contains(index));
        let next = stuck.iter().chain(others).copied().collect();
        let count = stuck.len();
        let (count, order, error) = match best {
            Some(best) if best.0 <= count => best,
            _ => (count, first, error),
        };
        let hopeless = turn >= TRIES && count > FEW || turn >= 2 && count > MANY;
        if !more || turn == TRIES + RANDOM + 2 || hopeless {
            return Err(error);
        }
        best = Some((count, order, error));
        first = next;
    }
}

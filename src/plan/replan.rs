//! What to ask for where a plan cannot be kept.
//!
//! The planner knows the limits of tiles; those of streams and memory tiles show only when a plan
//! is placed. A plan that cannot be placed, its edges not be carried or its streams not routed is
//! made again: first with those edges through memory tiles whose streams are in the way, as memory
//! tiles send straight up to those who read, then with all of them, then with a quarter less of its
//! tiles, which need fewer streams, and so on.
//!
//! Memory tiles add more to the latency than some tiles save. For latency an eighth less of the
//! tiles therefore comes first, and all edges through memory tiles last.

use super::{hand_over::Transport, parallelize::Objective};

/// What plans may use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// How edges may be carried.
    pub transport: Transport,
    /// Edges, by number, that go through memory tiles in any case.
    pub stored: Vec<usize>,
    /// `None`: all tiles of the device.
    pub max_tiles: Option<usize>,
}

/// Who found that a plan cannot be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum By {
    /// The planner: no plan is as requested.
    Planner,
    /// Who carries edges, within tiles or through memory tiles.
    Carrier,
    /// Who looks for places and ways.
    Placer,
}

/// A plan that cannot be kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused<'a> {
    pub by: By,
    pub tiles: usize,
    pub layers: usize,
    /// Edges from tile to tile that are in the way, by number, the most wanted first.
    pub congested: &'a [usize],
}

/// How often some more edges go through memory tiles before all of them do.
const STORED: usize = 3;

/// Requests, one after the other, each for a plan that is easier to place than the one before.
#[derive(Clone, Debug)]
pub struct Requests {
    objective: Objective,
    asked: Request,
    now: Request,
    /// Whether none was refused yet.
    first: bool,
    /// How often some more edges were stored.
    rounds: usize,
    /// While an eighth less is tried: the tiles that may be used otherwise, and what was in the
    /// way then.
    sparing: Option<(Option<usize>, Vec<usize>)>,
}

impl Requests {
    pub fn new(objective: Objective, first: Request) -> Requests {
        let asked = first.clone();
        Requests { objective, asked, now: first, first: true, rounds: 0, sparing: None }
    }

    pub fn now(&self) -> &Request {
        &self.now
    }

    /// What to ask for after a plan was refused; `None` if there is nothing left. There is an end:
    /// each time either edges go through memory tiles that did not, or the tiles are fewer than
    /// ever.
    pub fn after(&mut self, refused: Refused) -> Option<&Request> {
        let Refused { mut by, tiles, .. } = refused;
        let mut congested = refused.congested.to_vec();
        let layers = refused.layers.max(1);
        let first = std::mem::take(&mut self.first);
        let latency = self.objective == Objective::Latency;
        if first && by == By::Planner {
            return None;
        }
        if let Some(before) = self.sparing.take() {
            // Whoever finds that an eighth less is no help, the placer refused what was before.
            by = By::Placer;
            (self.now.max_tiles, congested) = before;
        }
        let direct = self.now.transport == Transport::Auto;
        let placing = by == By::Placer;
        let spare = tiles - tiles.div_ceil(8);
        if direct && placing && first && latency && spare >= layers {
            self.sparing = Some((self.now.max_tiles.replace(spare), congested));
            return Some(&self.now);
        }
        let more = congested.iter().filter(|edge| !self.now.stored.contains(edge));
        let more: Vec<usize> = more.copied().take(congested.len().div_ceil(2)).collect();
        if direct && placing && !more.is_empty() && self.rounds < STORED {
            self.rounds += 1;
            self.now.stored.extend(more);
            return Some(&self.now);
        }
        let some = !std::mem::take(&mut self.now.stored).is_empty();
        self.rounds = 0;
        let fewer = tiles - tiles.div_ceil(4);
        // Tiles that are asked for by name cannot be saved.
        let less = self.now.max_tiles.is_none_or(|most| fewer < most)
            && fewer >= layers
            && by != By::Planner;
        if direct && if latency { !less } else { placing || some } {
            self.now.transport = Transport::MemoryTiles;
            if latency {
                self.now.max_tiles = self.asked.max_tiles;
            }
            return Some(&self.now);
        }
        if !latency {
            self.now.transport = self.asked.transport;
        }
        self.now.max_tiles = Some(fewer);
        less.then_some(&self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn first(transport: Transport, max_tiles: Option<usize>) -> Request {
        Request { transport, stored: Vec::new(), max_tiles }
    }

    /// The requests that are made if the placer refuses all and plans use all that they may: what
    /// carries edges, how many of them go through memory tiles in any case, and tiles.
    fn all(
        objective: Objective,
        transport: Transport,
        tiles: usize,
        congested: &[usize],
    ) -> Vec<(Transport, usize, usize)> {
        let mut requests = Requests::new(objective, first(transport, None));
        let mut made = Vec::new();
        let mut used = tiles;
        while let Some(request) =
            requests.after(Refused { by: By::Placer, tiles: used, layers: 3, congested })
        {
            used = request.max_tiles.unwrap_or(tiles);
            made.push((request.transport, request.stored.len(), used));
        }
        made
    }

    #[test]
    fn memory_tiles_then_fewer_tiles() {
        use Transport::{Auto, MemoryTiles};
        assert_eq!(
            all(Objective::Throughput, Auto, 8, &[]),
            [
                (MemoryTiles, 0, 8),
                (Auto, 0, 6),
                (MemoryTiles, 0, 6),
                (Auto, 0, 4),
                (MemoryTiles, 0, 4),
                (Auto, 0, 3),
                (MemoryTiles, 0, 3),
            ]
        );
        assert_eq!(
            all(Objective::Latency, Auto, 6, &[]),
            [
                (Auto, 0, 5),
                (Auto, 0, 3),
                (MemoryTiles, 0, 6),
                (MemoryTiles, 0, 4),
                (MemoryTiles, 0, 3),
            ]
        );
        let fewer = [(MemoryTiles, 0, 4), (MemoryTiles, 0, 3)];
        assert_eq!(all(Objective::Latency, MemoryTiles, 6, &[]), fewer);
    }

    #[test]
    fn edges_in_the_way_before_all() {
        use Transport::{Auto, MemoryTiles};
        assert_eq!(
            all(Objective::Resources, Auto, 4, &[7, 1, 4]),
            [
                (Auto, 2, 4),
                (Auto, 3, 4),
                (MemoryTiles, 0, 4),
                (Auto, 0, 3),
                (Auto, 2, 3),
                (Auto, 3, 3),
                (MemoryTiles, 0, 3),
            ]
        );
    }

    /// Tiles that a directive asks for are in every plan, whatever is requested.
    #[test]
    fn tiles_asked_for_by_name_end_it() {
        let mut requests = Requests::new(Objective::Throughput, first(Transport::Auto, None));
        let refused = Refused { by: By::Placer, tiles: 100, layers: 3, congested: &[] };
        let made = (0..100).take_while(|_| requests.after(refused).is_some()).count();
        assert_eq!(made, 3);
    }

    proptest! {
        /// Whoever refuses, and whatever plans use.
        #[test]
        fn there_is_an_end(
            latency: bool,
            max_tiles in proptest::option::of(1usize..400),
            layers in 1usize..40,
            refusals in proptest::collection::vec(
                (0usize..3, 1usize..400, proptest::collection::vec(0usize..40, 0..40)),
                200,
            ),
        ) {
            let objective = if latency { Objective::Latency } else { Objective::Resources };
            let mut requests = Requests::new(objective, first(Transport::Auto, max_tiles));
            for (by, tiles, congested) in refusals {
                let by = [By::Planner, By::Carrier, By::Placer][by];
                let tiles = tiles.min(requests.now().max_tiles.unwrap_or(400));
                if requests.after(Refused { by, tiles, layers, congested: &congested }).is_none() {
                    return Ok(());
                }
            }
            prop_assert!(false, "two hundred requests");
        }
    }
}

//! What to ask for where a plan cannot be kept.
//!
//! The planner knows the limits of tiles; those of streams and memory tiles show only when a plan
//! is placed. A plan that cannot be placed, its edges not be carried or its streams not routed is
//! made again: first with all edges through memory tiles, which send straight up to those who
//! read, then with a quarter less of its tiles, which need fewer streams, and so on. For latency,
//! to which memory tiles add more than some tiles save, an eighth less of the tiles comes before.

use super::{hand_over::Transport, parallelize::Objective};

/// What plans may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// How edges may be carried.
    pub transport: Transport,
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

/// Requests, one after the other, each for a plan that is easier to place than the one before.
#[derive(Clone, Debug)]
pub struct Requests {
    objective: Objective,
    asked: Transport,
    now: Request,
    /// Whether none was refused yet.
    first: bool,
    /// While an eighth less is tried: the tiles that may be used otherwise.
    sparing: Option<Option<usize>>,
}

impl Requests {
    pub fn new(objective: Objective, first: Request) -> Requests {
        Requests { objective, asked: first.transport, now: first, first: true, sparing: None }
    }

    pub fn now(&self) -> Request {
        self.now
    }

    /// What to ask for after a plan with `tiles` tiles for `layers` layers was refused; `None` if
    /// there is nothing left. There is an end: each time either edges go through memory tiles that
    /// did not, or the tiles are fewer than ever.
    pub fn after(&mut self, by: By, tiles: usize, layers: usize) -> Option<Request> {
        let first = std::mem::take(&mut self.first);
        let spared = self.sparing.take();
        let sparing = spared.is_some();
        self.now.max_tiles = spared.unwrap_or(self.now.max_tiles);
        let layers = layers.max(1);
        // An eighth less may be too little for what was fixed, which the planner finds out.
        let may_store = self.now.transport == Transport::Auto
            && (by == By::Placer || by == By::Planner && sparing);
        let spare = tiles - tiles.div_ceil(8);
        if may_store && first && self.objective == Objective::Latency && spare >= layers {
            self.sparing = Some(self.now.max_tiles.replace(spare));
            return Some(self.now);
        }
        if may_store {
            self.now.transport = Transport::MemoryTiles;
            return Some(self.now);
        }
        let fewer = tiles - tiles.div_ceil(4);
        // Tiles that are asked for by name cannot be saved.
        let less = self.now.max_tiles.is_none_or(|most| fewer < most);
        self.now = Request { transport: self.asked, max_tiles: Some(fewer) };
        (by != By::Planner && less && fewer >= layers).then_some(self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The requests that are made if all are refused by the placer and plans use all that they may.
    fn all(objective: Objective, transport: Transport, tiles: usize) -> Vec<(Transport, usize)> {
        let mut requests = Requests::new(objective, Request { transport, max_tiles: None });
        let mut made = Vec::new();
        let mut used = tiles;
        while let Some(request) = requests.after(By::Placer, used, 3) {
            used = request.max_tiles.unwrap_or(tiles);
            made.push((request.transport, used));
        }
        made
    }

    #[test]
    fn memory_tiles_then_fewer_tiles() {
        use Transport::{Auto, MemoryTiles};
        assert_eq!(
            all(Objective::Throughput, Auto, 16),
            [
                (MemoryTiles, 16),
                (Auto, 12),
                (MemoryTiles, 12),
                (Auto, 9),
                (MemoryTiles, 9),
                (Auto, 6),
                (MemoryTiles, 6),
                (Auto, 4),
                (MemoryTiles, 4),
                (Auto, 3),
                (MemoryTiles, 3),
            ]
        );
        assert_eq!(
            all(Objective::Latency, Auto, 8),
            [
                (Auto, 7),
                (MemoryTiles, 8),
                (Auto, 6),
                (MemoryTiles, 6),
                (Auto, 4),
                (MemoryTiles, 4),
                (Auto, 3),
                (MemoryTiles, 3),
            ]
        );
        assert_eq!(all(Objective::Latency, MemoryTiles, 6), [(MemoryTiles, 4), (MemoryTiles, 3)]);
    }

    /// Tiles that a directive asks for are in every plan, whatever is requested.
    #[test]
    fn tiles_asked_for_by_name_end_it() {
        let first = Request { transport: Transport::Auto, max_tiles: None };
        let mut requests = Requests::new(Objective::Throughput, first);
        let made = std::iter::from_fn(|| requests.after(By::Placer, 100, 3)).take(100).count();
        assert_eq!(made, 3);
    }

    proptest! {
        /// Whoever refuses, and whatever plans use.
        #[test]
        fn there_is_an_end(
            latency: bool,
            max_tiles in proptest::option::of(1usize..400),
            layers in 1usize..40,
            refusals in proptest::collection::vec((0usize..3, 1usize..400), 100),
        ) {
            let objective = if latency { Objective::Latency } else { Objective::Resources };
            let first = Request { transport: Transport::Auto, max_tiles };
            let mut requests = Requests::new(objective, first);
            for (by, used) in refusals {
                let by = [By::Planner, By::Carrier, By::Placer][by];
                let used = used.min(requests.now().max_tiles.unwrap_or(400));
                if requests.after(by, used, layers).is_none() {
                    return Ok(());
                }
            }
            prop_assert!(false, "a hundred requests");
        }
    }
}

//! Where AIE4ML puts the layers of a chain.
//!
//! A layer is a rectangle of cores, as wide as its cascade and as high as it has
//! chains. The inputs of each core lie in the tile west of it, so a layer keeps
//! that column free of the layers before it. Columns from the last tile of a layer
//! to the first of the next, the middle row of each layer but the first, and a
//! twentieth of all lowest rows add up to the cost of a placement. The first layer
//! stands in the corner; each next one is tried row by row from the lowest, in columns
//! up to six from the one behind the layer before it, the nearest first. Of placements
//! of the least cost it is the first found, unless putting each layer right behind
//! the one before costs no more (`passes/placement.py` of KastnerRG/aie4ml).

/// Columns and rows to place in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Grid {
    pub columns: usize,
    pub rows: usize,
}

/// A layer at its place: its lowest west tile, and how many columns and rows it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    pub column: usize,
    pub row: usize,
    pub width: usize,
    pub height: usize,
}

/// Columns that are tried on either side of the best.
const WINDOW: usize = 6;

/// What a column, and a row to the middle of a layer, costs in steps of the lowest row.
const STEP: usize = 20;

/// Partial placements after which the best so far stands.
const NODES: usize = 4_000_000;

impl Block {
    /// Whether its cores, or their inputs in the column west of them, meet `other`.
    fn meets(&self, other: &Block) -> bool {
        let apart = |a: usize, b: usize, of_a: usize, of_b: usize| a + of_a <= b || b + of_b <= a;
        let west = self.column.saturating_sub(1);
        let width = self.column + self.width - west;
        !apart(west, other.column, width, other.width)
            && !apart(self.row, other.row, self.height, other.height)
    }

    /// From the layer before it to this one.
    fn cost(&self, before: &Block) -> usize {
        let from = before.column + before.width - 1;
        STEP * (from.abs_diff(self.column) + self.row + self.height / 2) + self.row
    }
}

/// Places for layers of `sizes` (width and height); `None` if there is no room.
pub fn places(sizes: &[(usize, usize)], grid: Grid) -> Option<Vec<Block>> {
    let &(width, height) = sizes.first()?;
    let fits = |&(width, height): &(usize, usize)| width <= grid.columns && height <= grid.rows;
    if !sizes.iter().all(fits) {
        return None;
    }
    // What is still to come costs at least the middle rows of layers at the bottom.
    let mut rest = vec![0; sizes.len() + 1];
    for (index, (_, height)) in sizes.iter().enumerate().skip(1).rev() {
        rest[index] = rest[index + 1] + STEP * (height / 2);
    }
    let first = Block { column: 0, row: 0, width, height };
    let best = behind(first, &sizes[1..], grid).map(|blocks| {
        let cost = blocks.windows(2).map(|pair| pair[1].cost(&pair[0])).sum();
        (cost, blocks)
    });
    let mut search = Search { sizes, grid, rest: &rest, best, placed: vec![first], nodes: NODES };
    search.descend(0);
    search.best.map(|(_, blocks)| blocks)
}

/// Each layer right behind the one before, or else in the first place that is free.
fn behind(first: Block, sizes: &[(usize, usize)], grid: Grid) -> Option<Vec<Block>> {
    let mut placed = vec![first];
    for &(width, height) in sizes {
        let before = placed[placed.len() - 1];
        let next = Block { column: before.column + before.width, row: before.row, width, height };
        let all = (0..=grid.rows - height).flat_map(|row| {
            (0..=grid.columns - width).map(move |column| Block { column, row, width, height })
        });
        let fits = |block: &Block| {
            block.column + width <= grid.columns
                && block.row + height <= grid.rows
                && !placed.iter().any(|other| block.meets(other))
        };
        let found = std::iter::once(next).chain(all).find(fits)?;
        placed.push(found);
    }
    Some(placed)
}

struct Search<'a> {
    sizes: &'a [(usize, usize)],
    grid: Grid,
    /// From each layer on, the least that can still be added.
    rest: &'a [usize],
    best: Option<(usize, Vec<Block>)>,
    placed: Vec<Block>,
    nodes: usize,
}

impl Search<'_> {
    fn descend(&mut self, cost: usize) {
        let index = self.placed.len();
        let cheaper = |cost: usize, best: &Option<(usize, Vec<Block>)>| {
            best.as_ref().is_none_or(|(best, _)| cost < *best)
        };
        let Some(&(width, height)) = self.sizes.get(index) else {
            if cheaper(cost, &self.best) {
                self.best = Some((cost, self.placed.clone()));
            }
            return;
        };
        let before = self.placed[index - 1];
        let last = self.grid.columns - width;
        let ideal = before.column + before.width;
        let mut columns: Vec<usize> = match (ideal.saturating_sub(WINDOW), last.min(ideal + WINDOW))
        {
            (first, last) if first <= last => (first..=last).collect(),
            _ => (0..=last).collect(),
        };
        columns.sort_by_key(|column| column.abs_diff(ideal));
        for row in 0..=self.grid.rows - height {
            for &column in &columns {
                let block = Block { column, row, width, height };
                let cost = cost + block.cost(&before);
                let least = cost + self.rest[index + 1];
                if self.nodes == 0
                    || !cheaper(least, &self.best)
                    || self.placed.iter().any(|other| block.meets(other))
                {
                    continue;
                }
                self.nodes -= 1;
                self.placed.push(block);
                self.descend(cost);
                self.placed.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stands_behind_what_came_before() {
        let grid = Grid { columns: 31, rows: 8 };
        let at = |sizes: &[(usize, usize)]| -> Vec<(usize, usize)> {
            places(sizes, grid).unwrap().iter().map(|block| (block.column, block.row)).collect()
        };
        // A column lies between layers for the inputs of the second.
        assert_eq!(at(&[(5, 4), (4, 2)]), [(0, 0), (6, 0)]);
        // Two rows up cost a little more than two columns.
        assert_eq!(at(&[(1, 2), (4, 1)]), [(0, 0), (2, 0)]);
        assert!(places(&[(32, 1)], grid).is_none());
        assert!(places(&[(31, 8), (1, 1)], grid).is_none());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 40, ..ProptestConfig::default() })]
        #[test]
        fn cores_and_inputs_keep_apart(
            sizes in prop::collection::vec((1usize..5, 1usize..5), 1..6),
        ) {
            let grid = Grid { columns: 14, rows: 6 };
            let Some(blocks) = places(&sizes, grid) else { return Ok(()) };
            prop_assert_eq!(blocks.len(), sizes.len());
            for (index, block) in blocks.iter().enumerate() {
                prop_assert!(block.column + block.width <= grid.columns);
                prop_assert!(block.row + block.height <= grid.rows);
                prop_assert!(blocks[..index].iter().all(|before| !block.meets(before)));
            }
            // No layer alone is at a better place.
            let cost = |blocks: &[Block]| -> usize {
                blocks.windows(2).map(|pair| pair[1].cost(&pair[0])).sum()
            };
            for index in 1..blocks.len() {
                for row in 0..=grid.rows - blocks[index].height {
                    for column in 0..=grid.columns - blocks[index].width {
                        let ideal = blocks[index - 1].column + blocks[index - 1].width;
                        let mut other = blocks.clone();
                        other[index] = Block { column, row, ..blocks[index] };
                        let meet = (1..other.len())
                            .any(|i| other[..i].iter().any(|before| other[i].meets(before)));
                        if !meet && column.abs_diff(ideal) <= WINDOW && index + 1 == blocks.len() {
                            prop_assert!(cost(&other) >= cost(&blocks));
                        }
                    }
                }
            }
        }
    }
}

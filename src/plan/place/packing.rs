//! Whether rectangles fit an array at all, by complete search.
//!
//! The westernmost, then lowest, core that is not decided yet is either the
//! corner of one of the remaining rectangles or stays empty; as many cores stay
//! empty as there are more cores than tiles. Rectangles of one size are alike.

use super::{Grid, Position, Problem};
use std::collections::BTreeMap;

/// A position for every block, `None` if there is no arrangement, or the steps
/// taken if they ended before either was known.
pub fn pack(problem: &Problem, steps: u64) -> Result<Option<Vec<Position>>, u64> {
    let Some(grid) = Grid::new(problem.columns, problem.rows) else { return Ok(None) };
    let mut search = Packing {
        problem,
        grid,
        at: vec![Position::default(); problem.blocks.len()],
        left: BTreeMap::new(),
        slack: i64::from(problem.columns) * i64::from(problem.rows),
        steps,
    };
    for (index, block) in problem.blocks.iter().enumerate() {
        search.slack -= i64::from(block.width * block.height);
        match block.fixed {
            Some(fixed) if !search.grid.free(block, fixed) => return Ok(None),
            Some(fixed) => {
                search.grid.toggle(block, fixed);
                search.at[index] = fixed;
            }
            // High ones first: they leave the fewest ways to go on.
            None => {
                let size = (std::cmp::Reverse(block.height), std::cmp::Reverse(block.width));
                search.left.entry(size).or_default().push(index);
            }
        }
    }
    match search.fill(0) {
        true => Ok(Some(search.at)),
        false if search.steps == 0 => Err(steps),
        false => Ok(None),
    }
}

type Size = (std::cmp::Reverse<u32>, std::cmp::Reverse<u32>);

struct Packing<'a> {
    problem: &'a Problem,
    /// Cores that are taken or stay empty.
    grid: Grid,
    at: Vec<Position>,
    /// Blocks to place, by size.
    left: BTreeMap<Size, Vec<usize>>,
    /// Cores that may still stay empty.
    slack: i64,
    steps: u64,
}

impl Packing<'_> {
    /// Decides the cores from number `from` on, counted column by column.
    fn fill(&mut self, from: u32) -> bool {
        if self.left.values().all(Vec::is_empty) {
            return true;
        }
        let rows = self.problem.rows;
        let core = |number: u32| Position { column: number / rows, row: number % rows };
        let one = super::Block::new(1, 1);
        let Some(next) =
            (from..self.problem.columns * rows).find(|&n| self.grid.free(&one, core(n)))
        else {
            return false;
        };
        let position = core(next);
        let sizes: Vec<Size> =
            self.left.iter().filter(|(_, list)| !list.is_empty()).map(|(&size, _)| size).collect();
        for size in sizes {
            let Some(&index) = self.left[&size].last() else { continue };
            let block = self.problem.blocks[index];
            if !self.grid.free(&block, position) {
                continue;
            }
            if self.steps == 0 {
                return false;
            }
            self.steps -= 1;
            self.left.entry(size).and_modify(|list| _ = list.pop());
            self.grid.toggle(&block, position);
            self.at[index] = position;
            if self.fill(next + 1) {
                return true;
            }
            self.grid.toggle(&block, position);
            self.left.entry(size).and_modify(|list| list.push(index));
        }
        if self.slack == 0 || self.steps == 0 {
            return false;
        }
        self.steps -= 1;
        self.slack -= 1;
        self.grid.toggle(&one, position);
        let found = self.fill(next + 1);
        self.grid.toggle(&one, position);
        self.slack += 1;
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Block, Weights};
    use super::*;

    fn problem(columns: u32, rows: u32, sizes: &[(u32, u32)]) -> Problem {
        Problem {
            columns,
            rows,
            blocks: sizes.iter().map(|&(w, h)| Block::new(w, h)).collect(),
            links: Vec::new(),
            weights: Weights::default(),
            ports: 0..0,
        }
    }

    #[test]
    fn finds_the_pinwheel() {
        // Four around one: no cut goes through, and sorting finds it no better.
        let all = problem(3, 3, &[(2, 1), (2, 1), (1, 2), (1, 2), (1, 1)]);
        let at = pack(&all, 1000).unwrap().unwrap();
        assert!(all.evaluate(&at).is_some());
    }

    #[test]
    fn proves_that_nothing_fits() {
        assert_eq!(pack(&problem(4, 4, &[(3, 3), (2, 2)]), 1000), Ok(None));
        let rest = problem(4, 4, &[(3, 2), (3, 2), (1, 2), (1, 2)]);
        assert!(pack(&rest, 1000).unwrap().is_some());
    }

    #[test]
    fn says_when_it_does_not_know() {
        assert_eq!(pack(&problem(38, 8, &[(20, 5), (20, 5)]), 500), Err(500));
    }

    #[test]
    fn keeps_fixed_blocks() {
        let mut all = problem(4, 2, &[(2, 2), (1, 1), (1, 2)]);
        all.blocks[1].fixed = Some(Position { column: 1, row: 0 });
        let at = pack(&all, 1000).unwrap().unwrap();
        assert_eq!(at[1], Position { column: 1, row: 0 });
        assert!(all.evaluate(&at).is_some());
    }
}

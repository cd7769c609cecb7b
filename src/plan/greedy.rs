//! Simple placements: the baselines of the branch and bound, and its first
//! incumbents.

use super::place::{Block, Grid, Position, Problem};

/// Each block east of the one before it, on the lowest row; at the end of the
/// array on the first free position from the west.
pub fn right(problem: &Problem) -> Option<Vec<Position>> {
    follow(problem, |last, block| Position { column: block.column + last.width, row: 0 })
}

/// Each block above the one before it; at the top of the array on the first
/// free position from the west.
pub fn above(problem: &Problem) -> Option<Vec<Position>> {
    follow(problem, |last, block| Position { column: block.column, row: block.row + last.height })
}

/// Blocks in order of index, fixed ones aside: at `next` of the one before,
/// or else first free.
fn follow(problem: &Problem, next: fn(&Block, Position) -> Position) -> Option<Vec<Position>> {
    let (mut grid, mut at) = start(problem)?;
    let mut last: Option<usize> = None;
    for index in 0..problem.blocks.len() {
        let block = &problem.blocks[index];
        if block.fixed.is_none() {
            let wanted = last.map_or(Position::default(), |l| next(&problem.blocks[l], at[l]));
            let position =
                if grid.free(block, wanted) { wanted } else { first_free(problem, &grid, block)? };
            grid.toggle(block, position);
            at[index] = position;
        }
        last = Some(index);
    }
    Some(at)
}

/// One of these.
pub type Method = fn(&Problem) -> Option<Vec<Position>>;

/// A meaning of large, and what decides among equals.
type Size = fn(&Block) -> (u32, u32);

/// Any arrangement: largest first, first free position, for several meanings
/// of large.
pub fn pack(problem: &Problem) -> Option<Vec<Position>> {
    let sizes: [Size; 3] =
        [|b| (b.height, b.width), |b| (b.width, b.height), |b| (b.width * b.height, b.height)];
    sizes.into_iter().find_map(|size| {
        let (mut grid, mut at) = start(problem)?;
        let mut order: Vec<usize> =
            (0..at.len()).filter(|&b| problem.blocks[b].fixed.is_none()).collect();
        order.sort_by_key(|&b| (std::cmp::Reverse(size(&problem.blocks[b])), b));
        for index in order {
            let block = &problem.blocks[index];
            at[index] = first_free(problem, &grid, block)?;
            grid.toggle(block, at[index]);
        }
        Some(at)
    })
}

/// A grid with the fixed blocks on it.
fn start(problem: &Problem) -> Option<(Grid, Vec<Position>)> {
    let mut grid = Grid::new(problem.columns, problem.rows)?;
    let mut at = vec![Position::default(); problem.blocks.len()];
    for (block, at) in problem.blocks.iter().zip(&mut at) {
        if let Some(fixed) = block.fixed {
            if !grid.free(block, fixed) {
                return None;
            }
            grid.toggle(block, fixed);
            *at = fixed;
        }
    }
    Some((grid, at))
}

/// The westernmost, then lowest, free position.
fn first_free(problem: &Problem, grid: &Grid, block: &Block) -> Option<Position> {
    (0..problem.columns)
        .flat_map(|column| (0..problem.rows).map(move |row| Position { column, row }))
        .find(|&position| grid.free(block, position))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::Device;

    #[test]
    fn right_fills_a_row_and_above_a_column() {
        let device = Device::by_name("xcve2802").unwrap();
        let problem = Problem::new(&device, vec![Block::new(4, 4); 10], vec![]);
        let at = right(&problem).unwrap();
        assert_eq!(at[8], Position { column: 32, row: 0 });
        assert_eq!(at[9], Position { column: 0, row: 4 });
        let at = above(&problem).unwrap();
        assert_eq!(at[1], Position { column: 0, row: 4 });
        assert_eq!(at[2], Position { column: 4, row: 0 });
    }

    #[test]
    fn pack_needs_no_luck_with_the_order() {
        let device = Device::by_name("npu1").unwrap();
        let blocks = vec![Block::new(1, 2), Block::new(4, 1), Block::new(3, 2), Block::new(4, 1)];
        let problem = Problem::new(&device, blocks, vec![]);
        assert!(problem.evaluate(&pack(&problem).unwrap()).is_some());
    }
}

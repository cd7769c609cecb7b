//! From one order of blocks to another, on the way between two DMAs.
//!
//! A tile holds a tensor as `[rows/m][width/n][m][n]`. Where a producer's blocks
//! are not those of its consumer, the elements can change their order on the
//! stream between them: both DMAs walk the same *digits* of rows and features,
//! in the same order, each with the strides of its own layout. With `m` and `n`
//! the smaller, `M` and `N` the larger of the two sides' blocks, the digits are
//!
//! ```text
//! row     = r2 * M + r1 * m + r0      r0 < m,  r1 < M/m
//! feature = f2 * N + f1 * n + f0      f0 < n,  f1 < N/n
//! ```
//!
//! Each is linear in both layouts. `f0` is innermost, as its elements are
//! consecutive on both sides; the order of the others is free, and [`retile`]
//! takes the one that the fewest descriptors of the fewest dimensions can say.
//! A walk of more dimensions than a descriptor has becomes several, one for
//! each value of its outermost digit.

use super::program;
use crate::{
    array::{Dim, Tile},
    device::{Device, TileKind},
};

/// How a tile's memory holds a tensor: in blocks of `m` rows and `n` features,
/// padded to `rows` and `width`, which are multiples of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    pub m: usize,
    pub n: usize,
    pub rows: usize,
    pub width: usize,
}

impl Layout {
    /// Where a row and a feature begin, in elements.
    pub fn offset(&self, row: usize, feature: usize) -> usize {
        (row / self.m * self.width + feature / self.n * self.n) * self.m
            + row % self.m * self.n
            + feature % self.n
    }
}

/// What one descriptor moves, in elements of its buffer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Walk {
    pub offset: usize,
    pub len: usize,
    /// As in a descriptor; empty if the elements are consecutive.
    pub dims: Vec<Dim>,
}

impl Walk {
    /// The elements that are moved, in order.
    pub fn visited(&self) -> Vec<usize> {
        if self.dims.is_empty() {
            return (self.offset..self.offset + self.len).collect();
        }
        self.dims.iter().fold(vec![self.offset], |starts, dim| {
            starts
                .iter()
                .flat_map(|start| (0..dim.size).map(move |index| start + index * dim.stride))
                .collect()
        })
    }
}

/// The same elements in the same order, in two layouts: what the sender's and
/// the receiver's descriptors walk, one after the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Retiling {
    pub from: Vec<Walk>,
    pub to: Vec<Walk>,
}

/// Most descriptors for one half of one region on one side: a quarter of a
/// core's are enough for everything that occurs.
const MOST_WALKS: usize = 4;

/// The walks that hand `features` features, from `begin.0` of the sender's and
/// from `begin.1` of the receiver's buffer on, from one layout to the other.
///
/// All rows that both sides have are moved, and features up to the end of a
/// block. What the receiver has beyond is left as it is: it meets weights that
/// are zero, or is padding itself. `None` if the blocks do not nest, or if no
/// order of the digits is within a core's descriptors.
pub fn retile(
    from: &Layout,
    to: &Layout,
    begin: (usize, usize),
    features: usize,
    element_bytes: usize,
    device: &Device,
) -> Option<Retiling> {
    let rows = digits(from.rows.min(to.rows), from.m, to.m)?;
    let (small, large) = (from.n.min(to.n), from.n.max(to.n));
    let room = (from.width.checked_sub(begin.0)?).min(to.width.checked_sub(begin.1)?);
    let columns = [large, small]
        .map(|block| features.next_multiple_of(block))
        .into_iter()
        .filter(|&features| features <= room)
        .find_map(|features| digits(features, from.n, to.n))?;
    if !begin.0.is_multiple_of(from.n) || !begin.1.is_multiple_of(to.n) {
        return None;
    }
    // Count, stride of the sender and stride of the receiver.
    let digit = |count: usize, row: usize, feature: usize| {
        (count, from.offset(row, feature), to.offset(row, feature))
    };
    let (last, columns) = columns.split_last()?;
    let mut outer: Vec<_> = rows.iter().map(|&(count, step)| digit(count, step, 0)).collect();
    outer.extend(columns.iter().map(|&(count, step)| digit(count, 0, step)));
    outer.retain(|&(count, ..)| count > 1);
    // As the sender's buffer lies, for a start: equal layouts are then consecutive.
    outer.sort_by_key(|&(_, stride, _)| std::cmp::Reverse(stride));
    let at = Tile { column: 0, row: device.core_rows().start };
    let inner = (last.0, 1, 1);
    let mut best: Option<((usize, usize), Retiling)> = None;
    permutations(&mut outer, 0, &mut |order| {
        let side = |stride: fn(&(usize, usize, usize)) -> usize, begin| {
            let order = order.iter().chain([&inner]);
            let pattern: Vec<_> = order.map(|digit| (digit.0, stride(digit))).collect();
            walks(&pattern, begin, MOST_WALKS, element_bytes, at, device)
        };
        let (Some(sent), Some(received)) =
            (side(|d| d.1, from.offset(0, begin.0)), side(|d| d.2, to.offset(0, begin.1)))
        else {
            return;
        };
        let dims = |walks: &[Walk]| walks.iter().map(|walk| walk.dims.len()).sum::<usize>();
        let cost = (sent.len() + received.len(), dims(&sent) + dims(&received));
        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
            best = Some((cost, Retiling { from: sent, to: received }));
        }
    });
    best.map(|(_, retiling)| retiling)
}

/// `extent` rows or features as digits of blocks of `a` and of `b`: counts and
/// what one step is, largest first; the last steps by one. `None` if the blocks
/// do not nest, or end at different places.
fn digits(extent: usize, a: usize, b: usize) -> Option<Vec<(usize, usize)>> {
    let (small, large) = (a.min(b), a.max(b));
    if !large.is_multiple_of(small) || !extent.is_multiple_of(small) {
        None
    } else if extent.is_multiple_of(large) {
        Some(vec![(extent / large, large), (large / small, small), (small, 1)])
    } else if extent < large {
        Some(vec![(extent / small, small), (small, 1)])
    } else {
        None
    }
}

/// A pattern of sizes and strides, outermost first, as at most `most`
/// descriptors of a core's DMA. `None` if they are not enough.
pub fn walks(
    pattern: &[(usize, usize)],
    offset: usize,
    most: usize,
    element_bytes: usize,
    at: Tile,
    device: &Device,
) -> Option<Vec<Walk>> {
    let words = device.resources(TileKind::Core).bd.max_length as usize;
    let len = pattern.iter().map(|(size, _)| size).product::<usize>();
    if len * element_bytes <= 4 * words
        && let Ok(dims) = program::dims(pattern, element_bytes, at, device)
    {
        return Some(vec![Walk { offset, len, dims }]);
    }
    let (&(count, stride), rest) = pattern.split_first()?;
    if count > most {
        return None;
    }
    let parts = (0..count)
        .map(|i| walks(rest, offset + i * stride, most / count, element_bytes, at, device));
    Some(parts.collect::<Option<Vec<_>>>()?.concat())
}

/// Calls `visit` with every order of `items`, the given one first.
fn permutations<T>(items: &mut [T], fixed: usize, visit: &mut impl FnMut(&[T])) {
    if fixed + 1 >= items.len() {
        return visit(items);
    }
    for next in fixed..items.len() {
        items[fixed..=next].rotate_right(1);
        permutations(items, fixed + 1, visit);
        items[fixed..=next].rotate_left(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn device() -> Device {
        Device::by_name("xcve2802").unwrap()
    }

    fn layout(m: usize, n: usize, rows: usize, width: usize) -> Layout {
        Layout { m, n, rows, width }
    }

    /// Elements of a buffer that walks visit, in order.
    fn visited(walks: &[Walk]) -> Vec<usize> {
        let mut all = Vec::new();
        for Walk { offset, len, dims } in walks {
            let consecutive = [Dim { size: *len, stride: 1 }];
            let dims = if dims.is_empty() { &consecutive[..] } else { dims };
            assert_eq!(dims.iter().map(|dim| dim.size).product::<usize>(), *len);
            all.extend((0..*len).map(|mut index| {
                dims.iter().rev().fold(*offset, |at, dim| {
                    let digit = index % dim.size;
                    index /= dim.size;
                    at + digit * dim.stride
                })
            }));
        }
        all
    }

    #[test]
    fn equal_layouts_are_consecutive() {
        let same = layout(4, 8, 8, 32);
        let whole = retile(&same, &same, (0, 0), 30, 1, &device()).unwrap();
        assert_eq!(whole.from, [Walk { offset: 0, len: 256, dims: Vec::new() }]);
        assert_eq!(whole.from, whole.to);
    }

    /// 16-bit outputs in blocks of 8, inputs in blocks of 4.
    #[test]
    fn blocks_are_cut_on_the_way() {
        let (from, to) = (layout(4, 8, 8, 32), layout(4, 4, 8, 32));
        let whole = retile(&from, &to, (0, 0), 32, 2, &device()).unwrap();
        assert_eq!((whole.from.len(), whole.to.len()), (1, 1));
    }

    #[test]
    fn a_walk_of_too_many_dimensions_is_several() {
        let (from, to) = (layout(4, 8, 8, 64), layout(4, 4, 8, 32));
        let part = retile(&from, &to, (32, 0), 32, 2, &device()).unwrap();
        assert!(part.from.len() > 1, "{part:?}");
    }

    #[test]
    fn blocks_that_do_not_nest_are_refused() {
        let of = |n| layout(4, n, 4, 48);
        assert_eq!(retile(&of(8), &of(12), (0, 0), 48, 1, &device()), None);
        assert_eq!(retile(&of(8), &of(8), (4, 0), 8, 1, &device()), None, "inside a block");
        assert_eq!(retile(&of(8), &of(8), (0, 40), 16, 1, &device()), None, "beyond the buffer");
        // Six rows are not whole blocks of four.
        let (two, four) = (layout(2, 8, 6, 8), layout(4, 8, 8, 8));
        assert_eq!(retile(&two, &four, (0, 0), 8, 1, &device()), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn both_sides_walk_the_same_elements(
            rows in 1usize..20, features in 1usize..100, m in 0u32..3, m2 in 0u32..3,
            n in 2u32..5, n2 in 2u32..5, before in (0usize..4, 0usize..4), after in (0usize..3, 0usize..3),
            bytes in 1usize..3,
        ) {
            let (m, m2, n, n2) = (2 << m, 2 << m2, 1usize << n, 1usize << n2);
            let begin = (before.0 * n, before.1 * n2);
            let width = |begin: usize, n: usize, after: usize| begin + features.next_multiple_of(n) + after * n;
            let from = layout(m, n, rows.next_multiple_of(m), width(begin.0, n, after.0));
            let to = layout(m2, n2, rows.next_multiple_of(m2), width(begin.1, n2, after.1));
            let Some(Retiling { from: sent, to: received }) =
                retile(&from, &to, begin, features, bytes, &device()) else { return Ok(()) };
            prop_assert!(sent.len() <= MOST_WALKS && received.len() <= MOST_WALKS);
            for walk in sent.iter().chain(&received) {
                prop_assert_eq!(walk.visited(), visited(std::slice::from_ref(walk)));
            }
            let (sent, received) = (visited(&sent), visited(&received));
            prop_assert_eq!(sent.len(), received.len());
            // What arrives where, and that all that is needed does.
            let mut arrived = std::collections::BTreeMap::new();
            for (a, b) in sent.into_iter().zip(received) {
                prop_assert!(a < from.rows * from.width);
                prop_assert!(b < to.rows * to.width);
                prop_assert_eq!(arrived.insert(b, a), None);
            }
            for row in 0..rows {
                for feature in 0..features {
                    let (a, b) = (from.offset(row, begin.0 + feature), to.offset(row, begin.1 + feature));
                    prop_assert_eq!(arrived.get(&b), Some(&a), "row {}, feature {}", row, feature);
                }
            }
        }
    }
}

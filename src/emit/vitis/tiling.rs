//! Access patterns as ADF says them: a tile of a buffer, and loops that move it.
//!
//! Dimension 0 lies contiguous in memory. Within a tile dimension 0 is walked first; between
//! tiles the first loop of the traversal is the innermost (UG1603, Tiling Parameters).

use crate::array::Bd;
use std::fmt;

/// A loop over tiles.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Step {
    pub dimension: usize,
    /// In elements of that dimension.
    pub stride: usize,
    /// How many tiles.
    pub wrap: usize,
}

/// `adf::tiling_parameters`, as far as they are used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tiling {
    pub buffer: Vec<usize>,
    pub tile: Vec<usize>,
    pub offset: Vec<usize>,
    /// Innermost first.
    pub traversal: Vec<Step>,
}

/// The elements that a descriptor visits, in order, counted from the begin of its buffer.
pub fn visited(bd: &Bd) -> Vec<usize> {
    let mut all = vec![bd.offset];
    if bd.dims.is_empty() {
        return (bd.offset..bd.offset + bd.len).collect();
    }
    for dim in &bd.dims {
        all = all
            .iter()
            .flat_map(|start| (0..dim.size).map(move |index| start + index * dim.stride))
            .collect();
    }
    all
}

impl Tiling {
    /// The same walk over a buffer of that shape, dimension 0 first, whose first element is
    /// `base`; `None` if tiles cannot say it.
    pub fn of(shape: &[usize], base: usize, bd: &Bd) -> Option<Tiling> {
        let mut strides = Vec::with_capacity(shape.len());
        let mut size = 1;
        for extent in shape {
            strides.push(size);
            size *= extent;
        }
        let mut loops = Vec::new();
        for (count, stride) in merged(bd) {
            spread(shape, &strides, count, stride, &mut loops)?;
        }
        let mut rest = base + bd.offset;
        let mut offset = vec![0; shape.len()];
        for (dimension, stride) in strides.iter().enumerate().rev() {
            offset[dimension] = rest / stride;
            rest %= stride;
        }
        // The first loops, one to a dimension in rising order, are the tile.
        let mut tile = vec![1; shape.len()];
        let mut next = 0;
        let mut inner = 0;
        for step in &loops {
            if step.stride != 1 || step.dimension < next {
                break;
            }
            tile[step.dimension] = step.wrap;
            next = step.dimension + 1;
            inner += 1;
        }
        let tiling =
            Tiling { buffer: shape.to_vec(), tile, offset, traversal: loops.split_off(inner) };
        let expected: Vec<usize> = visited(bd).into_iter().map(|at| base + at).collect();
        (tiling.visited() == expected).then_some(tiling)
    }

    /// The elements that are visited, in order, counted from the begin of the buffer.
    pub fn visited(&self) -> Vec<usize> {
        let mut strides = Vec::with_capacity(self.buffer.len());
        let mut size = 1;
        for extent in &self.buffer {
            strides.push(size);
            size *= extent;
        }
        let start = self.offset.iter().zip(&strides).map(|(at, stride)| at * stride).sum();
        let mut all: Vec<usize> = vec![start];
        // Outermost first.
        let outer = self.traversal.iter().rev().map(|step| {
            (step.wrap, step.stride * strides.get(step.dimension).copied().unwrap_or(0))
        });
        let inner = self.tile.iter().copied().zip(strides.iter().copied()).rev();
        for (count, stride) in outer.chain(inner) {
            all = all
                .iter()
                .flat_map(|start| (0..count).map(move |index| start + index * stride))
                .collect();
        }
        all
    }

    /// Whether it is the whole buffer in its order.
    pub fn is_linear(&self) -> bool {
        let size: usize = self.buffer.iter().product();
        self.visited().into_iter().eq(0..size)
    }
}

/// The loops of a descriptor, innermost first, where those are one that continue each other.
pub fn merged(bd: &Bd) -> Vec<(usize, usize)> {
    let mut loops: Vec<(usize, usize)> = Vec::new();
    let dims = bd.dims.iter().rev().map(|dim| (dim.size, dim.stride));
    let linear = bd.dims.is_empty().then_some((bd.len, 1));
    for (size, stride) in dims.chain(linear) {
        match loops.last_mut() {
            _ if size == 1 => {}
            Some((inner, step)) if stride == *inner * *step => *inner *= size,
            _ => loops.push((size, stride)),
        }
    }
    loops
}

/// A loop over memory as loops over dimensions.
fn spread(
    shape: &[usize],
    strides: &[usize],
    count: usize,
    stride: usize,
    loops: &mut Vec<Step>,
) -> Option<()> {
    let dimension = strides.iter().rposition(|&s| stride >= s && stride.is_multiple_of(s))?;
    // Dimensions of one element have the stride of their inner neighbor.
    let dimension = (0..=dimension)
        .find(|&d| strides[d] == strides[dimension] && (shape[d] > 1 || d == dimension))?;
    let step = stride / strides[dimension];
    let extent = shape[dimension];
    let fits = extent.div_ceil(step);
    if count <= fits || dimension + 1 == shape.len() {
        loops.push(Step { dimension, stride: step, wrap: count });
        return Some(());
    }
    if !extent.is_multiple_of(step) || !count.is_multiple_of(fits) {
        return None;
    }
    loops.push(Step { dimension, stride: step, wrap: fits });
    spread(shape, strides, count / fits, stride * fits, loops)
}

impl fmt::Display for Tiling {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let list = |numbers: &[usize]| -> String {
            numbers.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")
        };
        write!(
            f,
            "adf::tiling({{.buffer_dimension = {{{}}}, .tiling_dimension = {{{}}}, .offset = {{{}}}",
            list(&self.buffer),
            list(&self.tile),
            list(&self.offset)
        )?;
        if !self.traversal.is_empty() {
            let steps: Vec<String> = (self.traversal.iter())
                .map(|Step { dimension, stride, wrap }| {
                    format!("{{.dimension = {dimension}, .stride = {stride}, .wrap = {wrap}}}")
                })
                .collect();
            write!(f, ", .tile_traversal = {{{}}}", steps.join(", "))?;
        }
        f.write_str("})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::array::{BufferId, Dim};

    fn bd(offset: usize, dims: &[(usize, usize)]) -> Bd {
        let dims: Vec<Dim> = dims.iter().map(|&(size, stride)| Dim { size, stride }).collect();
        Bd {
            buffer: BufferId(0),
            offset,
            len: dims.iter().map(|dim| dim.size).product(),
            dims,
            pad: Vec::new(),
            acquire: None,
            release: None,
            packet: None,
            next: None,
        }
    }

    #[test]
    fn blocks_of_a_matrix_are_tiles() {
        // 8 rows of 24 in blocks of 4 x 8, in a buffer of 40 columns, from column 8.
        let tiling = Tiling::of(&[40, 8], 8, &bd(0, &[(2, 160), (3, 8), (4, 40), (8, 1)])).unwrap();
        assert_eq!((&*tiling.tile, &*tiling.offset), (&[8, 4][..], &[8, 0][..]));
        let steps: Vec<_> =
            tiling.traversal.iter().map(|s| (s.dimension, s.stride, s.wrap)).collect();
        assert_eq!(steps, [(0, 8, 3), (1, 4, 2)]);
        assert_eq!(
            tiling.to_string(),
            "adf::tiling({.buffer_dimension = {40, 8}, .tiling_dimension = {8, 4}, .offset = {8, 0}, \
             .tile_traversal = {{.dimension = 0, .stride = 8, .wrap = 3}, {.dimension = 1, .stride = 4, .wrap = 2}}})"
        );
    }

    #[test]
    fn what_was_merged_or_split_for_a_descriptor_is_the_same_walk() {
        // Whole rows, one after the other.
        let whole = Tiling::of(&[16, 4], 0, &bd(0, &[])).map(|t| t.visited().len());
        assert_eq!(whole, Some(1), "a descriptor of no elements visits one");
        let mut linear = bd(0, &[]);
        linear.len = 64;
        let tiling = Tiling::of(&[16, 4], 0, &linear).unwrap();
        assert_eq!(tiling.tile, [16, 4]);
        assert!(tiling.is_linear());
        // Rows of 832 as two halves.
        let split = bd(0, &[(2, 864), (2, 416), (416, 1)]);
        let tiling = Tiling::of(&[864, 2], 0, &split).unwrap();
        assert_eq!((tiling.tile, tiling.traversal.len()), (vec![832, 2], 0));
        // Columns before rows.
        let columns = Tiling::of(&[8, 4], 0, &bd(0, &[(8, 1), (4, 8)])).unwrap();
        assert_eq!(columns.tile, [1, 4]);
        assert_eq!(columns.traversal, [Step { dimension: 0, stride: 1, wrap: 8 }]);
    }

    #[test]
    fn walks_across_the_dimensions_are_refused() {
        // A diagonal.
        assert_eq!(Tiling::of(&[8, 8], 0, &bd(0, &[(8, 9)])), None);
        // Beyond the end of a row.
        assert_eq!(Tiling::of(&[8, 8], 4, &bd(0, &[(3, 16), (12, 1)])), None);
    }

    #[test]
    fn every_tiling_visits_what_its_descriptor_does() {
        // All small patterns over a matrix of 8 x 6 that stay within it.
        let mut checked = 0;
        for (a, s, b, t, offset) in (0..6usize).flat_map(|a| {
            (1..4).flat_map(move |b| {
                [1usize, 2, 4, 8, 16].into_iter().flat_map(move |s| {
                    [1usize, 2, 3, 8, 24].into_iter().map(move |t| (a + 1, s, b, t, a * b))
                })
            })
        }) {
            let one = bd(offset, &[(b, t), (a, s)]);
            if visited(&one).iter().any(|&at| at >= 48) {
                continue;
            }
            if let Some(tiling) = Tiling::of(&[8, 6], 0, &one) {
                assert_eq!(tiling.visited(), visited(&one), "{one:?}");
                checked += 1;
            }
        }
        assert!(checked > 40, "{checked}");
    }
}

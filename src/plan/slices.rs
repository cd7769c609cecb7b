//! How a range of features is cut, and how two cuts meet.
//!
//! A producer cuts its outputs over chains, a consumer its inputs over the
//! columns of its cascade. The two cuts of one tensor meet in *regions*: a
//! region has one producing chain and one consuming column. Regions that share
//! a chain or a column have to pass through one memory tile, and so form a
//! *component*.

use std::ops::Range;

/// Cut `0..extent` into `parts` ranges of equally many `unit`s, the last one
/// shorter where `extent` ends. `None` if a part would be empty.
pub fn cut(extent: usize, unit: usize, parts: usize) -> Option<Vec<Range<usize>>> {
    if extent == 0 || unit == 0 || parts == 0 {
        return None;
    }
    let width = slice_units(extent, unit, parts) * unit;
    let begin = |i: usize| i * width;
    (begin(parts - 1) < extent)
        .then(|| (0..parts).map(|i| begin(i)..begin(i + 1).min(extent)).collect())
}

/// Units in each part of such a cut but the last.
pub fn slice_units(extent: usize, unit: usize, parts: usize) -> usize {
    extent.div_ceil(unit).div_ceil(parts)
}

/// Numbers of parts up to `most` for which [`cut`] leaves none empty,
/// ascending.
pub fn parts(extent: usize, unit: usize, most: usize) -> Vec<usize> {
    let units = extent.div_ceil(unit.max(1));
    (1..=most.min(units)).filter(|&p| (p - 1) * units.div_ceil(p) < units).collect()
}

/// Features that one chain makes and one column uses.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Region {
    pub producer: usize,
    pub consumer: usize,
    pub features: Range<usize>,
}

/// Regions between two cuts of one tensor, in order of features.
pub fn regions(producers: &[Range<usize>], consumers: &[Range<usize>]) -> Vec<Region> {
    let mut all = Vec::new();
    let (mut p, mut c) = (0, 0);
    while p < producers.len() && c < consumers.len() {
        let begin = producers[p].start.max(consumers[c].start);
        let end = producers[p].end.min(consumers[c].end);
        if begin < end {
            all.push(Region { producer: p, consumer: c, features: begin..end });
        }
        if producers[p].end <= consumers[c].end {
            p += 1;
        } else {
            c += 1;
        }
    }
    all
}

/// Chains and columns that have to share a memory tile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Component {
    pub producers: Range<usize>,
    pub consumers: Range<usize>,
    pub regions: Vec<Region>,
}

/// Group the regions of two cuts, in order. Both cuts are in order of
/// features, so each component is a range of chains and a range of columns.
pub fn components(producers: &[Range<usize>], consumers: &[Range<usize>]) -> Vec<Component> {
    let mut all: Vec<Component> = Vec::new();
    for region in regions(producers, consumers) {
        match all.last_mut() {
            Some(last)
                if region.producer < last.producers.end || region.consumer < last.consumers.end =>
            {
                last.producers.end = region.producer + 1;
                last.consumers.end = region.consumer + 1;
                last.regions.push(region);
            }
            _ => all.push(Component {
                producers: region.producer..region.producer + 1,
                consumers: region.consumer..region.consumer + 1,
                regions: vec![region],
            }),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cuts_whole_units_and_leaves_no_part_empty() {
        assert_eq!(cut(20, 8, 2), Some(vec![0..16, 16..20]));
        assert_eq!(cut(20, 8, 3), Some(vec![0..8, 8..16, 16..20]));
        assert_eq!(cut(20, 8, 4), None);
        assert_eq!(cut(80, 8, 7), None, "five tiles of two units take all ten");
        assert_eq!(parts(80, 8, 38), vec![1, 2, 3, 4, 5, 10]);
        assert_eq!(parts(5, 8, 8), vec![1]);
        assert_eq!(cut(0, 8, 1), None);
    }

    #[test]
    fn aligned_cuts_fall_into_small_components() {
        let (four, two) = (cut(64, 8, 4).unwrap(), cut(64, 8, 2).unwrap());
        let all = components(&four, &two);
        assert_eq!(all.len(), 2);
        assert_eq!((all[1].producers.clone(), all[1].consumers.clone()), (2..4, 1..2));
        assert_eq!(components(&four, &four).len(), 4);
    }

    #[test]
    fn cuts_that_cross_are_one_component() {
        let all = components(&cut(48, 8, 2).unwrap(), &cut(48, 8, 3).unwrap());
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].regions.len(), 4);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn regions_partition_the_features(extent in 1usize..700, p in 1usize..12, c in 1usize..12, u in 1usize..17, v in 1usize..17) {
            let (Some(producers), Some(consumers)) = (cut(extent, u, p), cut(extent, v, c)) else { return Ok(()) };
            prop_assert_eq!(producers.len(), p);
            prop_assert_eq!(producers.last().unwrap().end, extent);
            prop_assert!(parts(extent, u, 12).contains(&p));
            let all = regions(&producers, &consumers);
            prop_assert!(all.len() < p + c);
            let mut at = 0;
            for region in &all {
                prop_assert_eq!(region.features.start, at);
                prop_assert!(producers[region.producer].start <= at && region.features.end <= producers[region.producer].end);
                prop_assert!(consumers[region.consumer].start <= at && region.features.end <= consumers[region.consumer].end);
                at = region.features.end;
            }
            prop_assert_eq!(at, extent);
            let groups = components(&producers, &consumers);
            prop_assert_eq!(groups.iter().map(|g| g.producers.len()).sum::<usize>(), p);
            prop_assert_eq!(groups.iter().map(|g| g.consumers.len()).sum::<usize>(), c);
            prop_assert_eq!(groups.iter().map(|g| g.regions.len()).sum::<usize>(), all.len());
        }
    }
}

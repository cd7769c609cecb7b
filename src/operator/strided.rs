//! Features that lie strided in a row, and groups of them.

use super::{Node, Share};

/// The product of extents, if there is one.
pub fn product(extents: &[usize]) -> Option<usize> {
    extents.iter().try_fold(1, |all: usize, &extent| all.checked_mul(extent))
}

/// Whether all elements of these extents, none of which is 0, lie within a row.
///
/// # Errors
/// If one does not.
pub fn check_strides(
    features: usize,
    offset: usize,
    extents: &[usize],
    strides: &[usize],
) -> Result<(), String> {
    let last = extents.iter().zip(strides).try_fold(offset, |at, (extent, stride)| {
        at.checked_add((extent - 1).checked_mul(*stride)?)
    });
    match last {
        Some(last) if last < features => Ok(()),
        Some(last) => Err(format!("reads feature {last} of an input that has {features}")),
        None => Err(format!("reads far beyond the {features} features of an input")),
    }
}

/// Groups of features, strided in the input and one behind the other in the output; a channel is a
/// group.
pub struct Groups {
    pub count: usize,
    pub length: usize,
    /// Of groups, and of the elements of one.
    pub strides: [usize; 2],
    pub offset: usize,
}

impl Groups {
    /// The parameters that say them.
    pub const PARAMETERS: &[&str] = &["extents", "strides", "offset"];

    /// # Errors
    /// If a parameter is missing.
    pub fn of(node: &Node) -> Result<Groups, String> {
        let [count, length] = node.sizes("extents")?;
        let [offset] = node.sizes("offset")?;
        Ok(Groups { count, length, strides: node.sizes("strides")?, offset })
    }

    pub(super) fn checked(node: &Node) -> Groups {
        Groups::of(node).expect("a node that was checked has its parameters")
    }

    /// # Errors
    /// If the first input does not hold them, or the output has another size.
    pub(super) fn check(&self, node: &Node) -> Result<(), String> {
        let Groups { count, length, strides, offset } = *self;
        if count == 0 || length == 0 {
            return Err("has a zero among its 'extents'".into());
        }
        if product(&[count, length]) != Some(node.output.features) {
            let features = node.output.features;
            return Err(format!("has {features} output features, not {count} x {length}"));
        }
        let features = node.inputs.first().map_or(0, |tensor| tensor.features);
        check_strides(features, offset, &[count, length], &strides)
    }

    /// As templates take them.
    pub(super) fn arguments(&self, share: &Share) -> Vec<String> {
        let Groups { length, strides: [group, element], offset, .. } = self;
        vec![format!("Groups<{}, {length}, {offset}, {group}, {element}>", share.channels)]
    }

    /// What `of` makes of each group's codes.
    pub(super) fn map(&self, row: &[i64], of: impl Fn(&[i64]) -> Vec<i64>) -> Vec<i64> {
        let Groups { count, length, strides, offset } = *self;
        let code = |group, element| row[offset + group * strides[0] + element * strides[1]];
        let group =
            |group| of(&(0..length).map(|element| code(group, element)).collect::<Vec<_>>());
        (0..count).flat_map(group).collect()
    }
}

//! What a user fixes of a layer.

use super::Split;
use super::heights;
use crate::device::Device;
use crate::plan::{mapping::Place, microtile::Microtile, network::Layer};

/// Decisions that the user takes for one layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Directive {
    /// Tiles of a cascade.
    pub cascade: Option<usize>,
    pub chains: Option<usize>,
    /// Inputs of a tile, padding included.
    pub k: Option<usize>,
    /// Outputs of a tile, padding included.
    pub n: Option<usize>,
    /// Rows that pass at once. Layers share the number of blocks, so this fixes that of all.
    pub rows: Option<usize>,
    /// Most tiles that the layer may take.
    pub max_tiles: Option<usize>,
    /// Lower west tile of its first rectangle.
    pub place: Option<Place>,
    pub microtile: Option<Microtile>,
}

/// A part of a directive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Field {
    Cascade,
    Chains,
    K,
    N,
    Rows,
    MaxTiles,
    Place,
    Microtile,
}

impl Field {
    pub(super) const ALL: [Field; 8] = [
        Field::Cascade,
        Field::Chains,
        Field::K,
        Field::N,
        Field::MaxTiles,
        Field::Place,
        Field::Rows,
        Field::Microtile,
    ];
}

impl Directive {
    /// The number that a field is; `None` if it is not fixed, or no number.
    pub fn get(&self, field: Field) -> Option<usize> {
        match field {
            Field::Cascade => self.cascade,
            Field::Chains => self.chains,
            Field::K => self.k,
            Field::N => self.n,
            Field::Rows => self.rows,
            Field::MaxTiles => self.max_tiles,
            Field::Place | Field::Microtile => None,
        }
    }

    /// Fixes a field that is a number, or leaves any open with `None`.
    pub fn set(&mut self, field: Field, value: Option<usize>) {
        match field {
            Field::Cascade => self.cascade = value,
            Field::Chains => self.chains = value,
            Field::K => self.k = value,
            Field::N => self.n = value,
            Field::Rows => self.rows = value,
            Field::MaxTiles => self.max_tiles = value,
            Field::Place => self.place = None,
            Field::Microtile => self.microtile = None,
        }
    }

    /// A fixed field as it is written.
    pub(super) fn show(&self, field: Field) -> Option<String> {
        match field {
            Field::Place => self.place.map(|p| format!("place = [{}, {}]", p.column, p.row)),
            Field::Microtile => self.microtile.map(|t| format!("microtile = {t}")),
            _ => self.get(field).map(|value| format!("{field} = {value}")),
        }
    }

    /// What of it decides the split, as it is written.
    pub(super) fn shape(&self) -> String {
        let fields =
            Field::ALL.into_iter().filter(|f| !matches!(f, Field::Rows | Field::Microtile));
        fields.filter_map(|field| self.show(field)).collect::<Vec<_>>().join(", ")
    }

    /// Whether a split is as directed.
    pub(super) fn admits(&self, split: &Split, device: &Device) -> bool {
        let is = |wanted: Option<usize>, value| wanted.is_none_or(|wanted| wanted == value);
        is(self.cascade, split.cascade)
            && is(self.chains, split.chains)
            && is(self.k, split.blocks.k(split.microtile))
            && is(self.n, split.blocks.n(split.microtile))
            && self.max_tiles.is_none_or(|most| split.tiles() <= most)
            && self.place.is_none_or(|place| place == moved(place, split, device))
    }

    /// The same with every fixed part of the shape as `split` has it.
    pub(super) fn like(&self, split: &Split, device: &Device) -> Directive {
        Directive {
            cascade: self.cascade.map(|_| split.cascade),
            chains: self.chains.map(|_| split.chains),
            k: self.k.map(|_| split.blocks.k(split.microtile)),
            n: self.n.map(|_| split.blocks.n(split.microtile)),
            max_tiles: self.max_tiles.map(|most| most.max(split.tiles())),
            place: self.place.map(|place| moved(place, split, device)),
            ..*self
        }
    }

    /// How far it is from another with the same fields.
    pub(super) fn distance(&self, other: &Directive) -> usize {
        let numbers =
            Field::ALL.into_iter().filter_map(|f| Some(self.get(f)?.abs_diff(other.get(f)?)));
        let places = self.place.zip(other.place);
        let apart = places.map_or(0, |(a, b)| a.column.abs_diff(b.column) + a.row.abs_diff(b.row));
        numbers.sum::<usize>() + apart
    }

    /// Values that a number may take, directives and memory aside.
    pub(super) fn range(
        field: Field,
        layer: &Layer,
        tile: Microtile,
        device: &Device,
    ) -> Vec<usize> {
        let cores = device.cores() as usize;
        let blocks = |extent: usize, unit: usize| {
            (1..=extent.div_ceil(unit)).map(|count| count * unit).collect()
        };
        match field {
            Field::Cascade => (1..=device.columns as usize).collect(),
            Field::Chains | Field::MaxTiles => (1..=cores).collect(),
            Field::K => blocks(layer.k, tile.k),
            Field::N => blocks(layer.n, tile.n),
            Field::Rows => (1..=layer.rows).collect(),
            Field::Place | Field::Microtile => Vec::new(),
        }
    }
}

/// The place nearest to `place` from which the first rectangle of a split is inside the array.
fn moved(place: Place, split: &Split, device: &Device) -> Place {
    let rows = device.core_rows();
    let (first, end) = (rows.start as usize, rows.end as usize);
    let height = heights(split.chains, device).first().copied().unwrap_or(1).min(end - first);
    let columns = device.columns as usize;
    Place {
        column: place.column.min(columns - split.cascade.min(columns)),
        row: place.row.clamp(first, end - height),
    }
}

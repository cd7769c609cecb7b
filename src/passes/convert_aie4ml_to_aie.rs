use super::outline_host_edges::{INPUT_SHAPES, OUTPUT_SHAPES};
use crate::{
    array::Tile,
    device::{Device, TileKind},
    dialect::{aie, aie4ml::Layer, mapped, network},
    mlir::{
        pass::{self, Pass, fail},
        rewrite,
    },
    plan::{
        mapping::{Place, Via},
        program,
    },
};
use melior::ir::{OperationRef, operation::OperationLike};
use std::collections::BTreeMap;

crate::pass! {
    /// Lower a mapped network to an array program.
    ///
    /// Each function of mapped layers becomes an `aie.device`: a core per tile
    /// that calls the kernel of its role, ping-pong buffers with counting locks,
    /// DMA programs that re-tile activations through memory tiles, streams and
    /// cascades. Functions without layers stay.
    ///
    /// Before: every layer has microtile, split, packing and place, every edge
    /// regions, memory tiles and, at the boundary, ports. After: only `aie` ops
    /// for these functions, with kernels as external functions whose sources
    /// `aie4ml-translate --aie4ml-to-cpp` writes.
    ///
    /// Refuses what is not fully mapped, a second network, and a program that
    /// exceeds the locks, buffer descriptors, channels or memory of a tile.
    pub struct ConvertAie4mlToAie: "convert-aie4ml-to-aie" on "builtin.module" {}
}

impl Pass for ConvertAie4mlToAie {
    fn run<'c>(&self, module: OperationRef<'c, '_>) -> pass::Result<'c> {
        let Some(body) = rewrite::body(module) else { return Ok(()) };
        let context = rewrite::context(module.location());
        let mut lowered = false;
        for func in rewrite::ops(body) {
            if !rewrite::is(&func, "func.func") || Layer::all(func).is_empty() {
                continue;
            }
            if lowered {
                return Err(fail(&func, "is a second network in one module, which is one program"));
            }
            lowered = true;
            let device = network::device(func)?;
            check(func, &device)?;
            let (plan, _) = mapped::mapped(func, true)?;
            let layers = Layer::all(func);
            let array = program::lower(&plan, &device).map_err(|refusal| {
                let at = refusal.layer.and_then(|index| layers.get(index)).map_or(func, |l| l.op);
                fail(&at, refusal.message)
            })?;
            let locations: Vec<_> = plan
                .layers
                .iter()
                .zip(&layers)
                .map(|(planned, layer)| (planned.name.as_str(), layer.op.location()))
                .collect();
            let new = aie::build_located(context, func.location(), &array, |core| {
                let layer = core.slice.as_ref().map_or("", |slice| slice.layer.as_str());
                let found = locations.iter().find(|(name, _)| *name == layer);
                found.map_or(func.location(), |(_, location)| *location)
            });
            let device = rewrite::insert_before(func, new);
            for shapes in [INPUT_SHAPES, OUTPUT_SHAPES] {
                if let Ok(attribute) = func.attribute(shapes) {
                    rewrite::set_attribute(device, shapes, attribute);
                }
            }
            rewrite::erase(func);
        }
        Ok(())
    }
}

/// Every decision has been taken, and layers and regions are where such can be.
fn check<'c>(func: OperationRef<'c, '_>, device: &Device) -> pass::Result<'c> {
    mapped::rows(func)?;
    for layer in Layer::all(func) {
        if layer.packing().is_none() {
            return Err(fail(&layer.op, "has no packing: run aie4ml-pack first"));
        }
        if layer.place().is_none() {
            return Err(fail(&layer.op, "has no place: run aie4ml-place first"));
        }
    }
    let (plan, edges) = mapped::mapped(func, false)?;
    let mut owners = BTreeMap::new();
    for (layer, planned) in Layer::all(func).iter().zip(&plan.layers) {
        for (chain, position) in planned.tiles() {
            let Place { column, row } = planned.tile(chain, position);
            let tile = Tile { column: column as u32, row: row as u32 };
            if device.tile_kind(tile) != Some(TileKind::Core) {
                return Err(fail(
                    &layer.op,
                    format_args!("is placed at {tile}, where {} has no core", device.name),
                ));
            }
            if let Some(other) = owners.insert(tile, &planned.name) {
                return Err(fail(
                    &layer.op,
                    format_args!("is placed at {tile}, where '{other}' is"),
                ));
            }
        }
    }
    for (transfer, edge) in plan.transfers.iter().zip(&edges) {
        if transfer.regions.is_empty() {
            return Err(fail(
                &edge.user.op,
                "has an edge without regions: run aie4ml-plan-transport first",
            ));
        }
        if transfer.via == Via::MemoryTile && transfer.memory_tiles.is_empty() {
            return Err(fail(
                &edge.user.op,
                "has an edge without memory tiles: run aie4ml-place first",
            ));
        }
        for &Place { column, row } in &transfer.memory_tiles {
            let tile = Tile { column: column as u32, row: row as u32 };
            if device.tile_kind(tile) != Some(TileKind::Mem) {
                return Err(fail(
                    &edge.user.op,
                    format_args!(
                        "has a region at {tile}, where {} has no memory tile",
                        device.name
                    ),
                ));
            }
        }
    }
    Ok(())
}

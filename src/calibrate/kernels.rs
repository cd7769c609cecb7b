//! Published cycles of single kernels.

use crate::{
    device::{Device, Registers},
    kernel::{
        body::{self, Group, Work},
        schedule::{Body, Schedule},
        time::{Dense, KernelVersion},
    },
    plan::cost::Role,
};

/// A published kernel on AIE-ML, int8 times int8.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Published {
    pub what: &'static str,
    /// Rows, inputs, outputs.
    pub extents: [usize; 3],
    pub microtile: [u32; 3],
    /// Rows and columns of blocks that are computed at once.
    pub group: [usize; 2],
    pub version: KernelVersion,
    /// Width of a result, in bits.
    pub output_bits: u32,
    pub cycles: f64,
    pub source: &'static str,
}

const fn point(
    what: &'static str,
    extents: [usize; 3],
    microtile: [u32; 3],
    version: KernelVersion,
    cycles: f64,
    source: &'static str,
) -> Published {
    Published { what, extents, microtile, group: [2, 2], version, output_bits: 8, cycles, source }
}

const fn amd(what: &'static str, group: [usize; 2], output_bits: u32, cycles: f64) -> Published {
    Published {
        what,
        extents: [64, 64, 64],
        microtile: [4, 16, 8],
        group,
        version: KernelVersion::AMD,
        output_bits,
        cycles,
        source: "Vitis-Tutorials AIE-ML 01, Performance Analysis",
    }
}

/// AIE4ML's own figures, and AMD's.
pub const PUBLISHED: &[Published] = &[
    point(
        "dense",
        [64, 64, 64],
        [4, 8, 8],
        KernelVersion::AIE4ML_0_2,
        1122.0,
        "aie4ml 0.2.1, op_impls/utils/tiling.py",
    ),
    point(
        "dense",
        [64, 64, 64],
        [8, 8, 8],
        KernelVersion::AIE4ML_0_2,
        1050.0,
        "aie4ml 0.2.1, op_impls/utils/tiling.py",
    ),
    point(
        "dense",
        [64, 64, 64],
        [8, 8, 4],
        KernelVersion::AIE4ML_0_2,
        2234.0,
        "aie4ml 0.2.1, matmul/resolver.py",
    ),
    point(
        "dense",
        [16, 16, 16],
        [4, 8, 8],
        KernelVersion::AIE4ML_0_2,
        53.0,
        "aie4ml 0.2.1, passes/estimate.py",
    ),
    point(
        "dense",
        [16, 16, 16],
        [8, 8, 8],
        KernelVersion::AIE4ML_0_2,
        38.0,
        "aie4ml 0.2.1, matmul/resolver.py",
    ),
    point(
        "dense, one row",
        [1, 256, 128],
        [4, 8, 8],
        KernelVersion::AIE4ML_0_2,
        1060.0,
        "aie4ml 0.2.1, passes/estimate.py",
    ),
    point(
        "dense with ReLU",
        [8, 128, 128],
        [4, 8, 8],
        KernelVersion::AIE4ML_0_1,
        697.0,
        "aie4ml 0.1, tutorial 1",
    ),
    point(
        "dense",
        [8, 256, 64],
        [4, 8, 8],
        KernelVersion::AIE4ML_0_1_LINEAR,
        609.0,
        "aie4ml 0.1, tutorial 1",
    ),
    amd("GEMM, one block", [1, 1], 32, 2092.0),
    amd("GEMM, one block", [1, 1], 16, 2089.0),
    amd("GEMM, 2x1 blocks", [2, 1], 32, 1750.0),
    amd("GEMM, 2x1 blocks", [2, 1], 16, 1121.0),
];

impl Published {
    /// The model's cycles; `None` if the device lacks the microtile.
    pub fn modeled(&self, device: &Device) -> Option<u64> {
        let shape = device.mmul_shapes(8, 8).find(|s| [s.m, s.k, s.n] == self.microtile)?;
        let blocks = |index: usize| self.extents[index].div_ceil(self.microtile[index] as usize);
        let results = shape.m * shape.n * self.output_bits;
        let dense = Dense {
            role: Role::Single,
            shape,
            blocks: [blocks(0), blocks(1), blocks(2)],
            group: self.group,
            output_bits: self.output_bits,
            work: Work::default(),
            // A 32-bit result goes through the vector unit, a store at a time;
            // narrower ones are rounded by the store itself.
            rest: if self.output_bits < 32 {
                0
            } else {
                u64::from(results / 8 / device.timing.store_bytes)
            },
            conflict: false,
        };
        Some(dense.time(device, self.version).total())
    }
}

/// What our own kernel takes for extents and a microtile, int8, by its schedule; `None` if the
/// device lacks the microtile.
pub fn own(extents: [usize; 3], microtile: [u32; 3], device: &Device) -> Option<u64> {
    let point = Published { extents, microtile, version: KernelVersion::OWN, ..PUBLISHED[0] };
    point.modeled(device)
}

/// The schedule of a loop over 2x2 blocks of our kernel with so many steps along K.
pub fn own_loop(microtile: [u32; 3], steps: usize, device: &Device) -> Option<(Body, Schedule)> {
    let shape = device.mmul_shapes(8, 8).find(|s| [s.m, s.k, s.n] == microtile)?;
    let group = Group {
        shape: *shape,
        rows: 2,
        columns: 2,
        steps,
        role: Role::Single,
        wraps: true,
        output_bits: 8,
        work: Work::default(),
        conflict: false,
    };
    let body = group.body(device);
    let schedule = body.modulo(Registers::of(device)).ok()?;
    Some((body, schedule))
}

/// Cycles of a loop over groups of AMD's tutorial by our scheduler, and in its listing: rows of
/// blocks, bits of a result, bundles.
pub const LISTINGS: [(usize, u32, u64); 2] = [(1, 16, 16), (2, 16, 17)];

/// The bundles that our scheduler finds for such a loop.
pub fn listing(rows: usize, output_bits: u32, device: &Device) -> Option<u64> {
    let shape = device.mmul_shapes(8, 8).find(|s| [s.m, s.k, s.n] == [4, 16, 8])?;
    let body = body::tutorial(rows, output_bits, shape, device);
    Some(body.modulo(Registers::of(device)).ok()?.interval)
}

/// Extents that our kernel is compared at: those that were published, and larger ones.
pub const OWN: &[([usize; 3], [u32; 3])] = &[
    ([64, 64, 64], [4, 8, 8]),
    ([64, 64, 64], [8, 8, 8]),
    ([16, 16, 16], [4, 8, 8]),
    ([16, 16, 16], [8, 8, 8]),
    ([1, 256, 128], [2, 8, 8]),
    ([8, 128, 128], [4, 8, 8]),
    ([8, 256, 64], [4, 8, 8]),
    ([32, 128, 128], [4, 8, 8]),
    ([32, 128, 128], [8, 8, 8]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_model_meets_every_published_kernel() {
        let device = Device::by_name("xcve2802").unwrap();
        for point in PUBLISHED {
            let modeled = point.modeled(&device).unwrap() as f64;
            let error = modeled / point.cycles - 1.0;
            assert!(error.abs() <= 0.1, "{point:?}: {modeled}");
        }
    }

    #[test]
    fn the_scheduler_predicts_the_published_listings() {
        let device = Device::by_name("xcve2802").unwrap();
        for (rows, bits, bundles) in LISTINGS {
            assert_eq!(listing(rows, bits, &device), Some(bundles), "{rows} rows of blocks");
        }
    }

    #[test]
    fn our_kernel_is_as_fast_as_it_is_written_for() {
        let device = Device::by_name("xcve2802").unwrap();
        for (extents, microtile, most) in [
            ([64, 64, 64], [4, 8, 8], 1130),
            ([64, 64, 64], [8, 8, 8], 1070),
            ([8, 128, 128], [4, 8, 8], 560),
        ] {
            let cycles = own(extents, microtile, &device).unwrap();
            assert!(cycles <= most, "{extents:?} in {microtile:?}: {cycles}");
        }
    }
}

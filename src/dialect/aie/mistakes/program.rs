//! What a core's program takes of the memory for programs, and of the stack.

use super::{fifo::depth_of, held::end_of};
use crate::{
    check::object,
    device::Device,
    dialect::aie::{flag, integer, memref_of, op_name, string},
    kernel::size,
    mlir::{
        constant,
        diagnostic::{Failure, fail},
        rewrite,
    },
};
use melior::ir::{
    BlockLike, OperationRef, RegionLike, Type, ValueLike,
    attribute::{ArrayAttribute, FlatSymbolRefAttribute},
    operation::OperationLike,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Bytes of program memory that an op of a core takes, as an estimate: half of
/// an instruction of 128 bits, for several ops share one and short formats exist.
const BYTES_PER_OP: u64 = 8;

/// Bytes of the code around a core's body: start, and the end of the program.
const BYTES_OF_START: u64 = 512;

/// Where objects and sources of kernels may lie.
pub(super) struct Folders(Vec<PathBuf>);

impl Folders {
    /// `given`, the folder of the file of `device`, and its `kernels`.
    pub fn of(device: OperationRef, given: &Path) -> Folders {
        let mut folders = Vec::new();
        if !given.as_os_str().is_empty() {
            folders.push(given.to_path_buf());
        }
        let location = device.location().to_string();
        let file = location.strip_prefix("loc(\"").and_then(|rest| rest.split('"').next());
        if let Some(folder) = file.and_then(|file| Path::new(file).parent()) {
            folders.extend([folder.to_path_buf(), folder.join("kernels")]);
        }
        Folders(folders)
    }

    fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.0.iter().find_map(|folder| fs::read(folder.join(name)).ok())
    }

    /// Bytes of code of a function that is declared only, and whose they are: of the object that
    /// holds it, of a kernel of this compiler, or of the source beside.
    fn code_of(&self, name: &str, object: Option<&str>) -> Option<(String, u64)> {
        if let Some(object) = object
            && let Some(bytes) = self.object(object)
        {
            return Some((object.to_string(), bytes));
        }
        if let Some(bytes) = size::program_bytes(name) {
            return Some((name.to_string(), bytes));
        }
        let stems = object.and_then(|object| object.strip_suffix(".o")).into_iter().chain([name]);
        for stem in stems {
            for end in ["cc", "cpp", "c"] {
                let file = format!("{stem}.{end}");
                if let Some(text) = self.read(&file) {
                    let text = String::from_utf8_lossy(&text);
                    return Some((file, size::program_bytes_of_source(&text)));
                }
            }
        }
        None
    }

    fn object(&self, name: &str) -> Option<u64> {
        object::code_bytes(&self.read(name)?)
    }
}

/// Estimates what a core's program takes of the memory for programs, and of the stack.
pub(super) fn check<'c>(
    core: OperationRef<'c, '_>,
    device: &[OperationRef<'c, '_>],
    model: &Device,
    folders: &Folders,
    found: &mut Vec<Failure<'c>>,
) {
    let mut size = Size { device, called: Vec::new(), external: Vec::new(), stack: 0 };
    let dynamic = flag(core, "dynamic_objfifo_lowering") == Some(true);
    let ops: u64 = core.regions().map(|region| size.region(region, !dynamic, true)).sum();
    let links = ["link_with", "link_files", "elf_file"].iter().any(|name| core.has_attribute(name));
    let mut kernels: BTreeMap<String, u64> = BTreeMap::new();
    for (name, object, is_direct) in &size.external {
        kernels.extend(folders.code_of(name, object.as_deref()));
        if let Some(object) = object
            && !is_direct
            && !links
        {
            found.push(fail(
                &core,
                format_args!(
                    "calls '{name}' in a function, and mlir-aie links what a core calls itself: name '{object}' in 'link_files'"
                ),
            ));
        }
    }
    for name in linked(core) {
        kernels.extend(folders.object(&name).map(|bytes| (name, bytes)));
    }
    let mut bytes = BYTES_OF_START + BYTES_PER_OP * ops + kernels.values().sum::<u64>();
    // A program that is compiled as a whole has its true size.
    let whole = string(core, "elf_file").and_then(|file| folders.object(file));
    bytes = whole.unwrap_or(bytes);
    let most = u64::from(model.program_memory_bytes);
    if bytes > most {
        let mut failure = fail(
            &core,
            format_args!("needs about {bytes} bytes of program memory, a core has {most}"),
        );
        if !kernels.is_empty() {
            let lines: Vec<String> =
                kernels.iter().map(|(name, bytes)| format!("{bytes} bytes for '{name}'")).collect();
            failure = failure.note(core.location(), lines.join(", "));
        }
        found.push(failure);
    }
    let stack = integer(core, "stack_size").unwrap_or(1024);
    if i64::try_from(size.stack).unwrap_or(i64::MAX) > stack {
        found.push(fail(
            &core,
            format_args!(
                "puts {} bytes on its stack, which has {stack}: raise 'stack_size'",
                size.stack
            ),
        ));
    }
}

/// Objects that a core itself names.
fn linked(core: OperationRef) -> Vec<String> {
    let list = core.attribute("link_files").ok().and_then(|a| ArrayAttribute::try_from(a).ok());
    let list = list.into_iter().flat_map(|list| {
        (0..list.len())
            .filter_map(move |i| constant::text(list.element(i).ok()?))
            .map(str::to_string)
    });
    list.chain(string(core, "link_with").map(str::to_string)).collect()
}

struct Size<'d, 'c, 'a> {
    device: &'d [OperationRef<'c, 'a>],
    called: Vec<String>,
    /// Functions that are declared only: name, object, and whether the core itself calls it.
    external: Vec<(String, Option<String>, bool)>,
    stack: u64,
}

impl<'c> Size<'_, 'c, '_> {
    /// Ops of a region, with functions once and loops as often as mlir-aie writes them out.
    fn region<'b>(&mut self, region: impl RegionLike<'c, 'b>, unrolls: bool, direct: bool) -> u64
    where
        'c: 'b,
    {
        let mut count = 0u64;
        let mut next = region.first_block();
        while let Some(block) = next {
            next = block.next_in_region();
            for op in rewrite::ops(block) {
                let name = op_name(op);
                let inner: u64 =
                    op.regions().map(|region| self.region(region, unrolls, direct)).sum();
                let times = if name == "scf.for" && unrolls { self.copies(op) } else { 1 };
                count = count.saturating_add(inner.saturating_mul(times));
                match name.as_str() {
                    "arith.constant" | "scf.yield" | "aie.end" | "memref.get_global" => continue,
                    "memref.alloca" => self.stack = self.stack.saturating_add(bytes_of(op)),
                    "func.call" => count = count.saturating_add(self.call(op, direct)),
                    _ => {}
                }
                count = count.saturating_add(lanes(op));
            }
        }
        count
    }

    /// The ops of a function with a body, the first time that it is called.
    fn call(&mut self, op: OperationRef<'c, '_>, direct: bool) -> u64 {
        let callee = op.attribute("callee").ok();
        let callee = callee.and_then(|callee| FlatSymbolRefAttribute::try_from(callee).ok());
        let Some(callee) = callee.map(|callee| callee.value().to_string()) else { return 0 };
        if self.called.contains(&callee) {
            return 0;
        }
        let is_it = |op: &&OperationRef| {
            rewrite::is(op, "func.func") && string(**op, "sym_name") == Some(&callee)
        };
        let Some(&function) = self.device.iter().find(is_it) else { return 0 };
        self.called.push(callee.clone());
        if rewrite::body(function).is_none() {
            let object = string(function, "link_with").map(str::to_string);
            self.external.push((callee, object, direct));
            return 0;
        }
        function.regions().map(|region| self.region(region, false, false)).sum()
    }

    /// How often a loop is written out for the places of its FIFOs to be known: the least common
    /// multiple of their depths.
    fn copies(&self, loop_op: OperationRef) -> u64 {
        let mut depths = Vec::new();
        for region in loop_op.regions() {
            let Some(block) = region.first_block() else { continue };
            for op in
                rewrite::ops(block).iter().filter(|op| rewrite::is(op, "aie.objectfifo.acquire"))
            {
                let (name, _) = end_of(*op);
                let is_it = |op: &&OperationRef| {
                    rewrite::is(op, "aie.objectfifo") && string(**op, "sym_name") == Some(&name)
                };
                let Some(&fifo) = self.device.iter().find(is_it) else { continue };
                depths.push(depth_of(fifo).max(1).unsigned_abs());
            }
        }
        depths.into_iter().fold(1, |all, depth| all / gcd(all, depth) * depth)
    }
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Bytes of the memref that an op makes.
fn bytes_of(op: OperationRef) -> u64 {
    let memref = op.results().next().and_then(|value| memref_of(value.r#type()));
    memref.map_or(0, |(shape, element)| (shape.iter().product::<usize>() * element.bytes()) as u64)
}

/// Instructions for an op on a vector: one for each 512 bits.
fn lanes(op: OperationRef) -> u64 {
    let r#type: Option<Type> = op.results().next().map(|value| value.r#type());
    let lanes = r#type.filter(melior::ir::TypeLike::is_vector).and_then(constant::shaped);
    lanes.map_or(1, |(extents, _)| (extents.iter().product::<usize>() as u64).div_ceil(64).max(1))
}

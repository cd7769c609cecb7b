//! What was decided for a network, as plain data: `report.json` and its text form.
//!
//! **Invariant:** everything but [`Report::compile_seconds`] depends on the
//! compiled model and the options only.

pub(crate) mod page;
mod resources;
mod text;

pub use resources::{CoreMemory, Link, Node, Resources, Share, TileMemory};

use crate::{
    array::Program,
    compile::{DESIGN, REPORT},
    design,
    device::Device,
    dialect::{aie4ml, mapped, network},
    ir::{self, Error},
    mlir::{constant, diagnostic, rewrite, tools},
    passes::outline_host_edges,
    plan::{
        mapped::{End, Mapped, Operation},
        parallelize,
    },
    run::host,
};
use melior::ir::{
    Attribute, Module, OperationRef,
    attribute::{DictionaryAttribute, FloatAttribute, IntegerAttribute},
    operation::OperationLike,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, fmt::Display, fs, path::Path, time::Instant};

/// Of the format of `report.json`.
const VERSION: u32 = 1;

/// The contents of `report.json`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Report {
    /// Of this format; fields may be added without a new number.
    pub version: u32,
    /// The model's file name.
    pub model: String,
    /// Such as `xcve2802`.
    pub device: String,
    /// What tensors cross the boundary by: `plio` or `ddr`.
    #[serde(default)]
    pub io: String,
    /// Columns of the array and rows above the shim, memory tiles first.
    pub array: Array,
    /// What the splits were chosen for.
    pub objective: String,
    /// Cores that compute.
    pub tiles: usize,
    /// Memory tiles that hold data.
    pub memory_tiles: usize,
    /// Rows of the batch that pass at once, and how often that is done per batch.
    pub rows: usize,
    pub iterations: usize,
    pub placement: Placement,
    #[serde(default)]
    pub routing: Routing,
    /// Of the device's own cycles, by the planner's model.
    pub estimate: Estimate,
    /// Of the design as it is placed, by the simulator; none if the splits were given level by level.
    #[serde(default)]
    pub simulated: Option<Simulated>,
    pub inputs: Vec<Boundary>,
    pub outputs: Vec<Boundary>,
    /// In the order of the network.
    pub layers: Vec<Layer>,
    /// In the order of their consumers.
    pub edges: Vec<Edge>,
    /// What the host computes before and after the array.
    #[serde(default)]
    pub host: HostWork,
    /// What passes remark, such as where no integers are exact.
    #[serde(default)]
    pub remarks: Vec<String>,
    /// Of the array program.
    #[serde(default)]
    pub resources: Resources,
    /// Wall time; the only part that two runs do not share.
    #[serde(default)]
    pub compile_seconds: Seconds,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Array {
    pub columns: u32,
    /// All rows, the shim's row 0 included.
    pub rows: u32,
    /// The first row of cores.
    pub first_core_row: u32,
}

/// How good the placement is.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Placement {
    pub cost: f64,
    pub lower_bound: f64,
    /// Whether no placement has a smaller cost.
    pub optimal: bool,
}

/// What the router found out about the streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Routing {
    pub streams: i64,
    /// Until no two streams were in each other's way; 0 if there is no router's word.
    pub rounds: i64,
    /// Tiles that the ways cross into, all and the longest.
    pub hops: i64,
    pub longest: i64,
    /// Tiles beyond those of the shortest ways, all together.
    #[serde(default)]
    pub detours: i64,
}

/// Cycles that the planner expects.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Estimate {
    /// Between two iterations.
    pub interval_cycles: i64,
    /// From the first input of an iteration to its last output.
    pub latency_cycles: i64,
    /// What the objective minimizes first: `tiles`, `cycles between batches` or `cycles of latency`.
    #[serde(default)]
    pub minimizes: String,
    /// That of this plan.
    #[serde(default)]
    pub value: i64,
    /// No splits within the limits have a smaller value than this.
    pub lower_bound: i64,
    pub optimal: bool,
    /// The three above as a sentence, with the reason if there is a gap.
    #[serde(default)]
    pub proof: String,
}

/// Cycles that the simulator says a design takes, as `aie4ml run --timing` does.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Simulated {
    /// Between two iterations, in the long run.
    pub interval_cycles: f64,
    /// From the first input word of an iteration to its last output word.
    pub latency_cycles: i64,
    /// The same of all iterations of a batch.
    pub batch_latency_cycles: i64,
    /// Plans that were placed and simulated before this one was chosen.
    pub trials: i64,
}

/// A tensor at the edge of the array.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Boundary {
    pub name: String,
    pub rows: usize,
    pub features: usize,
    /// Of the codes: `i8`, `ui8`, `i16` or `ui16`.
    pub r#type: String,
    /// Real value = `scale * (code - zero_point)`.
    pub scale: f64,
    pub zero_point: i64,
}

#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Layer {
    /// As in the model.
    pub name: String,
    /// `dense` or `add`.
    pub operation: String,
    pub rows: usize,
    pub inputs: usize,
    pub outputs: usize,
    /// Of input, weight or second input, accumulator and output.
    pub types: [String; 4],
    /// Rows, inputs and outputs of one multiplication of a core.
    pub microtile: [usize; 3],
    /// Tiles that share the inputs, in a row.
    pub cascade: usize,
    /// Rows of tiles that share the outputs.
    pub chains: usize,
    /// Inputs and outputs of one tile, padding included.
    pub tile_inputs: usize,
    pub tile_outputs: usize,
    /// Where its tiles are; more than one if the chains exceed the rows of the array.
    pub rectangles: Vec<Rectangle>,
    /// Between two iterations, by the planner's model.
    pub estimated_cycles: Option<i64>,
    /// Why it is split as it is.
    #[serde(default)]
    pub choice: Option<Choice>,
}

/// Why a layer is split as it is, by the planner's model.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Choice {
    /// In words.
    pub reason: String,
    /// What the cycles between two iterations are: of its `kernel`, `input stream` or `output stream`.
    pub limit: String,
    /// From the first input of an iteration to its last output.
    pub latency_cycles: i64,
    /// Bytes in use on its fullest tile.
    pub tile_bytes: i64,
    /// Splits of the layer that were possible.
    pub candidates: i64,
    /// The best other split with all other layers as they are.
    pub next_best: Option<Alternative>,
}

/// A split that was not chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Alternative {
    pub cascade: i64,
    pub chains: i64,
    pub tiles: i64,
    /// Between two iterations.
    pub interval_cycles: i64,
    pub latency_cycles: i64,
}

/// Tiles from `(column, row)` to the east and north.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Rectangle {
    pub column: usize,
    pub row: usize,
    pub width: usize,
    pub height: usize,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Edge {
    /// Names of layers, inputs or outputs.
    pub from: String,
    pub to: String,
    pub features: usize,
    /// Slices that one producer hands to one consumer.
    pub regions: usize,
    /// What carries it: `memory_tile`, `stream` or `shared_memory`.
    pub via: String,
    /// Column and row of each.
    pub memory_tiles: Vec<[usize; 2]>,
    /// Shim column and PLIO channel of each stream, at the edge of the array.
    pub ports: Vec<[usize; 2]>,
}

/// Layers of the model that the array does not compute.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct HostWork {
    pub before: Vec<HostLayer>,
    pub after: Vec<HostLayer>,
}

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct HostLayer {
    /// As in the model; empty if it has no name there.
    pub name: String,
    /// Ops that it is made of, such as `exp`.
    pub operations: Vec<String>,
}

impl HostWork {
    /// What a module says of it.
    pub fn of(module: &Module) -> HostWork {
        let mut work = HostWork::default();
        for op in host::modules(module) {
            for func in rewrite::body(op).map(rewrite::ops).unwrap_or_default() {
                match func.attribute("sym_name").ok().and_then(constant::text) {
                    Some(outline_host_edges::BEFORE) => work.before = host_layers(func),
                    Some(outline_host_edges::AFTER) => work.after = host_layers(func),
                    _ => {}
                }
            }
        }
        work
    }
}

/// What a function computes, by layer.
fn host_layers(func: OperationRef) -> Vec<HostLayer> {
    let mut layers: Vec<HostLayer> = Vec::new();
    for op in rewrite::body(func).map(rewrite::ops).unwrap_or_default() {
        let name = op.name();
        let name = name.as_string_ref();
        let (dialect, operation) =
            name.as_str().ok().and_then(|n| n.split_once('.')).unwrap_or_default();
        let said =
            ["tosa.const", "tosa.const_shape", "arith.constant", "tensor.empty", "quant.scast"];
        if dialect == "func" || said.iter().any(|name| rewrite::is(&op, name)) {
            continue;
        }
        let operation = match operation {
            "qcast" => "quantize",
            "dcast" => "dequantize",
            other => other,
        };
        let name = aie4ml::layer_name(op.location()).unwrap_or_default().to_string();
        match layers.iter_mut().find(|layer| layer.name == name) {
            Some(layer) if layer.operations.iter().any(|known| known == operation) => {}
            Some(layer) => layer.operations.push(operation.into()),
            None => layers.push(HostLayer { name, operations: vec![operation.into()] }),
        }
    }
    layers
}

/// Where the time went.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Seconds {
    pub total: f64,
    /// Reading the model.
    pub import: f64,
    /// Each pass, in order; of one that ran again, all together.
    pub passes: Vec<PassSeconds>,
}

impl Seconds {
    /// Adds the time of a pass since it began.
    pub fn add(&mut self, pass: &str, begin: Instant) {
        let seconds = begin.elapsed().as_secs_f64();
        match self.passes.iter_mut().find(|known| known.pass == pass) {
            Some(known) => known.seconds += seconds,
            None => self.passes.push(PassSeconds { pass: pass.into(), seconds }),
        }
    }
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PassSeconds {
    pub pass: String,
    pub seconds: f64,
}

impl Report {
    /// What a placed function says.
    ///
    /// # Errors
    ///
    /// If it is not a placed function.
    pub fn of<'c>(func: OperationRef<'c, '_>, model: &str) -> diagnostic::Result<'c, Report> {
        let device = network::device(func)?;
        let network = network::network(func)?;
        let (mapped, _) = mapped::mapped(func, false)?;
        let ops = aie4ml::Layer::all(func);
        let names: Vec<String> = ops.iter().map(aie4ml::Layer::name).collect();
        let layers: Vec<Layer> = ops
            .iter()
            .zip(&mapped.layers)
            .zip(&network.layers)
            .map(|((op, layer), shape)| {
                let heights = parallelize::heights(layer.split.chains, &device);
                let rectangles =
                    layer.places.iter().zip(heights).map(|(place, height)| Rectangle {
                        column: place.column,
                        row: place.row,
                        width: layer.split.cascade,
                        height,
                    });
                // An add has a second input in place of weights.
                let (operation, weight, accumulator) = match layer.operation {
                    Operation::Dense { weight, accumulator, .. } => ("dense", weight, accumulator),
                    Operation::Add { other, .. } => ("add", other, 32),
                    Operation::Whole(ref node) => {
                        let held = node.operator.held(node, 1).map(|(of, _)| of);
                        let other = node.inputs.get(1).map(|input| input.number);
                        let second = held.or(other).unwrap_or(layer.input);
                        (node.operator.name(), second, node.accumulator)
                    }
                };
                let types = [
                    integer(layer.input.bits, layer.input.signed),
                    integer(weight.bits, weight.signed),
                    integer(accumulator, true),
                    integer(layer.output.bits, layer.output.signed),
                ];
                Layer {
                    name: op.name(),
                    operation: operation.into(),
                    rows: shape.rows,
                    inputs: layer.k,
                    outputs: layer.n,
                    types,
                    microtile: [layer.microtile.m, layer.microtile.k, layer.microtile.n],
                    cascade: layer.split.cascade,
                    chains: layer.split.chains,
                    tile_inputs: layer.split.k,
                    tile_outputs: layer.split.n,
                    rectangles: rectangles.collect(),
                    estimated_cycles: op.op.attribute("aie4ml.cycles").ok().and_then(number),
                    choice: choice(op.op),
                }
            })
            .collect();
        let rows = mapped::rows(func)?;
        let plan = Dictionary::of(func, "aie4ml.plan");
        let placement = Dictionary::of(func, "aie4ml.placement");
        let routing = Dictionary::of(func, mapped::ROUTING);
        let used: BTreeSet<_> = mapped.transfers.iter().flat_map(|t| &t.memory_tiles).collect();
        let batch = mapped.inputs.iter().map(|input| input.batch).max().unwrap_or(rows);
        Ok(Report {
            version: VERSION,
            model: model.into(),
            device: device.name.into(),
            io: network::io(func, &device)?.to_string(),
            array: Array {
                columns: device.columns,
                rows: device.core_rows().end,
                first_core_row: device.core_rows().start,
            },
            objective: plan.text("objective"),
            tiles: layers.iter().map(|layer| layer.cascade * layer.chains).sum(),
            memory_tiles: used.len(),
            rows,
            iterations: batch.div_ceil(rows.max(1)),
            placement: Placement {
                cost: placement.float("cost"),
                lower_bound: placement.float("lower_bound"),
                optimal: placement.flag("optimal"),
            },
            routing: Routing {
                streams: routing.integer("streams"),
                rounds: routing.integer("rounds"),
                hops: routing.integer("hops"),
                longest: routing.integer("longest"),
                detours: routing.integer("detours"),
            },
            estimate: Estimate {
                interval_cycles: plan.integer("interval"),
                latency_cycles: plan.integer("latency"),
                minimizes: plan.text("minimizes"),
                value: plan.integer("value"),
                lower_bound: plan.integer("lower_bound"),
                optimal: plan.flag("optimal"),
                proof: plan.text("proof"),
            },
            simulated: plan.get("simulated_latency").map(|_| Simulated {
                interval_cycles: plan.float("simulated_interval"),
                latency_cycles: plan.integer("simulated_latency"),
                batch_latency_cycles: plan.integer("simulated_batch"),
                trials: plan.integer("trials"),
            }),
            inputs: mapped.inputs.iter().map(boundary).collect(),
            outputs: mapped.outputs.iter().map(boundary).collect(),
            edges: edges(&mapped, &names),
            layers,
            host: HostWork::default(),
            remarks: Vec::new(),
            resources: Resources::default(),
            compile_seconds: Seconds::default(),
        })
    }

    /// Reads the report of a folder that [`compile`](crate::compile::compile) wrote, and counts again
    /// what the design beside it takes of its device.
    ///
    /// # Errors
    ///
    /// If it is no such folder, or the two do not belong together.
    pub fn read(folder: &Path) -> Result<Report, Error> {
        let (report, design) = (folder.join(REPORT), folder.join(DESIGN));
        let entries = fs::read_dir(folder);
        entries.map_err(|error| {
            Error::new(folder.display(), format_args!("cannot be read: {error}"))
        })?;
        for file in [&report, &design] {
            if !file.exists() {
                return Err(Error::new(
                    folder.display(),
                    format_args!(
                        "is not a folder that 'aie4ml compile' wrote: it has no {}",
                        file.file_name().unwrap_or_default().display()
                    ),
                ));
            }
        }
        let fail = |error: &dyn Display| Error::new(report.display(), error);
        let text = fs::read_to_string(&report)
            .map_err(|error| fail(&format_args!("cannot be read: {error}")))?;
        let mut read: Report = serde_json::from_str(&text)
            .map_err(|error| fail(&format_args!("is not a report of aie4ml: {error}")))?;
        if read.version != VERSION {
            return Err(fail(&format_args!(
                "is of version {}, this aie4ml reads version {VERSION}",
                read.version
            )));
        }
        let context = tools::context();
        let module = ir::read(&context, &design)?;
        let program = design::program(&context, &module);
        program
            .and_then(|program| read.measure(&program))
            .map_err(|error| error.within(&design.display().to_string()))?;
        Ok(read)
    }

    /// Counts what the design takes of its device.
    ///
    /// # Errors
    ///
    /// If it is for another device, or has not the cores that the layers need.
    pub fn measure(&mut self, program: &Program) -> Result<(), Error> {
        if program.device != self.device {
            return Err(Error::new(
                "",
                format_args!("is for {}, its report for {}", program.device, self.device),
            ));
        }
        let device = Device::by_name(&self.device).ok_or_else(|| {
            Error::new("", format_args!("is for no known device: '{}'", self.device))
        })?;
        self.resources = Resources::of(program, &device, &self.layers);
        let tiles = self.layers.iter().fold(0usize, |tiles, layer| {
            tiles.saturating_add(layer.cascade.saturating_mul(layer.chains))
        });
        if tiles != self.resources.core_tiles.used {
            return Err(Error::new(
                "",
                format_args!(
                    "has {} cores, the layers of its report {tiles}",
                    self.resources.core_tiles.used
                ),
            ));
        }
        Ok(())
    }

    /// As `report.json` holds it.
    pub fn json(&self) -> String {
        // Numbers and strings only: nothing that JSON could not say.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }
}

fn boundary(of: &crate::plan::mapped::Boundary) -> Boundary {
    Boundary {
        name: of.name.clone(),
        rows: of.batch,
        features: of.features,
        r#type: integer(of.element.bits, of.element.signed),
        scale: of.scale,
        zero_point: of.zero_point,
    }
}

fn edges(mapped: &Mapped, names: &[String]) -> Vec<Edge> {
    let name = |end: End, boundaries: &[crate::plan::mapped::Boundary]| match end {
        End::Layer(index) => names[index].clone(),
        End::Boundary(index) => boundaries[index].name.clone(),
    };
    mapped
        .transfers
        .iter()
        .map(|transfer| Edge {
            from: name(transfer.from, &mapped.inputs),
            to: name(transfer.to, &mapped.outputs),
            features: transfer.features,
            regions: transfer.regions.len(),
            via: transfer.via.name().into(),
            memory_tiles: transfer.memory_tiles.iter().map(|t| [t.column, t.row]).collect(),
            ports: transfer.ports.iter().map(|p| [p.column, p.channel]).collect(),
        })
        .collect()
}

/// What the planner wrote on a layer.
fn choice(layer: OperationRef) -> Option<Choice> {
    let choice = Dictionary::of(layer, "aie4ml.choice");
    choice.0.as_ref()?;
    let next =
        Dictionary(choice.get("next_best").and_then(|a| DictionaryAttribute::try_from(a).ok()));
    let next_best = next.0.is_some().then(|| {
        let (cascade, chains) = (next.integer("cascade"), next.integer("chains"));
        Alternative {
            cascade,
            chains,
            tiles: cascade.saturating_mul(chains),
            interval_cycles: next.integer("interval"),
            latency_cycles: next.integer("latency"),
        }
    });
    Some(Choice {
        reason: choice.text("reason"),
        limit: choice.text("limit"),
        latency_cycles: choice.integer("latency"),
        tile_bytes: choice.integer("tile_bytes"),
        candidates: choice.integer("candidates"),
        next_best,
    })
}

fn integer(bits: u32, signed: bool) -> String {
    format!("{}i{bits}", if signed { "" } else { "u" })
}

fn number(attribute: Attribute) -> Option<i64> {
    IntegerAttribute::try_from(attribute).ok().map(|value| value.value())
}

/// A dictionary among the attributes of a function; what is missing is zero.
struct Dictionary<'c>(Option<DictionaryAttribute<'c>>);

impl<'c> Dictionary<'c> {
    fn of(func: OperationRef<'c, '_>, name: &str) -> Self {
        Dictionary(func.attribute(name).ok().and_then(|a| DictionaryAttribute::try_from(a).ok()))
    }

    fn get(&self, name: &str) -> Option<Attribute<'c>> {
        self.0.as_ref()?.element_by_name(name)
    }

    fn integer(&self, name: &str) -> i64 {
        self.get(name).and_then(number).unwrap_or(0)
    }

    fn float(&self, name: &str) -> f64 {
        let value = self.get(name).and_then(|a| FloatAttribute::try_from(a).ok());
        value.map_or(0.0, |value| value.value())
    }

    fn flag(&self, name: &str) -> bool {
        self.get(name).is_some_and(|a| a.to_string() == "true")
    }

    fn text(&self, name: &str) -> String {
        self.get(name).map_or(String::new(), |a| a.to_string().trim_matches('"').into())
    }
}

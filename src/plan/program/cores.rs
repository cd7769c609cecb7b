//! The cores: kernels, their buffers, and the loops around their calls.

use super::{Builder, CoreBuffers, Input, NoProgram, Result, element, tile, tiles::input_name};
use crate::{
    array::{
        Argument, Buffer, Core, Element, Kernel, KernelId, LockAction, LockId, Reg, Slice, Source,
        Stmt, UseLock,
    },
    kernel::{self, Integer, Kernel as Spec, Role, Stage, stage},
    operator::{self, Share},
    plan::mapped::{End, Layer, Operation},
};

/// Trip count of a loop that never ends: the largest that a 32-bit counter holds.
pub const FOREVER: i64 = 0xFFFF_FFFF;

/// The kernel of one tile of a layer.
pub fn kernel_of(layer: &Layer, role: Role) -> Spec {
    let stages = match role.has_output() {
        true => Stage::all(&layer.stages, layer.sum_bits),
        false => Vec::new(),
    };
    match &layer.operation {
        &Operation::Dense { weight, accumulator, .. } => Spec::Dense(kernel::Dense {
            role,
            microtile: layer.microtile,
            rows: layer.padded_rows(),
            k: layer.split.k,
            n: layer.split.n,
            input: layer.input,
            weight,
            output: layer.output,
            accumulator,
            stages,
        }),
        &Operation::Add { other, factors, accumulator } => Spec::Add(kernel::Add {
            rows: layer.padded_rows(),
            n: layer.split.n,
            inputs: [layer.input, other],
            factors,
            accumulator,
            output: layer.output,
            stages,
        }),
        Operation::Whole(node) => Spec::Operator(kernel::Instance {
            share: Share {
                rows: layer.padded_rows(),
                channels: node.channels_in(layer.split.n),
                outputs: layer.split.n,
            },
            widths: (0..layer.ports()).map(|port| layer.width(port)).collect(),
            stages: if node.operator.has_sums() { stages } else { Vec::new() },
            node: node.clone(),
        }),
    }
}

impl Builder<'_> {
    /// Buffers of every tile of a layer.
    pub(super) fn layer(&mut self, index: usize) -> Result<()> {
        let layer = &self.mapped.layers[index];
        let split = layer.split;
        for chain in 0..split.chains {
            for position in 0..split.cascade {
                let role = Role::of(position, split.cascade);
                let at = tile(layer.tile(chain, position));
                let prefix = format!("{}_{chain}_{position}", layer.name);
                let make = |part: &str, len: usize, element, address: usize, initial| Buffer {
                    tile: at,
                    name: format!("{prefix}_{part}"),
                    shape: vec![len],
                    element,
                    address: Some(address as u32),
                    initial,
                    external: false,
                };
                let shared: Vec<_> = (0..layer.ports())
                    .map(|port| self.shared_halves(index, port, chain, position))
                    .collect();
                let (mut weights, mut parameters) = (None, None);
                if let Operation::Dense { weight, .. } = layer.operation {
                    weights = Some(self.buffer(make(
                        "weights",
                        split.k * split.n,
                        element(weight)?,
                        layer.packing.weights,
                        Some(pack_weights(layer, chain, position)),
                    )));
                    if let Spec::Dense(dense) = kernel_of(layer, role)
                        && dense.words() > 0
                    {
                        parameters = Some(self.buffer(make(
                            dense.parameters_name(),
                            dense.words() * split.n,
                            Element::I32,
                            layer.packing.bias,
                            Some(pack_parameters(layer, chain, role)),
                        )));
                    }
                }
                if let (Operation::Whole(node), Spec::Operator(instance)) =
                    (&layer.operation, kernel_of(layer, role))
                {
                    let capacity = instance.share.channels;
                    let first = (chain * split.n / node.unit()).min(node.channels());
                    let channels = first..(first + capacity).min(node.channels());
                    let known = node.constants.iter().all(|constant| !constant.data.is_empty());
                    if let Some((number, count)) = node.operator.held(node, capacity) {
                        let packed = match known {
                            true => operator::pack(node, channels.clone(), capacity),
                            false => Vec::new(),
                        };
                        let address = layer.packing.weights;
                        let number = element(number)?;
                        weights = Some(self.buffer(make(
                            "weights",
                            count,
                            number,
                            address,
                            Some(packed),
                        )));
                    }
                    let packed = operator::pack_parameters(
                        node,
                        channels,
                        capacity,
                        instance.stage_words(),
                        |channel| stage::channel_words(&instance.stages, &layer.stages, channel),
                    );
                    parameters = Some(self.buffer(make(
                        "parameters",
                        instance.parameter_words(),
                        Element::I32,
                        layer.packing.bias,
                        Some(packed),
                    )));
                }
                let rows = layer.padded_rows();
                for (addresses, tensors) in
                    [(&layer.packing.input, layer.ports()), (&layer.packing.output, 1)]
                {
                    if addresses.len() != 2 * tensors {
                        let (needs, has) = (2 * tensors, addresses.len());
                        return Err(NoProgram {
                            layer: Some(index),
                            message: format!("needs {needs} buffers, its packing has {has}"),
                        });
                    }
                }
                // Both halves of a tensor.
                let mut pair = |part: &str, of: Integer, width, addresses: &[usize]| {
                    let of = element(of)?;
                    Ok([0, 1].map(|half| {
                        let name = format!("{part}{half}");
                        self.buffer(make(&name, rows * width, of, addresses[half], None))
                    }))
                };
                let mut inputs = Vec::new();
                for port in 0..layer.ports() {
                    let halves = match shared.get(port).copied().flatten() {
                        Some(halves) => halves,
                        None => {
                            let addresses = &layer.packing.input[2 * port..];
                            let (_, number) = layer.port(port);
                            let width = layer.width(port);
                            pair(&input_name(layer, port), number, width, addresses)?
                        }
                    };
                    inputs.push(Input { halves, locks: Vec::new() });
                }
                let output = match role.has_output() {
                    true => Some(pair("out", layer.output, split.n, &layer.packing.output)?),
                    false => None,
                };
                if position > 0 {
                    let west = tile(layer.tile(chain, position - 1));
                    self.program.cascades.push((west, at));
                }
                self.buffers_of.push(CoreBuffers {
                    layer: index,
                    chain,
                    position,
                    weights,
                    parameters,
                    inputs,
                    output,
                    output_locks: Vec::new(),
                });
            }
        }
        Ok(())
    }

    /// The cores: for ever, both halves in turn.
    pub(super) fn cores(&mut self) -> Result<()> {
        let rows = self.rows();
        for core in std::mem::take(&mut self.buffers_of) {
            let layer = &self.mapped.layers[core.layer];
            let role = Role::of(core.position, layer.split.cascade);
            let spec = kernel_of(layer, role);
            let kernel = self.kernel(&spec, core.layer)?;
            if core.inputs.iter().any(|input| input.locks.is_empty()) {
                return Err(NoProgram {
                    layer: Some(core.layer),
                    message: "has no transfer for its input".into(),
                });
            }
            let input_locks: Vec<_> =
                core.inputs.iter().flat_map(|input| input.locks.iter().copied()).collect();
            let mut body = Vec::new();
            for half in 0..2 {
                // Room for the output is mostly there already, so it is asked for first: what
                // remains between the input's arrival and the kernel is one lock. For the
                // same reason the output goes out before the input is given back.
                for &(free, _, count) in &core.output_locks {
                    body.push(acquire(free, count));
                }
                for &(_, full, count) in &input_locks {
                    body.push(acquire(full, count));
                }
                let inputs = core.inputs.iter().map(|input| input.halves[half]);
                let mut arguments: Vec<_> = inputs.map(Argument::Buffer).collect();
                arguments.extend(core.weights.map(Argument::Buffer));
                arguments.extend(core.parameters.map(Argument::Buffer));
                arguments.extend(core.output.map(|output| Argument::Buffer(output[half])));
                body.push(Stmt::Call { kernel, arguments, results: Vec::new() });
                for &(_, full, count) in &core.output_locks {
                    body.push(release(full, count));
                }
                for &(free, _, count) in &input_locks {
                    body.push(release(free, count));
                }
            }
            let input = layer.inputs(0)[layer.consumer(core.chain, core.position)].clone();
            let output = layer.outputs()[core.chain].clone();
            self.program.cores.push(Core {
                tile: tile(layer.tile(core.chain, core.position)),
                stack_size: layer.packing.stack as u32,
                body: vec![Stmt::For {
                    variable: Reg(0),
                    lower: Argument::Constant(0),
                    upper: Argument::Constant(FOREVER),
                    step: Argument::Constant(1),
                    body,
                }],
                slice: Some(Slice {
                    layer: layer.name.clone(),
                    sources: self.sources(core.layer)?,
                    outputs: self.outputs(core.layer),
                    k: (input.start, input.end),
                    n: (output.start, output.end),
                    cascade: (core.position, layer.split.cascade),
                    rows,
                    microtile: (layer.microtile.m, layer.microtile.k, layer.microtile.n),
                    whole: matches!(layer.operation, Operation::Whole(_)),
                }),
                code: None,
            });
        }
        Ok(())
    }

    /// What a layer reads, in the order of its inputs.
    fn sources(&self, layer: usize) -> Result<Vec<Source>> {
        let source = |port: usize| {
            let mut transfers = self.mapped.transfers.iter();
            let transfer = transfers.find(|t| t.to == End::Layer(layer) && t.port == port);
            match transfer.map(|transfer| transfer.from) {
                Some(End::Boundary(input)) => Ok(Source::Input(input)),
                Some(End::Layer(from)) => Ok(Source::Layer(self.mapped.layers[from].name.clone())),
                None => Err(NoProgram {
                    layer: Some(layer),
                    message: format!("has no transfer for its input {port}"),
                }),
            }
        };
        (0..self.mapped.layers[layer].ports()).map(source).collect()
    }

    /// The outputs of the program that a layer fills.
    fn outputs(&self, layer: usize) -> Vec<usize> {
        let from_layer = self.mapped.transfers.iter().filter(|t| t.from == End::Layer(layer));
        from_layer
            .filter_map(|transfer| match transfer.to {
                End::Boundary(output) => Some(output),
                End::Layer(_) => None,
            })
            .collect()
    }

    fn kernel(&mut self, spec: &Spec, layer: usize) -> Result<KernelId> {
        let name = spec.name();
        if let Some(&id) = self.kernels.get(&name) {
            return Ok(id);
        }
        let arguments = spec.arguments().ok_or_else(|| NoProgram {
            layer: Some(layer),
            message: "has integers of a width that no buffer holds".into(),
        })?;
        self.program.kernels.push(Kernel {
            name: name.clone(),
            link_with: Some(spec.object()),
            cycles: spec.cycles(self.device),
            arguments,
            results: Vec::new(),
        });
        let id = KernelId(self.program.kernels.len() - 1);
        self.kernels.insert(name, id);
        Ok(id)
    }
}

/// A tile's weights as `[N/n][K/k][k][n]`, zero beyond the layer's extents.
/// Empty for a layer without weights, or if they are not known.
pub fn pack_weights(layer: &Layer, chain: usize, position: usize) -> Vec<u8> {
    let Operation::Dense { weight, weights, .. } = &layer.operation else { return Vec::new() };
    if weights.is_empty() {
        return Vec::new();
    }
    let (split, tiles) = (layer.split, layer.microtile);
    let bytes = weight.bits as usize / 8;
    let mut packed = Vec::with_capacity(split.k * split.n * bytes);
    for nb in 0..split.n / tiles.n {
        for kb in 0..split.k / tiles.k {
            for k in 0..tiles.k {
                for n in 0..tiles.n {
                    let row = position * split.k + kb * tiles.k + k;
                    let column = chain * split.n + nb * tiles.n + n;
                    let value = if row < layer.k && column < layer.n {
                        weights[row * layer.n + column]
                    } else {
                        0
                    };
                    packed.extend_from_slice(&value.to_le_bytes()[..bytes]);
                }
            }
        }
    }
    packed
}

/// A tile's parameters as `[words][N]`: its chain's bias where a sum starts, and what stages
/// have per channel where one ends; zero beyond the layer's extent.
/// Empty for a layer without weights.
pub fn pack_parameters(layer: &Layer, chain: usize, role: Role) -> Vec<u8> {
    let Operation::Dense { bias, .. } = &layer.operation else { return Vec::new() };
    let channels = chain * layer.split.n..(chain + 1) * layer.split.n;
    let requants = if role.has_output() { layer.stages.as_slice() } else { &[] };
    let stages = Stage::all(requants, layer.sum_bits);
    let width: usize = stages.iter().map(Stage::words).sum();
    let mut words: Vec<Vec<i32>> = Vec::new();
    for channel in channels {
        let mut all = Vec::new();
        if role.has_bias() {
            all.push(bias.get(channel).copied().unwrap_or(0) as i32);
        }
        all.extend(match channel < layer.n {
            true => stage::channel_words(&stages, requants, channel),
            false => vec![0; width],
        });
        words.push(all);
    }
    let count = words.first().map_or(0, Vec::len);
    let of_word = |word: usize| words.iter().map(move |all| all[word]);
    (0..count).flat_map(of_word).flat_map(i32::to_le_bytes).collect()
}

fn acquire(lock: LockId, value: i32) -> Stmt {
    Stmt::UseLock(UseLock { lock, action: LockAction::AcquireGreaterEqual, value })
}

fn release(lock: LockId, value: i32) -> Stmt {
    Stmt::UseLock(UseLock { lock, action: LockAction::Release, value })
}

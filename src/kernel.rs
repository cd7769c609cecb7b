//! Kernel instances: which template of `kernels/` a tile runs, with which
//! parameters.
//!
//! The lowering calls instances by name, the emitter writes their sources, and
//! both ask this module, so a name always means one source.

pub mod body;
pub mod schedule;
mod signature;
pub mod size;
pub mod stage;
pub mod time;

pub use signature::{Clamp, Signature};
pub use stage::{Factor, Stage, Way};

use crate::{
    array::{Element, Type},
    device::Device,
    exact::{Requant, Rounding, range},
    operator::{self, Node, Share},
    plan::microtile::Microtile,
};
use stage::{signed, stage_names};

pub use crate::plan::cost::Role;

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Single => "single",
        Role::First => "first",
        Role::Middle => "middle",
        Role::Last => "last",
    }
}

/// Integers of a buffer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Integer {
    pub bits: u32,
    pub signed: bool,
}

impl Integer {
    /// `None` if no buffer holds integers of that width.
    pub fn element(self) -> Option<Element> {
        match self.bits {
            8 => Some(Element::I8),
            16 => Some(Element::I16),
            32 => Some(Element::I32),
            64 => Some(Element::I64),
            _ => None,
        }
    }
    fn short(self) -> String {
        format!("{}{}", if self.signed { "i" } else { "u" }, self.bits)
    }
    fn cpp(self) -> String {
        format!("{}int{}_t", if self.signed { "" } else { "u" }, self.bits)
    }
}

/// A kernel instance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Kernel {
    Dense(Dense),
    Add(Add),
    Operator(Instance),
}

impl Kernel {
    /// A C identifier that names this instance and no other.
    pub fn name(&self) -> String {
        match self {
            Kernel::Dense(dense) => dense.name(),
            Kernel::Add(add) => add.name(),
            Kernel::Operator(instance) => instance.name(),
        }
    }

    /// The object file that holds it.
    pub fn object(&self) -> String {
        format!("{}.o", self.name())
    }

    /// Types of its arguments; `None` if a buffer would hold a width that no
    /// element type has.
    pub fn arguments(&self) -> Option<Vec<Type>> {
        match self {
            Kernel::Dense(dense) => dense.arguments(),
            Kernel::Add(add) => add.arguments(),
            Kernel::Operator(instance) => instance.arguments(),
        }
    }

    /// The source file that instantiates it.
    pub fn source(&self) -> String {
        match self {
            Kernel::Dense(dense) => dense.source(),
            Kernel::Add(add) => add.source(),
            Kernel::Operator(instance) => instance.source(),
        }
    }

    /// Cycles of a call, of a kernel whose name does not tell them.
    pub fn cycles(&self, device: &Device) -> Option<u64> {
        match self {
            Kernel::Dense(_) | Kernel::Add(_) => None,
            Kernel::Operator(instance) => Some(instance.cycles(device)),
        }
    }
}

/// One instance of the dense kernel: `rows x k` times `k x n` on one tile.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Dense {
    pub role: Role,
    pub microtile: Microtile,
    /// Rows, inputs and outputs of the tile, multiples of the microtile.
    pub rows: usize,
    pub k: usize,
    pub n: usize,
    pub input: Integer,
    pub weight: Integer,
    pub output: Integer,
    /// 32 or 64.
    pub accumulator: u32,
    /// Empty unless the role has an output.
    pub stages: Vec<Stage>,
}

impl Dense {
    /// A C identifier that names this instance and no other.
    pub fn name(&self) -> String {
        let Microtile { m, k, n } = self.microtile;
        let mut name = format!(
            "dense_{}_{}x{}x{}_m{m}x{k}x{n}_{}_{}_acc{}",
            role_name(self.role),
            self.rows,
            self.k,
            self.n,
            self.input.short(),
            self.weight.short(),
            self.accumulator,
        );
        if self.role.has_output() {
            name += &format!("_{}", self.output.short());
        }
        name + &stage_names(&self.stages)
    }

    /// Words of int32 that an output channel has in the parameter buffer: its bias, and what
    /// stages have per channel. 0 if the role has no such buffer.
    pub fn words(&self) -> usize {
        usize::from(self.role.has_bias()) + self.stages.iter().map(Stage::words).sum::<usize>()
    }

    /// What its parameter buffer is called.
    pub fn parameters_name(&self) -> &'static str {
        if self.words() > usize::from(self.role.has_bias()) { "parameters" } else { "bias" }
    }

    /// Types of its arguments: input, weights, then parameters and output where the role has them.
    ///
    /// `None` if a buffer would hold a width that no element type has.
    pub fn arguments(&self) -> Option<Vec<Type>> {
        let mut arguments = vec![
            Type::MemRef(vec![self.rows * self.k], self.input.element()?),
            Type::MemRef(vec![self.k * self.n], self.weight.element()?),
        ];
        if self.words() > 0 {
            arguments.push(Type::MemRef(vec![self.words() * self.n], Element::I32));
        }
        if self.role.has_output() {
            arguments.push(Type::MemRef(vec![self.rows * self.n], self.output.element()?));
        }
        Some(arguments)
    }

    /// The source file that instantiates it.
    pub fn source(&self) -> String {
        let Microtile { m, k, n } = self.microtile;
        let (a, w) = (self.input.cpp(), self.weight.cpp());
        let c = if self.role.has_output() { self.output.cpp() } else { "int8_t".into() };
        let mut parameters = vec![
            a.clone(),
            w.clone(),
            c.clone(),
            format!("int{}_t", self.accumulator),
            format!("{m}, {k}, {n}"),
            format!("{}, {}, {}", self.rows / m, self.k / k, self.n / n),
        ];
        // The template wants a stage even where a role never requantizes.
        let none = Stage::all(&[Requant::shift(0, Rounding::Floor, 8, true)], 32);
        let stages = if self.role.has_output() { &self.stages } else { &none };
        parameters.extend(stages.iter().map(Stage::cpp));
        // Without the promise that no buffer overlaps another, every load waits for the stores
        // before it.
        let mut declared =
            vec![format!("const {a} *__restrict a"), format!("const {w} *__restrict w")];
        let mut passed = vec!["a", "w"];
        if self.words() > 0 {
            declared.push(format!("const int32_t *__restrict {}", self.parameters_name()));
            passed.push(self.parameters_name());
        }
        if self.role.has_output() {
            declared.push(format!("{c} *__restrict c"));
            passed.push("c");
        }
        format!(
            "// {} rows x {} inputs x {} outputs, {} of a cascade.\n\
             #include \"aie4ml/dense.h\"\n\n\
             extern \"C\" void {}({}) {{\n  aie4ml::Dense<{}>::{}({});\n}}\n",
            self.rows,
            self.k,
            self.n,
            role_name(self.role),
            self.name(),
            declared.join(", "),
            parameters.join(",\n                "),
            role_name(self.role),
            passed.join(", "),
        )
    }
}

/// One instance of the kernel of an operator that reads whole rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Instance {
    pub node: Node,
    pub share: Share,
    /// Features of each input's buffer, padding included.
    pub widths: Vec<usize>,
    pub stages: Vec<Stage>,
}

impl Instance {
    /// A C identifier that names this instance and no other: the operator, and a digest of all
    /// that its source says.
    pub fn name(&self) -> String {
        // FNV-1a, which stays the same on every machine and in every version.
        let digest =
            self.template_arguments().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        format!("{}_{digest:016x}", self.node.operator.name())
    }

    /// Words of each channel that requantization has in the parameters.
    pub fn stage_words(&self) -> usize {
        self.stages.iter().map(Stage::words).sum()
    }

    /// Words of the parameters.
    pub fn parameter_words(&self) -> usize {
        operator::parameter_words(&self.node, self.share.channels, self.stage_words())
    }

    fn arguments(&self) -> Option<Vec<Type>> {
        let rows = self.share.rows;
        let mut arguments = Vec::new();
        for (tensor, width) in self.node.inputs.iter().zip(&self.widths) {
            arguments.push(Type::MemRef(vec![rows * width], tensor.number.element()?));
        }
        if let Some((number, count)) = self.node.operator.held(&self.node, self.share.channels) {
            arguments.push(Type::MemRef(vec![count], number.element()?));
        }
        arguments.push(Type::MemRef(vec![self.parameter_words()], Element::I32));
        let output = self.node.output.number.element()?;
        arguments.push(Type::MemRef(vec![rows * self.share.outputs], output));
        Some(arguments)
    }

    fn template_arguments(&self) -> String {
        let Node { operator, inputs, output, accumulator, .. } = &self.node;
        let mut all: Vec<String> = inputs.iter().map(|tensor| tensor.number.cpp()).collect();
        if let Some((number, _)) = operator.held(&self.node, self.share.channels) {
            all.push(number.cpp());
        }
        all.push(output.number.cpp());
        if operator.has_sums() {
            all.push(format!("int{accumulator}_t"));
        }
        let mut numbers: Vec<String> = self.widths.iter().map(usize::to_string).collect();
        numbers.push(self.share.outputs.to_string());
        all.push(format!("Buffers<{}, {}>", self.share.rows, numbers.join(", ")));
        all.extend(operator.arguments(&self.node, &self.share));
        all.extend(self.stages.iter().map(Stage::cpp));
        all.join(",\n                ")
    }

    fn source(&self) -> String {
        let Node { operator, inputs, output, .. } = &self.node;
        let mut declared = Vec::new();
        let mut passed = Vec::new();
        for (name, tensor) in ["a", "b"].iter().zip(inputs) {
            declared.push(format!("const {} *__restrict {name}", tensor.number.cpp()));
            passed.push(*name);
        }
        if let Some((number, _)) = operator.held(&self.node, self.share.channels) {
            declared.push(format!("const {} *__restrict w", number.cpp()));
            passed.push("w");
        }
        declared.push("const int32_t *__restrict p".into());
        declared.push(format!("{} *__restrict c", output.number.cpp()));
        passed.extend(["p", "c"]);
        format!(
            "// {} rows, {} channels of {}.\n\
             #include \"aie4ml/{}.h\"\n\n\
             using namespace aie4ml;\n\n\
             extern \"C\" void {}({}) {{\n  {}<{}>::run({});\n}}\n",
            self.share.rows,
            self.share.channels,
            operator.name(),
            operator.name(),
            self.name(),
            declared.join(", "),
            operator.template(&self.node),
            self.template_arguments(),
            passed.join(", "),
        )
    }

    fn cycles(&self, device: &Device) -> u64 {
        let clamps: Vec<Clamp> = self.stages.iter().map(Clamp::from).collect();
        time::operator(&self.node, &self.share, &clamps, device)
    }
}

/// One instance of the add kernel: `rows x n` of both operands on one tile.
///
/// It computes element by element, so the order of blocks is not its business.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Add {
    pub rows: usize,
    pub n: usize,
    /// Of each operand, of one width.
    pub inputs: [Integer; 2],
    /// Of each operand, of 32 bits with sign.
    pub factors: [i64; 2],
    /// Width of the sum: 32 or 64.
    pub accumulator: u32,
    pub output: Integer,
    pub stages: Vec<Stage>,
}

impl Add {
    /// How the name of every instance of these extents begins.
    pub fn name_of(rows: usize, n: usize) -> String {
        format!("add_{rows}x{n}")
    }

    /// Whether operands are shifted, and not multiplied.
    pub fn shifts(factors: [i64; 2], accumulator: u32) -> bool {
        accumulator == 32 && factors.iter().all(|&f| f > 0 && f.count_ones() == 1)
    }

    /// Bits of a sum with its sign.
    pub fn sum_bits(inputs: [Integer; 2], factors: [i64; 2]) -> u32 {
        let most = |input: Integer, factor: i64| {
            let (low, high) = range(input.bits.clamp(1, 62).into(), input.signed);
            u128::from(low.unsigned_abs().max(high.unsigned_abs()))
                * u128::from(factor.unsigned_abs())
        };
        let sum = most(inputs[0], factors[0]) + most(inputs[1], factors[1]);
        i64::try_from(sum).map_or(64, stage::signed_bits)
    }

    fn name(&self) -> String {
        let [left, right] = self.inputs.map(Integer::short);
        let [a, b] = match Add::shifts(self.factors, self.accumulator) {
            true => self.factors.map(|factor| format!("l{}", factor.trailing_zeros())),
            false => self.factors.map(|factor| format!("f{}", signed(factor))),
        };
        let (prefix, output) = (Add::name_of(self.rows, self.n), self.output.short());
        format!("{prefix}_{left}_{right}_{a}_{b}_{output}{}", stage_names(&self.stages))
    }

    fn arguments(&self) -> Option<Vec<Type>> {
        let count = vec![self.rows * self.n];
        let all = [self.inputs[0], self.inputs[1], self.output];
        all.map(|integer| Some(Type::MemRef(count.clone(), integer.element()?)))
            .into_iter()
            .collect()
    }

    fn source(&self) -> String {
        let ([left, right], output) = (self.inputs.map(Integer::cpp), self.output.cpp());
        let [a, b] = self.factors;
        let sum = if Add::shifts(self.factors, self.accumulator) { 32 } else { 64 };
        let mut parameters = vec![
            format!("{left}, {right}, {output}"),
            format!("int{sum}_t"),
            format!("{a}, {b}"),
            format!("{}", self.rows * self.n),
        ];
        parameters.extend(self.stages.iter().map(Stage::cpp));
        format!(
            "// {} rows x {} features.\n\
             #include \"aie4ml/add.h\"\n\n\
             extern \"C\" void {}(const {left} *__restrict a, const {right} *__restrict b, {output} *__restrict c) {{\n  \
             aie4ml::Add<{}>::run(a, b, c);\n}}\n",
            self.rows,
            self.n,
            self.name(),
            parameters.join(",\n              "),
        )
    }
}

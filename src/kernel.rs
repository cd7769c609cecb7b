//! Kernel instances: which template of `kernels/` a tile runs, with which
//! parameters.
//!
//! The lowering calls instances by name, the emitter writes their sources, and
//! both ask this module, so a name always means one source.

mod signature;
pub mod size;
pub mod time;

pub use signature::{Clamp, Signature};

use crate::{
    array::{Element, Type},
    exact::{Requant, Rounding},
    plan::microtile::Microtile,
};

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
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Kernel {
    Dense(Dense),
    Add(Add),
}

impl Kernel {
    /// A C identifier that names this instance and no other.
    pub fn name(&self) -> String {
        match self {
            Kernel::Dense(dense) => dense.name(),
            Kernel::Add(add) => add.name(),
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
        }
    }

    /// The source file that instantiates it.
    pub fn source(&self) -> String {
        match self {
            Kernel::Dense(dense) => dense.source(),
            Kernel::Add(add) => add.source(),
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
    pub stages: Vec<Requant>,
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

    /// Types of its arguments: input, weights, then bias and output where the role has them.
    ///
    /// `None` if a buffer would hold a width that no element type has.
    pub fn arguments(&self) -> Option<Vec<Type>> {
        let mut arguments = vec![
            Type::MemRef(vec![self.rows * self.k], self.input.element()?),
            Type::MemRef(vec![self.k * self.n], self.weight.element()?),
        ];
        if self.role.has_bias() {
            arguments.push(Type::MemRef(vec![self.n], Element::I32));
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
        let none = [Requant::shift(0, Rounding::Floor, 8, true)];
        let stages = if self.role.has_output() { self.stages.as_slice() } else { &none };
        parameters.extend(stages.iter().map(stage_parameter));
        let mut declared = vec![format!("const {a} *a"), format!("const {w} *w")];
        let mut passed = vec!["a", "w"];
        if self.role.has_bias() {
            declared.push("const int32_t *bias".into());
            passed.push("bias");
        }
        if self.role.has_output() {
            declared.push(format!("{c} *c"));
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

/// One instance of the add kernel: `rows x n` of both operands on one tile.
///
/// It computes element by element, so the order of blocks is not its business.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Add {
    pub rows: usize,
    pub n: usize,
    /// Of each operand, of one width.
    pub inputs: [Integer; 2],
    /// Left shift of each operand.
    pub shifts: [u32; 2],
    pub output: Integer,
    pub stages: Vec<Requant>,
}

impl Add {
    /// How the name of every instance of these extents begins.
    pub fn name_of(rows: usize, n: usize) -> String {
        format!("add_{rows}x{n}")
    }

    fn name(&self) -> String {
        let [a, b] = self.shifts;
        let [left, right] = self.inputs.map(Integer::short);
        let (prefix, output) = (Add::name_of(self.rows, self.n), self.output.short());
        format!("{prefix}_{left}_{right}_l{a}_l{b}_{output}{}", stage_names(&self.stages))
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
        let [a, b] = self.shifts;
        let mut parameters = vec![
            format!("{left}, {right}, {output}"),
            format!("{a}, {b}"),
            format!("{}", self.rows * self.n),
        ];
        parameters.extend(self.stages.iter().map(stage_parameter));
        format!(
            "// {} rows x {} features.\n\
             #include \"aie4ml/add.h\"\n\n\
             extern \"C\" void {}(const {left} *a, const {right} *b, {output} *c) {{\n  \
             aie4ml::Add<{}>::run(a, b, c);\n}}\n",
            self.rows,
            self.n,
            self.name(),
            parameters.join(",\n              "),
        )
    }
}

/// Requantizations as part of an identifier.
fn stage_names(stages: &[Requant]) -> String {
    let name = |stage: &Requant| {
        let Requant { shift, rounding, overflow, width, zero_point, min, max, .. } = stage;
        format!(
            "_s{}r{}o{}w{width}z{}l{}h{}",
            signed(*shift),
            *rounding as i64,
            *overflow as i64,
            signed(*zero_point),
            signed(*min),
            signed(*max),
        )
    };
    stages.iter().map(name).collect()
}

/// A requantization as a template parameter.
fn stage_parameter(stage: &Requant) -> String {
    format!(
        "aie4ml::Stage<{}, aie4ml::Rounding::{}, aie4ml::Overflow::{}, {}, {}, {}, {}{}>",
        stage.shift,
        stage.rounding.name(),
        stage.overflow.name(),
        stage.width,
        stage.min,
        stage.max,
        stage.zero_point,
        if stage.signed { "" } else { ", false" },
    )
}

/// A number as part of an identifier.
fn signed(value: i64) -> String {
    if value < 0 { format!("m{}", value.unsigned_abs()) } else { value.to_string() }
}

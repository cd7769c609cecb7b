//! Kernel instances: which template of `kernels/` a tile runs, with which
//! parameters.
//!
//! The lowering calls instances by name, the emitter writes their sources, and
//! both ask this module, so a name always means one source.

use crate::{
    array::{Element, Type},
    exact::{Overflow, Requant, Rounding},
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
        for stage in &self.stages {
            let Requant { shift, rounding, overflow, width, zero_point, min, max } = stage;
            name += &format!(
                "_s{}r{}o{}w{width}z{}l{}h{}",
                signed(*shift),
                *rounding as i64,
                *overflow as i64,
                signed(*zero_point),
                signed(*min),
                signed(*max),
            );
        }
        name
    }

    /// The object file that holds it.
    pub fn object(&self) -> String {
        format!("{}.o", self.name())
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
        let none = [Requant {
            shift: 0,
            rounding: Rounding::Floor,
            overflow: Overflow::Saturate,
            width: 8,
            zero_point: 0,
            min: -128,
            max: 127,
        }];
        for stage in if self.role.has_output() { self.stages.as_slice() } else { &none } {
            parameters.push(format!(
                "aie4ml::Stage<{}, aie4ml::Rounding::{}, aie4ml::Overflow::{}, {}, {}, {}, {}>",
                stage.shift,
                stage.rounding.name(),
                stage.overflow.name(),
                stage.width,
                stage.min,
                stage.max,
                stage.zero_point,
            ));
        }
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

/// A number as part of an identifier.
fn signed(value: i64) -> String {
    if value < 0 { format!("m{}", value.unsigned_abs()) } else { value.to_string() }
}

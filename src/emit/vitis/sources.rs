//! The files of a project: graph, cores, constants, and how to build them.

use super::{
    board::{CLOCK, GRAPH},
    graph::{Address, Argument, Buffer, Connection, End, Graph, Kernel, identifier},
    tiling::Tiling,
};
use crate::{
    array::{Element, Program},
    device::{Device, Generation},
};
use std::{collections::BTreeMap, fmt::Write, path::PathBuf};

/// What makes a project beside its graph.
pub struct Parts<'a> {
    pub program: &'a Program,
    pub device: &'a Device,
    pub graph: &'a Graph,
    /// Sources of the kernel instances, by name.
    pub kernels: &'a BTreeMap<String, String>,
    pub model: &'a str,
    pub iterations: usize,
}

/// Numbers on a line of a table.
const LINE: usize = 32;

/// Kernel instances whose text is not as it is expected.
type Result<T> = std::result::Result<T, String>;

impl Parts<'_> {
    /// All files but data, by their path in the project.
    pub fn files(&self) -> Result<BTreeMap<PathBuf, String>> {
        let mut files = BTreeMap::new();
        let mut add = |path: String, text: String| {
            files.insert(PathBuf::from(path), text);
        };
        for kernel in &self.graph.kernels {
            add(format!("src/cores/{}.cc", kernel.name), self.core(kernel)?);
            add(format!("src/kernels/{}.h", kernel.calls), self.instance(&kernel.calls)?);
            for argument in &kernel.arguments {
                let Argument::Constant(constant) = argument else { continue };
                add(format!("src/constants/{}.h", constant.name), self.table(kernel, argument)?);
            }
        }
        add("src/cores.h".into(), self.prototypes()?);
        add("src/graph.h".into(), self.graph()?);
        add("src/app.cpp".into(), self.app());
        add("aie.cfg".into(), self.config());
        add("Makefile".into(), self.makefile());
        add("README.md".into(), self.readme());
        add("check.py".into(), include_str!("check.py").into());
        add("emulation/all.cpp".into(), self.together());
        files.extend(self.board());
        Ok(files)
    }

    pub(super) fn head(&self, about: &str) -> String {
        format!(
            "// {about}\n// {} on {}, written by aie4ml {}.\n\n",
            self.model,
            self.device.name,
            env!("CARGO_PKG_VERSION")
        )
    }

    /// The types of a kernel instance's arguments.
    fn types(&self, kernel: &str) -> Result<Vec<String>> {
        self.kernels
            .get(kernel)
            .and_then(|source| signature(source, kernel))
            .ok_or_else(|| format!("bug: the source of '{kernel}' has no signature to read"))
    }

    fn instance(&self, kernel: &str) -> Result<String> {
        let source = self.kernels.get(kernel).map_or("", String::as_str);
        // Every core has its own copy, in a file of its own, and all are linked together in the
        // functional simulator.
        let linkage = "extern \"C\" void";
        match source.matches(linkage).count() {
            1 => Ok(format!("#pragma once\n\n{}", source.replace(linkage, "static inline void"))),
            _ => Err(format!("bug: the source of '{kernel}' is not one function")),
        }
    }

    /// The type of a kernel's argument, of its own position.
    fn type_of(&self, kernel: &Kernel, wanted: &Argument) -> Result<String> {
        let types = self.types(&kernel.calls)?;
        let index = kernel.arguments.iter().position(|argument| argument == wanted);
        index.and_then(|index| types.get(index).cloned()).ok_or_else(|| {
            format!("bug: '{}' takes other arguments than its core gives", kernel.calls)
        })
    }

    fn table(&self, kernel: &Kernel, argument: &Argument) -> Result<String> {
        let Argument::Constant(constant) = argument else { return Ok(String::new()) };
        let buffer = &self.program.buffers[constant.buffer.0];
        let signed = !self.type_of(kernel, argument)?.starts_with('u');
        let bytes = buffer.initial.as_deref().unwrap_or_default();
        let numbers = numbers(bytes, buffer.element, signed);
        let lines = numbers.chunks(LINE).map(|line| {
            let line: Vec<String> = line.iter().map(i64::to_string).collect();
            format!("{},\n", line.join(", "))
        });
        Ok(lines.collect())
    }

    /// Parameters of a core's function.
    fn parameters(&self, kernel: &Kernel) -> Result<String> {
        let mut all = Vec::new();
        for argument in &kernel.arguments {
            let of = self.type_of(kernel, argument)?;
            match argument {
                Argument::Input(index) => {
                    all.push(format!("adf::input_buffer<{of}> &__restrict in{index}"));
                }
                Argument::Output => all.push(format!("adf::output_buffer<{of}> &__restrict out")),
                Argument::Constant(_) => {}
            }
        }
        let sums = sums(&kernel.calls);
        // The output is last.
        let output = all.iter().position(|text| text.starts_with("adf::output"));
        if kernel.cascade.reads {
            let at = output.unwrap_or(all.len());
            all.insert(at, format!("input_cascade<{sums}> *cascade_in"));
        }
        if kernel.cascade.writes {
            all.push(format!("output_cascade<{sums}> *cascade_out"));
        }
        Ok(all.join(", "))
    }

    fn core(&self, kernel: &Kernel) -> Result<String> {
        let mut text = self.head(&format!("{}.", kernel.about));
        text += "#include \"cores.h\"\n";
        let cascades = kernel.cascade.reads || kernel.cascade.writes;
        // Before any kernel, as it decides how they reach the cascade.
        text += "#include \"aie4ml/cascade.h\"\n";
        text += &format!("#include \"kernels/{}.h\"\n", kernel.calls);
        let mut passed = Vec::new();
        for argument in &kernel.arguments {
            match argument {
                Argument::Input(index) => passed.push(format!("in{index}.data()")),
                Argument::Output => passed.push("out.data()".into()),
                Argument::Constant(constant) => {
                    let of = self.type_of(kernel, argument)?;
                    let len = self.program.buffers[constant.buffer.0].len();
                    let name = &constant.name;
                    let align = self.device.vector_alignment;
                    _ = write!(
                        text,
                        "\nalignas({align}) {of} {name}[{len}] = {{\n#include \"constants/{name}.h\"\n}};\n"
                    );
                    passed.push(name.clone());
                }
            }
        }
        _ = write!(text, "\nvoid {}_run({})\n{{\n", kernel.name, self.parameters(kernel)?);
        if cascades {
            let name =
                |there: bool, name: &str| if there { name.to_owned() } else { "nullptr".into() };
            _ = writeln!(
                text,
                "    aie4ml::connect_cascade<{}>({}, {});",
                sums(&kernel.calls),
                name(kernel.cascade.reads, "cascade_in"),
                name(kernel.cascade.writes, "cascade_out")
            );
        }
        _ = write!(text, "    {}({});\n}}\n", kernel.calls, passed.join(", "));
        Ok(text)
    }

    fn prototypes(&self) -> Result<String> {
        let mut text = self.head("What runs on each core.");
        text +=
            "#pragma once\n\n#include <adf.h>\n#include <aie_api/aie.hpp>\n#include <cstdint>\n\n";
        for kernel in &self.graph.kernels {
            _ = writeln!(text, "void {}_run({});", kernel.name, self.parameters(kernel)?);
        }
        Ok(text)
    }

    /// The element type of a shared buffer, as the kernels at its ports have it.
    fn memory_type(&self, memory: usize) -> Result<String> {
        for connection in &self.graph.connections {
            let (from, to) = (connection.from, connection.to);
            let kernel = match (from, to) {
                (End::Memory(index, _), End::Kernel(kernel, port)) if index == memory => {
                    Some((kernel, Argument::Input(port)))
                }
                (End::Kernel(kernel, _), End::Memory(index, _)) if index == memory => {
                    Some((kernel, Argument::Output))
                }
                _ => None,
            };
            if let Some((kernel, argument)) = kernel {
                return self.type_of(&self.graph.kernels[kernel], &argument);
            }
        }
        let element = self.graph.memories[memory].element;
        Ok(format!("int{}_t", 8 * element.bytes()))
    }

    fn end(&self, end: End, from: bool) -> String {
        let side = if from { "out" } else { "in" };
        match end {
            End::Kernel(index, port) => {
                format!("{}.{side}[{port}]", self.graph.kernels[index].name)
            }
            End::Memory(index, port) => {
                format!("{}.{side}[{port}]", self.graph.memories[index].name)
            }
            End::Plio(index) if from => format!("{}.out[0]", self.graph.inputs[index].name),
            End::Plio(index) => format!("{}.in[0]", self.graph.outputs[index].name),
        }
    }

    fn graph(&self) -> Result<String> {
        let graph = self.graph;
        let mut text =
            self.head("The graph: kernels, shared buffers, streams, and where they are.");
        text += "// AIE4ML_FREE_BUFFERS leaves the places of buffers within tiles to the tools,\n\
                 // AIE4ML_FREE_PLIO those of streams of programmable logic.\n\n\
                 #pragma once\n\n#include \"cores.h\"\n\n";
        for kernel in &graph.kernels {
            for argument in &kernel.arguments {
                let Argument::Constant(constant) = argument else { continue };
                let of = self.type_of(kernel, argument)?;
                let len = self.program.buffers[constant.buffer.0].len();
                _ = writeln!(text, "extern {of} {}[{len}];", constant.name);
            }
        }
        text += "\nclass network : public adf::graph {\npublic:\n";
        for plio in &graph.inputs {
            _ = writeln!(text, "    adf::input_plio {};", plio.name);
        }
        for plio in &graph.outputs {
            _ = writeln!(text, "    adf::output_plio {};", plio.name);
        }
        for kernel in &graph.kernels {
            _ = writeln!(text, "    adf::kernel {};", kernel.name);
        }
        for (index, memory) in graph.memories.iter().enumerate() {
            _ = writeln!(
                text,
                "    adf::shared_buffer<{}> {};",
                self.memory_type(index)?,
                memory.name
            );
        }
        text += "\n    network()\n    {\n";
        self.ports(&mut text);
        for kernel in &graph.kernels {
            self.node(kernel, &mut text);
        }
        for (index, memory) in graph.memories.iter().enumerate() {
            let (name, of) = (&memory.name, self.memory_type(index)?);
            _ = writeln!(
                text,
                "\n        {name} = adf::shared_buffer<{of}>::create({{{}, {}}}, {}, {});",
                memory.pitch,
                memory.rows,
                memory.inputs.len(),
                memory.outputs.len()
            );
            _ = writeln!(text, "        adf::num_buffers({name}) = 2;");
            let places = memory.offsets.map(|offset| {
                format!("adf::address({}, {}, 0x{offset:x})", memory.at.column, memory.at.row)
            });
            _ = writeln!(
                text,
                "        adf::location<adf::buffer>({name}) = {{{}}};",
                places.join(", ")
            );
            for (side, function, ports) in
                [("in", "write_access", &memory.inputs), ("out", "read_access", &memory.outputs)]
            {
                for (port, access) in ports.iter().enumerate() {
                    tilings(&mut text, function, &format!("{name}.{side}[{port}]"), access);
                }
            }
        }
        text.push('\n');
        for Connection { from, to, cascade } in &graph.connections {
            let kind = if *cascade { "adf::cascade" } else { "" };
            _ = writeln!(
                text,
                "        adf::connect<{kind}>({}, {});",
                self.end(*from, true),
                self.end(*to, false)
            );
        }
        text += "    }\n};\n";
        Ok(text)
    }

    fn ports(&self, text: &mut String) {
        let all = [(true, &self.graph.inputs), (false, &self.graph.outputs)];
        for (into, list) in all {
            let of = if into { "input_plio" } else { "output_plio" };
            for plio in list {
                let (name, width) = (&plio.name, plio.width);
                _ = writeln!(
                    text,
                    "        {name} = adf::{of}::create(\"{name}\", adf::plio_{width}_bits, \"data/{name}.txt\");"
                );
            }
        }
        *text += "#if !defined(AIE4ML_FREE_PLIO)\n";
        for (_, list) in all {
            for plio in list {
                _ = writeln!(
                    text,
                    "        adf::location<adf::PLIO>({}) = adf::shim({}, {});",
                    plio.name, plio.column, plio.channel
                );
            }
        }
        *text += "#endif\n";
    }

    fn node(&self, kernel: &Kernel, text: &mut String) {
        let Kernel { name, at, stack, .. } = kernel;
        _ = write!(
            text,
            "\n        // {}\n        {name} = adf::kernel::create({name}_run);\n        \
             adf::source({name}) = \"cores/{name}.cc\";\n        \
             adf::runtime<adf::ratio>({name}) = 1.0;\n        \
             adf::stack_size({name}) = {stack};\n        \
             adf::location<adf::kernel>({name}) = adf::tile({}, {});\n",
            kernel.about, at.column, at.row
        );
        let mut places = format!(
            "        adf::location<adf::stack>({name}) = adf::address({}, {}, 0x0);\n",
            at.column, at.row
        );
        let mut number = 0;
        for argument in &kernel.arguments {
            let (port, function, buffer) = match argument {
                Argument::Input(index) => {
                    (format!("{name}.in[{index}]"), "write_access", &kernel.inputs[*index])
                }
                Argument::Output => match &kernel.output {
                    Some(output) => (format!("{name}.out[0]"), "read_access", output),
                    None => continue,
                },
                Argument::Constant(constant) => {
                    // A parameter is known by the kernel and its number.
                    let parameter = format!("{name}_{number}");
                    number += 1;
                    _ = write!(
                        text,
                        "        adf::parameter {parameter} = adf::parameter::array({});\n        \
                         adf::connect<>({parameter}, {name});\n",
                        constant.name
                    );
                    if let Some(at) = constant.address {
                        _ = writeln!(
                            places,
                            "        adf::location<adf::parameter>({parameter}) = {};",
                            place(at)
                        );
                    }
                    continue;
                }
            };
            let Buffer { len, access, addresses, .. } = buffer;
            _ = writeln!(text, "        adf::dimensions({port}) = {{{len}}};");
            tilings(text, function, &port, access);
            if let Some(addresses) = addresses {
                let both = addresses.map(place);
                _ = writeln!(
                    places,
                    "        adf::location<adf::buffer>({port}) = {{{}}};",
                    both.join(", ")
                );
            }
        }
        _ = write!(text, "#if !defined(AIE4ML_FREE_BUFFERS)\n{places}#endif\n");
    }

    fn app(&self) -> String {
        let first = |list: &[super::graph::Plio]| {
            list.first().map_or_else(String::new, |plio| plio.name.clone())
        };
        let text = include_str!("app.cpp")
            .replace("@GRAPH@", GRAPH)
            .replace("@INPUT@", &first(&self.graph.inputs))
            .replace("@OUTPUT@", &first(&self.graph.outputs))
            .replace("@ITERATIONS@", &self.iterations.to_string());
        self.head("Runs the graph in AMD's simulators.") + &text
    }

    fn config(&self) -> String {
        // Optimizes buffers and heaps as the compiler for AIE-ML does by itself.
        let level = match self.device.generation {
            Generation::AieMl => 1,
            Generation::AieMlV2 => 0,
        };
        format!("[aie]\nxlopt={level}\nverbose=true\npl-freq={CLOCK}\n")
    }

    fn part(&self) -> &'static str {
        match self.device.name {
            "xcve2302" => "xcve2302-sfva784-1LP-e-S",
            "xcve3858" => "xc2ve3858-ssva2112-2MP-e-S",
            _ => "xcve2802-vsvh1760-2MP-e-S",
        }
    }

    fn architecture(&self) -> u32 {
        match self.device.generation {
            Generation::AieMl => 20,
            Generation::AieMlV2 => 21,
        }
    }

    fn makefile(&self) -> String {
        include_str!("Makefile.in")
            .replace("@PART@", self.part())
            .replace("@ARCHITECTURE@", &self.architecture().to_string())
            .replace("@MOVERS@", &self.mover_names().join(" "))
    }

    fn readme(&self) -> String {
        let tensors = |inputs: bool| -> String {
            let (list, plios) = match inputs {
                true => (&self.program.inputs, &self.graph.inputs),
                false => (&self.program.outputs, &self.graph.outputs),
            };
            let rows = plios.iter().map(|plio| {
                let tensor = &list[plio.tensor];
                let sign = if plio.signed { "" } else { "u" };
                let bits = 8 * plio.element.bytes();
                let slices: Vec<String> = (tensor.streams[plio.stream].slices.iter())
                    .map(|slice| format!("{} to {} as {}", slice.begin, slice.end, slice.pitch))
                    .collect();
                format!(
                    "| `{}` | {} | {sign}int{bits} | {} | {} | {} rows, columns {} |\n",
                    plio.name,
                    tensor.name,
                    plio.width,
                    plio.len,
                    tensor.rows,
                    slices.join(", ")
                )
            });
            rows.collect()
        };
        include_str!("README.in")
            .replace("@MODEL@", self.model)
            .replace("@DEVICE@", self.device.name)
            .replace("@KERNELS@", &self.graph.kernels.len().to_string())
            .replace("@MEMORIES@", &self.graph.memories.len().to_string())
            .replace("@ITERATIONS@", &self.iterations.to_string())
            .replace("@INPUTS@\n", &tensors(true))
            .replace("@OUTPUTS@\n", &tensors(false))
    }

    /// Everything as one unit, for a host compiler.
    fn together(&self) -> String {
        let mut text = self.head("The whole project, for a compiler of this machine.");
        text += "#include \"app.cpp\"\n";
        for kernel in &self.graph.kernels {
            _ = writeln!(text, "#include \"cores/{}.cc\"", kernel.name);
        }
        text + "#include \"aie4ml_host.cpp\"\n"
    }
}

/// Access patterns of a port; none says that it is taken in order.
fn tilings(text: &mut String, function: &str, port: &str, access: &[Tiling]) {
    match access {
        [] => {}
        [one] => _ = writeln!(text, "        adf::{function}({port}) = {one};"),
        more => {
            let all: Vec<String> = more.iter().map(Tiling::to_string).collect();
            _ = writeln!(
                text,
                "        adf::{function}({port}) = {{\n            {}}};",
                all.join(",\n            ")
            );
        }
    }
}

fn place(Address { at, offset }: Address) -> String {
    format!("adf::address({}, {}, 0x{offset:x})", at.column, at.row)
}

/// What the sums of a kernel are, of which the cascade has whole words.
fn sums(kernel: &str) -> &'static str {
    if kernel.contains("_acc64") { "acc64" } else { "acc32" }
}

/// Types of the arguments of the one function that a source defines.
pub fn signature(source: &str, name: &str) -> Option<Vec<String>> {
    let (_, rest) = source.split_once(&format!("void {name}("))?;
    let (arguments, _) = rest.split_once(')')?;
    let of = |argument: &str| {
        let (of, _) = argument.trim().trim_start_matches("const ").split_once('*')?;
        let of = of.trim();
        let known = identifier(of) == of && of.ends_with("_t");
        known.then(|| of.to_owned())
    };
    arguments.split(',').map(of).collect()
}

/// Little-endian integers.
pub fn numbers(bytes: &[u8], element: Element, signed: bool) -> Vec<i64> {
    let size = element.bytes();
    let number = |part: &[u8]| {
        let filler = if signed && part.last().is_some_and(|&top| top >= 0x80) { 0xff } else { 0 };
        let mut all = [filler; 8];
        all[..size].copy_from_slice(part);
        i64::from_le_bytes(all)
    };
    bytes.chunks_exact(size).map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_read() {
        let source = "// 8 rows.\n#include \"aie4ml/dense.h\"\n\nextern \"C\" void f(const uint8_t *__restrict a, \
                      const int32_t *__restrict p, int16_t *__restrict c) {\n  g(a, p, c);\n}\n";
        let expected = ["uint8_t", "int32_t", "int16_t"].map(String::from).to_vec();
        assert_eq!(signature(source, "f"), Some(expected));
        assert_eq!(signature(source, "g"), None);
        assert_eq!(signature("void f(float a)", "f"), None);
    }

    #[test]
    fn integers_keep_their_sign() {
        let bytes = [0xff, 0x7f, 0x00, 0x80];
        assert_eq!(numbers(&bytes, Element::I16, true), [32767, -32768]);
        assert_eq!(numbers(&bytes, Element::I16, false), [32767, 32768]);
        assert_eq!(numbers(&bytes, Element::I8, true), [-1, 127, 0, -128]);
    }
}

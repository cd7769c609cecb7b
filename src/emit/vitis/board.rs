//! What makes a system of a graph on a board: data movers between the board's memory and the
//! streams of programmable logic, what connects them, and the program that runs them.
//!
//! A stream has a data mover of its own, an instance of the one for its width and direction. Its
//! memory holds the numbers in the order of the stream, as its beats do.

use super::{graph::Plio, sources::Parts};
use crate::array::Interface;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    path::PathBuf,
};

/// What a graph is called, in its application and on the board.
pub const GRAPH: &str = "net";

/// What the array is called where streams are connected (UG1702, --connectivity.stream_connect).
const ARRAY: &str = "ai_engine_0";

/// How a data mover calls its stream.
const STREAM: &str = "stream";

/// Clock of programmable logic, in MHz.
pub const CLOCK: f64 = 312.5;

/// The data mover of streams into, or out of, the array.
fn mover(into: bool, width: u32) -> String {
    format!("{}_{width}", if into { "mm2s" } else { "s2mm" })
}

/// The instance of a data mover that a stream has.
fn unit(into: bool, plio: &Plio) -> String {
    format!("{}_{}", if into { "mm2s" } else { "s2mm" }, plio.name)
}

impl Parts<'_> {
    /// All streams, those into the array first.
    fn streams(&self) -> impl Iterator<Item = (bool, &Plio)> {
        let inputs = self.graph.inputs.iter().map(|plio| (true, plio));
        inputs.chain(self.graph.outputs.iter().map(|plio| (false, plio)))
    }

    /// Directions and widths of all data movers, those into the array first.
    fn movers(&self) -> Vec<(bool, u32)> {
        let all: BTreeSet<_> =
            self.streams().map(|(into, plio)| (Reverse(into), plio.width)).collect();
        all.into_iter().map(|(Reverse(into), width)| (into, width)).collect()
    }

    /// The files of the system, by their path in the project.
    pub(super) fn board(&self) -> BTreeMap<PathBuf, String> {
        let mut files = BTreeMap::new();
        for (into, width) in self.movers() {
            let name = mover(into, width);
            let (template, about) = match into {
                true => (include_str!("mm2s.cpp"), "From the board's memory into the array"),
                false => (include_str!("s2mm.cpp"), "From the array into the board's memory"),
            };
            let text = template.replace("@BITS@", &width.to_string());
            let head = self.head(&format!("{about}: a data mover of {width} bits."));
            files.insert(format!("pl/{name}.cpp").into(), head + &text);
            files.insert(format!("pl/{name}.cfg").into(), synthesis(&name));
        }
        files.insert("system.cfg".into(), self.connections());
        files.insert("host/streams.h".into(), self.layouts());
        let about = "Runs the graph on a board: the program of its processor.";
        files.insert("host/host.cpp".into(), self.head(about) + include_str!("host.cpp"));
        files.insert("emulation/board.cpp".into(), self.emulated());
        files
    }

    /// Names of the data movers' sources.
    pub(super) fn mover_names(&self) -> Vec<String> {
        self.movers().into_iter().map(|(into, width)| mover(into, width)).collect()
    }

    /// What `v++ --link` is told.
    fn connections(&self) -> String {
        let mut text = String::from("[connectivity]\n");
        for (into, width) in self.movers() {
            let own = |&(to, plio): &(bool, &Plio)| (to, plio.width) == (into, width);
            let units: Vec<String> =
                self.streams().filter(own).map(|(into, plio)| unit(into, plio)).collect();
            let name = mover(into, width);
            _ = writeln!(text, "nk={name}:{}:{}", units.len(), units.join("."));
        }
        for (into, plio) in self.streams() {
            let (own, other) =
                (format!("{}.{STREAM}", unit(into, plio)), format!("{ARRAY}.{}", plio.name));
            let (from, to) = if into { (own, other) } else { (other, own) };
            _ = writeln!(text, "stream_connect={from}:{to}");
        }
        _ = write!(text, "\n[clock]\ndefaultFreqHz={}\n", CLOCK * 1e6);
        text
    }

    /// Tensors and streams for the host program, as `manifest.json` has them.
    fn layouts(&self) -> String {
        let mut text = self.head("What each stream carries of which tensor, in which order.");
        text += include_str!("streams.h");
        let blocks = (self.program.inputs.iter().chain(&self.program.outputs))
            .map(|tensor| tensor.batch.div_ceil(tensor.rows.max(1)))
            .max();
        _ = writeln!(text, "\nstatic const char *const graph_name = \"{GRAPH}\";\n");
        _ = writeln!(text, "/// Iterations of a batch.");
        _ = writeln!(text, "static constexpr unsigned blocks = {};\n", blocks.unwrap_or(1).max(1));
        text += "static const std::vector<Tensor> tensors = {\n";
        for (into, list) in [(true, &self.program.inputs), (false, &self.program.outputs)] {
            for tensor in list {
                let &Interface { rows, columns, batch, element, signed, .. } = tensor;
                _ = writeln!(
                    text,
                    "    {{{}, {into}, {}, {signed}, {batch}, {columns}, {rows}, {:?}, {}, {}, {}}},",
                    quoted(&tensor.name),
                    element.bytes(),
                    tensor.scale,
                    tensor.zero_point,
                    tensor.range.0,
                    tensor.range.1
                );
            }
        }
        text += "};\n\nstatic const std::vector<Stream> streams = {\n";
        for (into, plio) in self.streams() {
            let (list, first) = match into {
                true => (&self.program.inputs, 0),
                false => (&self.program.outputs, self.program.inputs.len()),
            };
            let slices: Vec<String> = (list[plio.tensor].streams[plio.stream].slices.iter())
                .map(|slice| format!("{{{}, {}, {}}}", slice.begin, slice.end, slice.pitch))
                .collect();
            _ = writeln!(
                text,
                "    {{\"{}\", \"{}\", \"{}\", {}, {}, {{{}}}}},",
                plio.name,
                mover(into, plio.width),
                unit(into, plio),
                plio.width,
                first + plio.tensor,
                slices.join(", ")
            );
        }
        text + "};\n"
    }

    /// The whole board as one unit, for a host compiler.
    fn emulated(&self) -> String {
        let mut text =
            self.head("The emulated board and its program, for this machine's compiler.");
        _ = write!(text, "#include \"graph.h\"\n\nnetwork {GRAPH};\n\n");
        for kernel in &self.graph.kernels {
            _ = writeln!(text, "#include \"cores/{}.cc\"", kernel.name);
        }
        text += "#include \"aie4ml_host.cpp\"\n";
        let names = self.mover_names();
        for name in &names {
            _ = writeln!(text, "#include \"{name}.cpp\"");
        }
        text += "#include <xrt/xrt_device.h>\n\n";
        let movers: Vec<String> =
            names.iter().map(|name| format!("xrt::emulation::mover(\"{name}\", {name})")).collect();
        _ = write!(
            text,
            "static const bool is_built = xrt::emulation::build(\"{GRAPH}\", {GRAPH}, {{{}}});\n\n#include \"host.cpp\"\n",
            movers.join(", ")
        );
        text
    }
}

/// How a data mover becomes a kernel of programmable logic.
fn synthesis(name: &str) -> String {
    format!(
        "[hls]\nflow_target=vitis\nclock={CLOCK}MHz\nsyn.file={name}.cpp\nsyn.top={name}\n\
         package.ip.name={name}\npackage.output.syn=true\npackage.output.format=xo\npackage.output.file={name}.xo\n"
    )
}

/// A name as a string of C++.
fn quoted(name: &str) -> String {
    let plain = |byte: u8| (b' '..=b'~').contains(&byte) && !b"\"\\?".contains(&byte);
    let inner: String = (name.bytes())
        .map(|byte| match plain(byte) {
            true => char::from(byte).to_string(),
            false => format!("\\{byte:03o}"),
        })
        .collect();
    format!("\"{inner}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_strings_of_cpp() {
        assert_eq!(quoted("a b"), "\"a b\"");
        assert_eq!(quoted("a\"\\\n\u{e9}?"), "\"a\\042\\134\\012\\303\\251\\077\"");
    }
}

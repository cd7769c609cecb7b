//! A model whose structure has been checked; what its layers compute is not looked at here.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value};

use super::{super::Error, archive::Archive, fixed::Fixed, quote};

/// Elements of the largest tensor: what is larger is no layer of a network.
const LARGEST: u64 = 1 << 28;

/// Layers in an order in which they can run.
pub struct Model {
    pub layers: Vec<Layer>,
    /// Names of the layers that are inputs.
    pub inputs: Vec<String>,
    /// Names of the tensors that are outputs.
    pub outputs: Vec<String>,
    /// Whether tensors pass between layers element by element, which some layers compute otherwise.
    pub stream: bool,
}

/// A layer with its attributes as the file has them.
pub struct Layer {
    pub name: String,
    /// Without its module: `Dense`.
    pub class: String,
    /// Tensors.
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    attributes: Map<String, Value>,
    index: i64,
}

/// A tensor that a layer writes, without the batch.
pub struct Variable {
    pub shape: Vec<u64>,
    pub fixed: Fixed,
}

/// Codes of a constant.
pub struct Weights {
    pub codes: Vec<i128>,
    pub fixed: Fixed,
}

impl Model {
    /// Reads the model that an archive holds.
    ///
    /// # Errors
    ///
    /// A file is missing or not as hls4ml writes it, the layers are no directed graph without
    /// cycles, or the model is for a backend whose arithmetic is another.
    pub fn read(archive: &Archive) -> Result<Self, Error> {
        let whole = |message: String| Error::new("", message);
        let version = archive.json("version.json")?;
        match version["model_graph"].as_str() {
            Some("1") => {}
            other => {
                let found = other.map_or("absent".to_owned(), quote);
                return Err(whole(format!(
                    "version {found} of hls4ml's file format is not supported; supported: '1'"
                )));
            }
        }
        let config = &archive.json("config.json")?["config"];
        match config["Backend"].as_str() {
            Some(
                "Vivado" | "Vitis" | "VivadoAccelerator" | "VitisAccelerator" | "VitisUnified",
            ) => {}
            other => {
                return Err(whole(format!(
                    "the model is for the backend {}, whose arithmetic is not supported; supported: Vivado, Vitis",
                    other.map_or("without a name".to_owned(), quote)
                )));
            }
        }
        let stream = match config["IOType"].as_str() {
            Some("io_parallel") => false,
            Some("io_stream") => true,
            _ => return Err(Error::new("config.json", "has no known 'IOType'")),
        };
        let state = archive.json("graph_state.json")?;
        let names = |key: &str| {
            texts(&state[key])
                .filter(|names| !names.is_empty())
                .ok_or_else(|| Error::new("graph_state.json", format!("names no {key}")))
        };
        let (inputs, outputs) = (names("inputs")?, names("outputs")?);
        let Value::Object(architecture) = archive.json("model_arch.json")? else {
            return Err(Error::new("model_arch.json", "is no list of layers"));
        };
        let layers =
            architecture.into_iter().map(Layer::read).collect::<Result<Vec<Layer>, Error>>()?;
        let layers = in_order(layers)?;
        for (list, kind) in [(&inputs, "input"), (&outputs, "output")] {
            for (i, name) in list.iter().enumerate() {
                let place = || format!("{kind} {}", quote(name));
                if list[..i].contains(name) {
                    return Err(Error::new(place(), "is listed twice"));
                }
                if !layers.iter().any(|layer| layer.outputs.contains(name)) {
                    return Err(Error::new(place(), "no layer writes it"));
                }
            }
        }
        Ok(Self { layers, inputs, outputs, stream })
    }
}

impl Layer {
    fn read((name, value): (String, Value)) -> Result<Self, Error> {
        let place = format!("layer {}", quote(&name));
        let Some(class) = value["class_name"].as_str() else {
            return Err(Error::new(place, "has no class"));
        };
        let class = class.rsplit('.').next().unwrap_or(class).to_owned();
        let state = &value["state"];
        let (Some(inputs), Some(outputs), Some(attributes)) =
            (texts(&state["inputs"]), texts(&state["outputs"]), state["attributes"].as_object())
        else {
            return Err(Error::new(place, "has no inputs, outputs or attributes"));
        };
        let attributes = attributes.clone();
        let index = attributes.get("index").and_then(Value::as_i64).unwrap_or(i64::MAX);
        Ok(Self { name, class, inputs, outputs, attributes, index })
    }

    /// `layer 'fc1' (Dense)`.
    pub fn location(&self) -> String {
        format!("layer {} ({})", quote(&self.name), self.class.escape_debug())
    }

    /// An error at this layer.
    pub fn error(&self, message: impl Into<String>) -> Error {
        Error::new(self.location(), message)
    }

    /// A tensor that the layer writes.
    pub fn variable(&self, name: &str) -> Result<Variable, Error> {
        let state = &self.attributes.get(name).map_or(&Value::Null, |variable| &variable["state"]);
        let what = format!("tensor {}", quote(name));
        let extents = state["shape"].as_array().and_then(|extents| {
            extents.iter().map(|extent| extent.as_u64().filter(|&e| e > 0)).collect()
        });
        let shape: Vec<u64> = extents
            .ok_or_else(|| self.error(format!("{what} has no shape of extents from 1 on")))?;
        let elements = shape.iter().try_fold(1u64, |product, &e| product.checked_mul(e));
        if shape.is_empty() || elements.is_none_or(|elements| elements > LARGEST) {
            return Err(self.error(format!(
                "{what} has shape {shape:?}; supported: 1 to {LARGEST} elements, at least one dimension"
            )));
        }
        Ok(Variable { shape, fixed: self.named_type(&state["type"], &what)? })
    }

    /// The only tensor that the layer writes.
    pub fn output(&self) -> Result<Variable, Error> {
        match self.outputs.as_slice() {
            [name] => self.variable(name),
            outputs => Err(self.error(format!("has {} outputs, needs one", outputs.len()))),
        }
    }

    /// A type among the attributes, such as that of the accumulator.
    pub fn fixed(&self, attribute: &str) -> Result<Fixed, Error> {
        match self.attributes.get(attribute) {
            Some(value) => self.named_type(value, &quote(attribute)),
            None => Err(self.error(format!("has no type '{attribute}'"))),
        }
    }

    /// The name of a type among the attributes.
    pub fn type_name(&self, attribute: &str) -> Option<&str> {
        self.attributes.get(attribute)?["state"]["name"].as_str()
    }

    fn named_type(&self, value: &Value, what: &str) -> Result<Fixed, Error> {
        let precision = &value["state"]["precision"];
        let state = &precision["state"];
        let class = precision["class_name"].as_str().unwrap_or("of no class");
        let class = class.rsplit('.').next().unwrap_or(class);
        let refuse = |message: String| self.error(format!("{what} {message}"));
        let known = match class {
            "FixedPrecisionType" | "IntegerPrecisionType" => {
                state["width"].as_i64().zip(state["signed"].as_bool())
            }
            "UnspecifiedPrecisionType" => {
                return Err(refuse(
                    "has no precision yet: save the model after hls4ml has converted it".to_owned(),
                ));
            }
            _ => {
                return Err(refuse(format!(
                    "is of {}, which is not supported; supported: fixed and integer precision",
                    quote(class)
                )));
            }
        };
        let Some((width, signed)) = known else {
            return Err(refuse("has no width or sign".to_owned()));
        };
        if class == "IntegerPrecisionType" {
            return Fixed::integer(width, signed).map_err(refuse);
        }
        let modes = state["rounding_mode"].as_str().zip(state["saturation_mode"].as_str());
        let (Some(integer), Some((rounding, overflow))) = (state["integer"].as_i64(), modes) else {
            return Err(refuse("has no place of the point or no modes".to_owned()));
        };
        if overflow == "WRAP" && state["saturation_bits"].as_i64().unwrap_or(0) != 0 {
            return Err(refuse("wraps with saturation bits, which is not supported".to_owned()));
        }
        Fixed::new(width, integer, signed, rounding, overflow).map_err(refuse)
    }

    /// Whether there is such an attribute.
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.get(attribute).is_some_and(|value| !value.is_null())
    }

    pub fn text(&self, attribute: &str) -> Result<&str, Error> {
        let value = self.attributes.get(attribute).and_then(Value::as_str);
        value.ok_or_else(|| self.error(format!("attribute '{attribute}' is not a text")))
    }

    pub fn flag(&self, attribute: &str) -> bool {
        self.attributes.get(attribute).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A number, which hls4ml may have written between quotes.
    pub fn integer(&self, attribute: &str) -> Result<i64, Error> {
        let value = self.attributes.get(attribute).and_then(|value| match value {
            Value::String(text) => text.parse().ok(),
            value => value.as_i64(),
        });
        value.ok_or_else(|| self.error(format!("attribute '{attribute}' is not an integer")))
    }

    pub fn integer_or(&self, attribute: &str, default: i64) -> Result<i64, Error> {
        if self.has(attribute) { self.integer(attribute) } else { Ok(default) }
    }

    /// A real number.
    pub fn number(&self, attribute: &str) -> Result<f64, Error> {
        let value = self.attributes.get(attribute).and_then(Value::as_f64);
        value.ok_or_else(|| self.error(format!("attribute '{attribute}' is not a finite number")))
    }

    pub fn integers(&self, attribute: &str) -> Result<Vec<i64>, Error> {
        let values = self.attributes.get(attribute).and_then(Value::as_array);
        values
            .and_then(|values| values.iter().map(Value::as_i64).collect())
            .ok_or_else(|| self.error(format!("attribute '{attribute}' is no list of integers")))
    }

    /// The codes of a constant.
    pub fn weights(&self, attribute: &str, archive: &Archive) -> Result<Weights, Error> {
        let what = quote(attribute);
        let refuse = |message: String| self.error(format!("{what} {message}"));
        let Some(variable) = self.attributes.get(attribute) else {
            return Err(refuse("is missing".to_owned()));
        };
        let class = variable["class_name"].as_str().unwrap_or("of no class");
        let class = class.rsplit('.').next().unwrap_or(class);
        if class != "WeightVariable" {
            return Err(refuse(format!(
                "is a {}, which is not supported; supported: WeightVariable",
                quote(class)
            )));
        }
        let state = &variable["state"];
        let fixed = self.named_type(&state["type"], &what)?;
        let Some(file) = state["data"].as_str().and_then(|data| data.strip_prefix("@ndarray:"))
        else {
            return Err(refuse("names no file".to_owned()));
        };
        let tensor =
            archive.tensor(file).map_err(|message| refuse(format!("cannot be read: {message}")))?;
        let values = tensor.numbers();
        if let Some(value) = values.iter().find(|value| !value.is_finite()) {
            return Err(refuse(format!("holds {value}")));
        }
        let codes = values.into_iter().map(|value| fixed.of_weight(value)).collect();
        Ok(Weights { codes, fixed })
    }
}

fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
}

/// Layers each behind those it reads from, in the order of their indices as far as that allows.
fn in_order(layers: Vec<Layer>) -> Result<Vec<Layer>, Error> {
    let mut producer: HashMap<&str, usize> = HashMap::new();
    for (i, layer) in layers.iter().enumerate() {
        for output in &layer.outputs {
            if producer.insert(output, i).is_some() {
                let message = format!("another layer writes {} too", quote(output));
                return Err(layer.error(message));
            }
        }
    }
    let mut readers: Vec<Vec<usize>> = layers.iter().map(|_| Vec::new()).collect();
    let mut missing: Vec<usize> = vec![0; layers.len()];
    for (i, layer) in layers.iter().enumerate() {
        // What an input reads is the outside.
        for input in layer.inputs.iter().filter(|_| layer.class != "Input") {
            let Some(&from) = producer.get(input.as_str()) else {
                return Err(layer.error(format!("no layer writes its input {}", quote(input))));
            };
            readers[from].push(i);
            missing[i] += 1;
        }
    }
    let key = |i: usize| (layers[i].index, layers[i].name.clone());
    let mut ready: BTreeMap<(i64, String), usize> =
        (0..layers.len()).filter(|&i| missing[i] == 0).map(|i| (key(i), i)).collect();
    let mut order = Vec::new();
    while let Some((_, i)) = ready.pop_first() {
        order.push(i);
        for &reader in &readers[i] {
            missing[reader] -= 1;
            if missing[reader] == 0 {
                ready.insert(key(reader), reader);
            }
        }
    }
    if let Some(stuck) = (0..layers.len()).find(|&i| missing[i] > 0) {
        return Err(layers[stuck].error("reads from itself, directly or not"));
    }
    let mut layers: Vec<Option<Layer>> = layers.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|i| layers[i].take()).collect())
}

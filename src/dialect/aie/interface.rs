//! Interfaces of a program and slices of a core as dictionaries of builtin
//! attributes, which any MLIR tool keeps.

use super::{element_of, element_type};
use crate::{
    array::{Buffer, BufferId, Bundle, Interface, Port, Slice, Source, Stream, StreamSlice, Tile},
    mlir::constant,
};
use melior::{
    Context,
    ir::{
        Attribute, Identifier, Type,
        attribute::{
            ArrayAttribute, BoolAttribute, DenseI64ArrayAttribute, DictionaryAttribute,
            FloatAttribute, IntegerAttribute, StringAttribute, TypeAttribute,
        },
        r#type::IntegerType,
    },
};

/// Writes interfaces of a program with those buffers as an array attribute.
pub fn write<'c>(
    context: &'c Context,
    interfaces: &[Interface],
    buffers: &[Buffer],
) -> Attribute<'c> {
    array(context, interfaces, |interface| {
        let mut entries = vec![
            ("name", StringAttribute::new(context, &interface.name).into()),
            ("rows", number(context, interface.rows)),
            ("columns", number(context, interface.columns)),
            ("batch", number(context, interface.batch)),
            ("element", TypeAttribute::new(element_type(context, interface.element)).into()),
            ("signed", BoolAttribute::new(context, interface.signed).into()),
            ("scale", FloatAttribute::new(context, Type::float64(context), interface.scale).into()),
            ("zero_point", integer(context, interface.zero_point)),
            ("range", integers(context, &[interface.range.0, interface.range.1])),
        ];
        match interface.memory {
            Some(BufferId(buffer)) => entries
                .push(("memory", StringAttribute::new(context, &buffers[buffer].name).into())),
            None => entries.push((
                "streams",
                array(context, &interface.streams, |stream| write_stream(context, stream)),
            )),
        }
        dictionary(context, &entries)
    })
}

fn write_stream<'c>(context: &'c Context, stream: &Stream) -> Attribute<'c> {
    let Port { tile, bundle, channel } = stream.port;
    let mut entries = vec![
        ("column", number(context, tile.column as usize)),
        ("channel", number(context, channel as usize)),
        (
            "slices",
            array(context, &stream.slices, |slice| {
                integers(context, &[slice.begin as i64, slice.end as i64, slice.pitch as i64])
            }),
        ),
    ];
    // Streams to the programmable logic are the usual case.
    if bundle != Bundle::Plio {
        entries.push(("bundle", integer(context, bundle as i64)));
    }
    if tile.row != 0 {
        entries.push(("row", number(context, tile.row as usize)));
    }
    dictionary(context, &entries)
}

/// Reads what [`write`] wrote; the error names what is missing. `buffer` finds a buffer by its name.
pub fn read(
    attribute: Attribute,
    buffer: &dyn Fn(&str) -> Option<BufferId>,
) -> Result<Vec<Interface>, String> {
    list(attribute, |attribute| {
        let fields = Dictionary::of(attribute)?;
        let &[low, high] = fields.integers("range")?.as_slice() else {
            return Err("'range' of two integers".into());
        };
        let memory = match fields.attribute("memory") {
            Err(_) => None,
            Ok(_) => {
                let name = fields.string("memory")?;
                Some(buffer(&name).ok_or_else(|| format!("external buffer '{name}'"))?)
            }
        };
        Ok(Interface {
            name: fields.string("name")?,
            rows: fields.number("rows")?,
            columns: fields.number("columns")?,
            batch: fields.number("batch")?,
            element: fields
                .get::<TypeAttribute>("element")
                .ok()
                .and_then(|r#type| element_of(r#type.value()))
                .ok_or("'element' type")?,
            signed: fields.get::<BoolAttribute>("signed")?.value(),
            scale: fields.get::<FloatAttribute>("scale")?.value(),
            zero_point: fields.integer("zero_point")?,
            range: (low, high),
            streams: match memory {
                Some(_) => Vec::new(),
                None => list(fields.attribute("streams")?, read_stream)?,
            },
            memory,
        })
    })
}

fn read_stream(attribute: Attribute) -> Result<Stream, String> {
    let fields = Dictionary::of(attribute)?;
    let bundle = match fields.attribute("bundle") {
        Err(_) => Bundle::Plio,
        Ok(_) => *Bundle::ALL.get(fields.number("bundle")?).ok_or("known 'bundle'")?,
    };
    let row = if fields.attribute("row").is_ok() { fields.number("row")? } else { 0 };
    let coordinate =
        |value: usize| u32::try_from(value).map_err(|_| "small coordinate".to_string());
    Ok(Stream {
        port: Port {
            tile: Tile { column: coordinate(fields.number("column")?)?, row: coordinate(row)? },
            bundle,
            channel: coordinate(fields.number("channel")?)?,
        },
        slices: list(fields.attribute("slices")?, |slice| {
            let slice = naturals(slice).ok_or("'slices' of natural numbers")?;
            let &[begin, end, pitch] = slice.as_slice() else {
                return Err("'slices' of three numbers".into());
            };
            Ok(StreamSlice { begin, end, pitch })
        })?,
    })
}

/// Writes the slice of a core as a dictionary attribute.
pub fn write_slice<'c>(context: &'c Context, slice: &Slice) -> Attribute<'c> {
    let pair = |(first, second): (usize, usize)| integers(context, &[first as i64, second as i64]);
    let (m, k, n) = slice.microtile;
    let mut entries = vec![
        ("layer", StringAttribute::new(context, &slice.layer).into()),
        (
            "source",
            match slice.sources.as_slice() {
                [one] => write_source(context, one),
                several => array(context, several, |source| write_source(context, source)),
            },
        ),
        ("k", pair(slice.k)),
        ("n", pair(slice.n)),
        ("cascade", pair(slice.cascade)),
        ("rows", number(context, slice.rows)),
        ("microtile", integers(context, &[m as i64, k as i64, n as i64])),
    ];
    if slice.whole {
        entries.push(("whole", Attribute::unit(context)));
    }
    if !slice.outputs.is_empty() {
        let outputs: Vec<i64> = slice.outputs.iter().map(|&output| output as i64).collect();
        entries.push(("outputs", integers(context, &outputs)));
    }
    dictionary(context, &entries)
}

/// The name of a layer or the index of an input.
fn write_source<'c>(context: &'c Context, source: &Source) -> Attribute<'c> {
    match source {
        Source::Input(input) => number(context, *input),
        Source::Layer(layer) => StringAttribute::new(context, layer).into(),
    }
}

fn read_source(attribute: Attribute) -> Result<Source, String> {
    if let Some(layer) = constant::text(attribute) {
        return Ok(Source::Layer(layer.to_string()));
    }
    let input = IntegerAttribute::try_from(attribute).ok().map(|input| input.value());
    let input = input.and_then(|input| usize::try_from(input).ok());
    input.map(Source::Input).ok_or("'source' of layers and inputs".into())
}

/// Reads what [`write_slice`] wrote; the error names what is missing.
pub fn read_slice(attribute: Attribute) -> Result<Slice, String> {
    let fields = Dictionary::of(attribute)?;
    let pair = |name: &str| match naturals(fields.attribute(name)?).as_deref() {
        Some(&[first, second]) => Ok((first, second)),
        _ => Err(format!("'{name}' of two natural numbers")),
    };
    let source = fields.attribute("source")?;
    let sources = match ArrayAttribute::try_from(source) {
        Ok(_) => list(source, read_source)?,
        Err(_) => vec![read_source(source)?],
    };
    let outputs = match fields.attribute("outputs") {
        Err(_) => Vec::new(),
        Ok(outputs) => naturals(outputs).ok_or("'outputs' of natural numbers")?,
    };
    let microtile = match naturals(fields.attribute("microtile")?).as_deref() {
        Some(&[m, k, n]) => (m, k, n),
        _ => return Err("'microtile' of three natural numbers".into()),
    };
    Ok(Slice {
        layer: fields.string("layer")?,
        sources,
        outputs,
        k: pair("k")?,
        n: pair("n")?,
        cascade: pair("cascade")?,
        rows: fields.number("rows")?,
        microtile,
        whole: fields.attribute("whole").is_ok(),
    })
}

fn dictionary<'c>(context: &'c Context, entries: &[(&str, Attribute<'c>)]) -> Attribute<'c> {
    let entries: Vec<_> =
        entries.iter().map(|&(name, value)| (Identifier::new(context, name), value)).collect();
    DictionaryAttribute::new(context, &entries).into()
}

fn array<'c, T>(
    context: &'c Context,
    items: &[T],
    write: impl FnMut(&T) -> Attribute<'c>,
) -> Attribute<'c> {
    let items: Vec<_> = items.iter().map(write).collect();
    ArrayAttribute::new(context, &items).into()
}

fn integer(context: &Context, value: i64) -> Attribute<'_> {
    IntegerAttribute::new(IntegerType::new(context, 64).into(), value).into()
}

fn number(context: &Context, value: usize) -> Attribute<'_> {
    integer(context, value as i64)
}

fn integers<'c>(context: &'c Context, values: &[i64]) -> Attribute<'c> {
    DenseI64ArrayAttribute::new(context, values).into()
}

fn list<'c, T>(
    attribute: Attribute<'c>,
    read: impl Fn(Attribute<'c>) -> Result<T, String>,
) -> Result<Vec<T>, String> {
    let array = ArrayAttribute::try_from(attribute).map_err(|_| "an array")?;
    (0..array.len()).map(|i| array.element(i).map_err(|e| e.to_string()).and_then(&read)).collect()
}

fn dense(attribute: Attribute) -> Option<Vec<i64>> {
    let array = DenseI64ArrayAttribute::try_from(attribute).ok()?;
    (0..array.len()).map(|i| array.element(i).ok()).collect()
}

fn naturals(attribute: Attribute) -> Option<Vec<usize>> {
    dense(attribute)?.into_iter().map(|value| usize::try_from(value).ok()).collect()
}

/// A dictionary whose missing entries are errors.
struct Dictionary<'c>(DictionaryAttribute<'c>);

impl<'c> Dictionary<'c> {
    fn of(attribute: Attribute<'c>) -> Result<Self, String> {
        DictionaryAttribute::try_from(attribute).map(Dictionary).map_err(|_| "a dictionary".into())
    }
    fn attribute(&self, name: &str) -> Result<Attribute<'c>, String> {
        self.0.element_by_name(name).ok_or_else(|| format!("'{name}'"))
    }
    fn get<T: TryFrom<Attribute<'c>>>(&self, name: &str) -> Result<T, String> {
        T::try_from(self.attribute(name)?).map_err(|_| format!("'{name}' of another kind"))
    }
    fn integer(&self, name: &str) -> Result<i64, String> {
        Ok(self.get::<IntegerAttribute>(name)?.value())
    }
    fn number(&self, name: &str) -> Result<usize, String> {
        usize::try_from(self.integer(name)?).map_err(|_| format!("'{name}' of at least 0"))
    }
    fn string(&self, name: &str) -> Result<String, String> {
        let text = constant::text(self.attribute(name)?);
        text.map(str::to_string).ok_or_else(|| format!("'{name}' of another kind"))
    }
    fn integers(&self, name: &str) -> Result<Vec<i64>, String> {
        dense(self.attribute(name)?).ok_or_else(|| format!("'{name}' of integers"))
    }
}

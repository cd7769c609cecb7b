use super::convert_tosa_to_aie4ml::rows;
use crate::{
    dialect::{aie4ml, scalar, sums},
    mlir::{
        constant,
        pass::{self, Pass, fail},
        quant::Quantized,
        rewrite,
    },
    plan::host_edges::{self, Cut, Form, Graph, Kind, Node, Refusal, Source},
};
use melior::{
    Context,
    ir::{
        Attribute, Block, BlockLike, BlockRef, Identifier, Location, OperationRef, Region,
        RegionLike, Type, TypeLike, Value, ValueLike,
        attribute::{ArrayAttribute, DenseI64ArrayAttribute, StringAttribute, TypeAttribute},
        operation::{OperationBuilder, OperationLike},
        r#type::{FunctionType, IntegerType},
    },
};
use std::collections::{BTreeMap, BTreeSet, HashMap};

crate::pass! {
    /// Take what the host computes out of a network.
    ///
    /// The array computes with codes. What depends on a function's arguments
    /// through no quantizer, and what no quantizer follows, moves into the
    /// functions `@before` and `@after` of a module of its own beside the network.
    /// So does what the array has not, such as a softmax that is quantized again,
    /// as long as no layer is on its other side, and at the end a product of sums of two tensors,
    /// such as a distance. `@before` has the arguments that
    /// the network had, and its first results are the network's arguments;
    /// `@after` takes the network's results, and then what else `@before` gives,
    /// and has the results that the network had. Only codes cross, as integers
    /// that `quant.scast` gives their meaning.
    ///
    /// The module's attribute `aie4ml.host` names the function that it belongs to.
    /// No other pass looks into it: `aie4ml run` executes it.
    ///
    /// Integers of more than 16 bits do not enter: the host computes what it can of them, until they
    /// are narrow.
    ///
    /// A last layer of codes that no quantizer follows stays in the network: its sums are codes of
    /// 32 bits, whose scale is the product of the two. Weights of a scale per channel, and sums that
    /// 32 bits may not hold, leave it to the host.
    ///
    /// If the network reshapes what enters or leaves, the function's attributes
    /// `aie4ml.input_shapes` and `aie4ml.output_shapes` say what that was.
    ///
    /// A function stays as it is if its arguments are quantized at once and its
    /// results are no more than dequantized and reshaped. Refuses a function of
    /// which nothing would be left, and values that are not quantized where a layer
    /// reads them beside others that are.
    pub struct OutlineHostEdges: "aie4ml-outline-host-edges" on "builtin.module" {}
}

/// Names the network that a module of host functions belongs to.
pub const HOST: &str = "aie4ml.host";
/// Shapes of the model's tensors at a network's border, where it reshapes them.
pub const INPUT_SHAPES: &str = "aie4ml.input_shapes";
pub const OUTPUT_SHAPES: &str = "aie4ml.output_shapes";
pub const BEFORE: &str = "before";
pub const AFTER: &str = "after";

impl Pass for OutlineHostEdges {
    fn run<'c>(&self, module: OperationRef<'c, '_>) -> pass::Result<'c> {
        let Some(body) = rewrite::body(module) else { return Ok(()) };
        for func in rewrite::ops(body) {
            if rewrite::is(&func, "func.func") && is_model(func) {
                outline(body, func)?;
            }
        }
        Ok(())
    }
}

/// Whether a function is a network as a frontend writes it: one block of upstream's ops.
fn is_model(func: OperationRef) -> bool {
    let [block] = rewrite::blocks(func)[..] else { return false };
    let private = func.attribute("sym_visibility").ok().and_then(constant::text);
    let named = |op: &OperationRef, prefix: &str| {
        op.name().as_string_ref().as_str().is_ok_and(|name| name.starts_with(prefix))
    };
    let ops = rewrite::ops(block);
    private != Some("private")
        && !ops.iter().any(|op| named(op, "aie4ml.") || rewrite::is(op, "func.call"))
        && ops
            .iter()
            .any(|op| ["tosa.", "quant.", "linalg."].iter().any(|dialect| named(op, dialect)))
}

fn outline<'c>(module: BlockRef<'c, '_>, func: OperationRef<'c, '_>) -> pass::Result<'c> {
    let body = rewrite::body(func).expect("checked by is_model");
    keep_last_sums(func, body);
    let network = Network::of(func, body);
    let cut = match host_edges::cut(&network.graph) {
        Ok(None) => {
            keep_shapes(func, body);
            return Ok(());
        }
        Ok(Some(cut)) => cut,
        Err(refusal) => return Err(network.refuse(refusal)),
    };
    let names = network.names(&cut);
    let context = network.context;
    let host = host_module(module, func, context);
    if let Some(inputs) = &cut.inputs {
        let sources: Vec<_> = inputs.iter().chain(&cut.around).copied().collect();
        network.before(host, &sources, &names);
    }
    if let Some(outputs) = &cut.outputs {
        let sources: Vec<_> = outputs.iter().chain(&cut.around).copied().collect();
        network.after(host, &sources, &names);
    }
    network.narrow(&cut, &names);
    keep_shapes(func, body);
    Ok(())
}

/// Says that what leaves a last layer are codes: its sums.
fn keep_last_sums<'c>(func: OperationRef<'c, '_>, body: BlockRef<'c, '_>) {
    let context = rewrite::context(func.location());
    for op in rewrite::ops(body) {
        let Ok(result) = op.result(0) else { continue };
        let Some(sums) = sums::of(op) else { continue };
        if quantizer_follows(result.into()) {
            continue;
        }
        let real = result.r#type();
        let coded = scalar::with_element(real, sums.r#type(context));
        let mut value: Value = result.into();
        let Some(next) = op.next_in_block() else { continue };
        let users = rewrite::users(value);
        for (name, r#type) in [("quant.qcast", coded), ("quant.dcast", real)] {
            let cast = OperationBuilder::new(name, op.location())
                .add_operands(&[value])
                .add_results(&[r#type])
                .build()
                .expect("a cast with its result's type is built");
            let cast = rewrite::insert_before(next, cast);
            value = cast.result(0).expect("it was given a result").into();
        }
        for user in users {
            for (index, operand) in user.operands().collect::<Vec<_>>().into_iter().enumerate() {
                if key(operand) == key(result.into()) {
                    rewrite::set_operand(user, index, value);
                }
            }
        }
    }
}

/// Whether real values are quantized before anything leaves, or another layer reads them.
fn quantizer_follows(value: Value) -> bool {
    rewrite::users(value).into_iter().any(|user| {
        matches!(kind(user, false), Kind::Quantizer { .. } | Kind::Layer)
            || user.results().any(|result| quantizer_follows(result.into()))
    })
}

/// Writes down which shapes tensors have at the border, if the network moves them there: later
/// levels have rows and columns.
fn keep_shapes<'c>(func: OperationRef<'c, '_>, body: BlockRef<'c, '_>) {
    let context = rewrite::context(func.location());
    let reshapes = |op: &OperationRef| kind(*op, false) == Kind::Reshape;
    let inputs: Vec<Value> = (0..body.argument_count())
        .filter_map(|index| Some(body.argument(index).ok()?.into()))
        .collect();
    // Samples may become one row.
    let ops = rewrite::ops(body);
    let batch = inputs.first().and_then(|value| Some(constant::shaped(value.r#type())?.0));
    let batch = batch.and_then(|extents| extents.first().copied()).unwrap_or(1);
    let mixes = ops.iter().any(|op| rewrite::is(op, "quant.qcast"))
        && (rows::wanted(&ops) || rows::moves_between_rows(&ops, batch));
    let entering = mixes
        || inputs.iter().any(|value| {
            scalar::rank(value.r#type()) != 2 || rewrite::users(*value).iter().any(reshapes)
        });
    let outputs: Vec<Value> =
        rewrite::ops(body).last().map(|op| op.operands().collect()).unwrap_or_default();
    let leaving = mixes
        || outputs.iter().any(|value| {
            scalar::rank(value.r#type()) != 2
                || constant::defining_op(*value).is_some_and(|op| reshapes(&op))
        });
    for (name, kept, values) in
        [(INPUT_SHAPES, entering, inputs), (OUTPUT_SHAPES, leaving, outputs)]
    {
        let shapes: Option<Vec<Attribute>> = values
            .iter()
            .map(|value| {
                let (extents, _) = constant::shaped(value.r#type())?;
                let extents: Vec<i64> = extents.into_iter().map(|extent| extent as i64).collect();
                Some(DenseI64ArrayAttribute::new(context, &extents).into())
            })
            .collect();
        if let (true, Some(shapes)) = (kept, shapes) {
            rewrite::set_attribute(func, name, ArrayAttribute::new(context, &shapes).into());
        }
    }
}

/// Appends `module @NAME_host attributes {aie4ml.host = "NAME"}`.
fn host_module<'c, 'a>(
    module: BlockRef<'c, 'a>,
    func: OperationRef<'c, '_>,
    context: &'c Context,
) -> BlockRef<'c, 'a> {
    let symbol = |op: OperationRef<'c, '_>| op.attribute("sym_name").ok().and_then(constant::text);
    let network = symbol(func).unwrap_or_default();
    let taken: Vec<_> = rewrite::ops(module).into_iter().filter_map(symbol).collect();
    let mut name = format!("{network}_host");
    while taken.contains(&name.as_str()) {
        name.push('_');
    }
    let region = Region::new();
    region.append_block(Block::new(&[]));
    let attributes = [("sym_name", name.as_str()), (HOST, network)].map(|(key, value)| {
        (Identifier::new(context, key), StringAttribute::new(context, value).into())
    });
    let host = OperationBuilder::new("builtin.module", func.location())
        .add_attributes(&attributes)
        .add_regions([region])
        .build()
        .expect("a module of no functions is built");
    let host = module.append_operation(host);
    rewrite::body(host).expect("it was given a block")
}

/// A function as a graph, and the values that this is about.
struct Network<'c, 'a> {
    context: &'c Context,
    func: OperationRef<'c, 'a>,
    body: BlockRef<'c, 'a>,
    /// Without the return.
    ops: Vec<OperationRef<'c, 'a>>,
    r#return: Option<OperationRef<'c, 'a>>,
    graph: Graph,
}

fn key(value: Value) -> usize {
    value.to_raw().ptr as usize
}

/// What an op reads, ops within it included.
fn read<'c, 'a>(op: OperationRef<'c, 'a>) -> Vec<Value<'c, 'a>> {
    scalar::nested(op).into_iter().flat_map(|op| op.operands().collect::<Vec<_>>()).collect()
}

fn form(r#type: Type) -> Form {
    let element = scalar::element(r#type);
    if let Some(quantized) = Quantized::of(element) {
        // Codes of sums leave a network, but do not enter one.
        return match scalar::width(quantized.storage) {
            wide @ 17.. => Form::Integer(wide),
            _ => Form::Codes,
        };
    }
    match IntegerType::try_from(element) {
        Ok(integer) => Form::Integer(integer.width()),
        Err(_) if element.is_index() => Form::Integer(64),
        Err(_) => Form::Real,
    }
}

impl<'c, 'a> Network<'c, 'a> {
    fn of(func: OperationRef<'c, 'a>, body: BlockRef<'c, 'a>) -> Self {
        let mut ops = rewrite::ops(body);
        let r#return = ops.pop();
        let mut sources: HashMap<usize, Source> = HashMap::new();
        let mut graph = Graph::default();
        for index in 0..body.argument_count() {
            let Ok(argument) = body.argument(index) else { continue };
            sources.insert(key(argument.into()), Source::Argument(index));
            graph.arguments.push(form(argument.r#type()));
        }
        let mut types: BTreeMap<String, usize> = BTreeMap::new();
        let casts = ops.iter().any(|op| rewrite::is(op, "quant.qcast"));
        for (index, op) in ops.iter().enumerate() {
            let operands: Vec<_> = read(*op)
                .into_iter()
                .filter_map(|value| sources.get(&key(value)).copied())
                .collect();
            let result = op.results().next().map(|result| result.r#type());
            let number = types.len();
            let r#type = result.map_or(0, |result| {
                let element = scalar::element(result).to_string();
                *types.entry(element).or_insert(number)
            });
            if !operands.is_empty() {
                for result in op.results() {
                    sources.insert(key(result.into()), Source::Node(index));
                }
            }
            let form = result.map_or(Form::Real, form);
            let kind = match kind(*op, casts) {
                Kind::Layer if multiplies_sums(*op, &sources) => Kind::Other,
                kind => kind,
            };
            graph.nodes.push(Node { kind, operands, form, r#type });
        }
        graph.results = r#return
            .map(|op| op.operands().map(|value| sources.get(&key(value)).copied()).collect())
            .unwrap_or_default();
        let context = rewrite::context(func.location());
        Network { context, func, body, ops, r#return, graph }
    }

    fn value(&self, source: Source) -> Value<'c, 'a> {
        match source {
            Source::Argument(index) => {
                self.body.argument(index).expect("sources are in range").into()
            }
            Source::Node(index) => {
                self.ops[index].result(0).expect("what is read has a result").into()
            }
        }
    }

    fn refuse(&self, refusal: Refusal) -> pass::Failure<'c> {
        match refusal {
            Refusal::Float(Some(layer)) => fail(
                &self.ops[layer],
                "is not quantized, as nothing before it is: quantize the network, with QuantizeLinear and DequantizeLinear before and behind each layer",
            ),
            Refusal::Float(None) => {
                fail(&self.func, "quantizes nothing: the array computes quantized networks only")
            }
            Refusal::Nothing(Some(layer)) => fail(
                &self.ops[layer],
                "gives values that are not quantized, and without it nothing is left for the array: put QuantizeLinear and DequantizeLinear behind it",
            ),
            Refusal::Nothing(None) => fail(
                &self.func,
                "has no layer between its quantizers: nothing is left for the array",
            ),
            Refusal::Unquantized(node) => fail(
                &self.ops[node],
                "reads values that are not quantized beside quantized ones: put QuantizeLinear and DequantizeLinear before it",
            ),
        }
    }

    /// A name for each value that crosses: that of the only argument or result that it stands for, or
    /// else that of its layer.
    fn names(&self, cut: &Cut) -> HashMap<Source, String> {
        let crossing = [cut.inputs.as_deref(), cut.outputs.as_deref(), Some(cut.around.as_slice())];
        let mut names: HashMap<Source, String> = HashMap::new();
        let mut taken: BTreeSet<String> = BTreeSet::new();
        let inputs = cut.inputs.as_deref().unwrap_or_default();
        let outputs = cut.outputs.as_deref().unwrap_or_default();
        let arguments: Vec<_> = inputs.iter().map(|source| self.above(*source, &[])).collect();
        let results: Vec<_> = self.graph.results.iter().flatten().collect();
        let of_results: Vec<_> =
            results.iter().map(|source| self.above(**source, outputs)).collect();
        for (number, &source) in crossing.into_iter().flatten().flatten().enumerate() {
            if names.contains_key(&source) {
                continue;
            }
            let own = if let Some(place) = inputs.iter().position(|input| *input == source) {
                let same = arguments.iter().filter(|other| **other == arguments[place]).count();
                match (arguments[place].first(), arguments[place].len(), same) {
                    (Some(Source::Argument(index)), 1, 1) => Some(
                        aie4ml::boundary_name(self.func, "arg_attrs", *index)
                            .unwrap_or_else(|| format!("input{index}")),
                    ),
                    _ => None,
                }
            } else {
                let from = BTreeSet::from([source]);
                let mut users =
                    of_results.iter().enumerate().filter(|(_, above)| above.contains(&source));
                match (users.next(), users.next()) {
                    (Some((index, above)), None) if *above == from => Some(
                        aie4ml::boundary_name(self.func, "res_attrs", index)
                            .unwrap_or_else(|| format!("output{index}")),
                    ),
                    _ => None,
                }
            };
            let own = own.or_else(|| match source {
                Source::Argument(index) => aie4ml::boundary_name(self.func, "arg_attrs", index),
                Source::Node(index) => {
                    aie4ml::layer_name(self.ops[index].location()).map(|name| name.to_string())
                }
            });
            let name = own.unwrap_or_else(|| format!("codes{number}"));
            let mut unique = name.clone();
            let mut count = 0;
            while !taken.insert(unique.clone()) {
                count += 1;
                unique = format!("{name}_{count}");
            }
            names.insert(source, unique);
        }
        names
    }

    /// The arguments, or the sources in `until`, that a source is computed of.
    fn above(&self, source: Source, until: &[Source]) -> BTreeSet<Source> {
        let (mut found, mut seen, mut todo) = (BTreeSet::new(), BTreeSet::new(), vec![source]);
        while let Some(source) = todo.pop() {
            if !seen.insert(source) {
                continue;
            }
            match source {
                Source::Node(index) if !until.contains(&source) => {
                    todo.extend(&self.graph.nodes[index].operands);
                }
                _ => _ = found.insert(source),
            }
        }
        found
    }

    fn function(
        &self,
        host: BlockRef<'c, 'a>,
        name: &str,
        arguments: &[Type<'c>],
    ) -> (OperationRef<'c, 'a>, BlockRef<'c, 'a>) {
        let location = self.func.location();
        let arguments: Vec<_> = arguments.iter().map(|r#type| (*r#type, location)).collect();
        let region = Region::new();
        region.append_block(Block::new(&arguments));
        let r#type = FunctionType::new(self.context, &[], &[]);
        let attributes = [
            ("sym_name", StringAttribute::new(self.context, name).into()),
            ("function_type", TypeAttribute::new(r#type.into()).into()),
        ];
        let attributes =
            attributes.map(|(name, value)| (Identifier::new(self.context, name), value));
        let func = OperationBuilder::new("func.func", location)
            .add_attributes(&attributes)
            .add_regions([region])
            .build()
            .expect("a function without operands is built");
        let func = host.append_operation(func);
        (func, rewrite::body(func).expect("it was given a block"))
    }

    /// Copies what `wanted` is computed of into a block, in which `known` are there already.
    fn copy(
        &self,
        into: BlockRef<'c, 'a>,
        known: &mut HashMap<usize, Value<'c, 'a>>,
        wanted: &[Value<'c, 'a>],
    ) {
        let (mut needed, mut todo) = (BTreeSet::new(), wanted.to_vec());
        while let Some(value) = todo.pop() {
            if known.contains_key(&key(value)) {
                continue;
            }
            if let Some(op) = constant::defining_op(value)
                && needed.insert(op.to_raw().ptr as usize)
            {
                todo.extend(read(op));
            }
        }
        for op in &self.ops {
            if !needed.contains(&(op.to_raw().ptr as usize)) {
                continue;
            }
            let new = into.append_operation((**op).clone());
            for inner in scalar::nested(new) {
                for (index, operand) in inner.operands().collect::<Vec<_>>().into_iter().enumerate()
                {
                    if let Some(value) = known.get(&key(operand)) {
                        rewrite::set_operand(inner, index, *value);
                    }
                }
            }
            for (old, new) in op.results().zip(new.results()) {
                known.insert(key(old.into()), new.into());
            }
        }
    }

    /// Ends a function, and gives it its type and names.
    fn finish(
        &self,
        func: OperationRef<'c, 'a>,
        body: BlockRef<'c, 'a>,
        results: &[Value<'c, 'a>],
        [arguments, names]: [Option<Attribute<'c>>; 2],
    ) {
        body.append_operation(end(func.location(), results));
        set_type(self.context, func, body, results);
        for (list, attribute) in [("arg_attrs", arguments), ("res_attrs", names)] {
            if let Some(attribute) = attribute {
                rewrite::set_attribute(func, list, attribute);
            }
        }
    }

    fn before(&self, host: BlockRef<'c, 'a>, sources: &[Source], names: &HashMap<Source, String>) {
        let arguments: Vec<Value> = (0..self.body.argument_count())
            .filter_map(|index| Some(self.body.argument(index).ok()?.into()))
            .collect();
        let types: Vec<_> = arguments.iter().map(|argument| argument.r#type()).collect();
        let (func, body) = self.function(host, BEFORE, &types);
        let mut known = HashMap::new();
        for (index, argument) in arguments.iter().enumerate() {
            let new = body.argument(index).expect("it has as many arguments");
            known.insert(key(*argument), new.into());
        }
        let wanted: Vec<_> = sources.iter().map(|source| self.value(*source)).collect();
        self.copy(body, &mut known, &wanted);
        let results: Vec<_> = wanted
            .iter()
            .map(|value| {
                let value = known[&key(*value)];
                cast(&At::End(body), func.location(), value, stored(value.r#type()))
            })
            .collect();
        let own = self.func.attribute("arg_attrs").ok();
        self.finish(func, body, &results, [own, self.list(sources, names)]);
    }

    fn after(&self, host: BlockRef<'c, 'a>, sources: &[Source], names: &HashMap<Source, String>) {
        let values: Vec<_> = sources.iter().map(|source| self.value(*source)).collect();
        let types: Vec<_> = values.iter().map(|value| stored(value.r#type())).collect();
        let (func, body) = self.function(host, AFTER, &types);
        let mut known = HashMap::new();
        for (index, value) in values.iter().enumerate() {
            let new = body.argument(index).expect("it has as many arguments").into();
            let new = cast(&At::End(body), func.location(), new, value.r#type());
            known.insert(key(*value), new);
        }
        let wanted: Vec<_> = self.r#return.map(|op| op.operands().collect()).unwrap_or_default();
        self.copy(body, &mut known, &wanted);
        let results: Vec<_> = wanted.iter().map(|value| known[&key(*value)]).collect();
        let own = self.func.attribute("res_attrs").ok();
        self.finish(func, body, &results, [self.list(sources, names), own]);
    }

    /// Makes the function what the array computes.
    fn narrow(&self, cut: &Cut, names: &HashMap<Source, String>) {
        let old = self.body.argument_count();
        let location = self.func.location();
        let mut end_op = self.r#return;
        if let Some(outputs) = &cut.outputs
            && let Some(r#return) = end_op
        {
            let results: Vec<_> = outputs
                .iter()
                .map(|source| {
                    let value = self.value(*source);
                    cast(&At::Before(r#return), location, value, stored(value.r#type()))
                })
                .collect();
            let new = rewrite::insert_before(r#return, end(r#return.location(), &results));
            rewrite::erase(r#return);
            end_op = Some(new);
        }
        if let Some(inputs) = &cut.inputs {
            for source in inputs {
                let value = self.value(*source);
                let argument =
                    self.body.add_argument(stored(value.r#type()), value_location(value, location));
                let first = self.body.first_operation().or(end_op);
                let Some(first) = first else { continue };
                let codes = cast(&At::Before(first), location, argument, value.r#type());
                rewrite::replace_uses(value, codes);
            }
        }
        for op in rewrite::ops(self.body).into_iter().rev() {
            let used = op.results().any(|result| !rewrite::users(result.into()).is_empty());
            if !used && Some(op.to_raw().ptr) != end_op.map(|op| op.to_raw().ptr) {
                rewrite::erase(op);
            }
        }
        if let Some(inputs) = &cut.inputs {
            for index in (0..old).rev() {
                rewrite::erase_argument(self.body, index);
            }
            if let Some(list) = self.list(inputs, names) {
                rewrite::set_attribute(self.func, "arg_attrs", list);
            }
        }
        if let Some(outputs) = &cut.outputs
            && let Some(list) = self.list(outputs, names)
        {
            rewrite::set_attribute(self.func, "res_attrs", list);
        }
        let results: Vec<_> = end_op.map(|op| op.operands().collect()).unwrap_or_default();
        set_type(self.context, self.func, self.body, &results);
    }

    /// `[{aie4ml.name = "x"}, ...]`
    fn list(&self, sources: &[Source], names: &HashMap<Source, String>) -> Option<Attribute<'c>> {
        let entries: Vec<_> = sources
            .iter()
            .map(|source| {
                let name = names.get(source).map_or("", String::as_str);
                format!("{{aie4ml.name = {}}}", StringAttribute::new(self.context, name))
            })
            .collect();
        Attribute::parse(self.context, &format!("[{}]", entries.join(", ")))
    }
}

fn value_location<'c>(value: Value<'c, '_>, otherwise: Location<'c>) -> Location<'c> {
    constant::defining_op(value).map_or(otherwise, |op| op.location())
}

fn end<'c>(location: Location<'c>, results: &[Value<'c, '_>]) -> melior::ir::Operation<'c> {
    OperationBuilder::new("func.return", location)
        .add_operands(results)
        .build()
        .expect("a return without results of its own is built")
}

fn set_type<'c>(
    context: &'c Context,
    func: OperationRef<'c, '_>,
    body: BlockRef<'c, '_>,
    results: &[Value<'c, '_>],
) {
    let inputs: Vec<Type> = (0..body.argument_count())
        .filter_map(|index| Some(body.argument(index).ok()?.r#type()))
        .collect();
    let outputs: Vec<Type> = results.iter().map(|value| value.r#type()).collect();
    let r#type = FunctionType::new(context, &inputs, &outputs);
    rewrite::set_attribute(func, "function_type", TypeAttribute::new(r#type.into()).into());
}

/// The type of codes as integers; any other type as it is.
fn stored(r#type: Type) -> Type {
    match Quantized::of(scalar::element(r#type)) {
        Some(quantized) => scalar::with_element(r#type, quantized.storage),
        None => r#type,
    }
}

/// Where an op goes.
enum At<'c, 'a> {
    End(BlockRef<'c, 'a>),
    Before(OperationRef<'c, 'a>),
}

/// A value as one of another type of the same codes.
fn cast<'c, 'a>(
    at: &At<'c, 'a>,
    location: Location<'c>,
    value: Value<'c, 'a>,
    r#type: Type<'c>,
) -> Value<'c, 'a> {
    if value.r#type() == r#type {
        return value;
    }
    let op = OperationBuilder::new("quant.scast", value_location(value, location))
        .add_operands(&[value])
        .add_results(&[r#type])
        .build()
        .expect("a cast with its result's type is built");
    let op = match at {
        At::End(block) => block.append_operation(op),
        At::Before(other) => rewrite::insert_before(*other, op),
    };
    op.result(0).expect("it was given a result").into()
}

/// Ops on real values that the array has between quantizers: what moves elements, pools, sums,
/// and functions of codes.
fn is_operator(name: &str, op: OperationRef) -> bool {
    match name {
        "tosa.transpose" | "tosa.slice" | "tosa.concat" | "tosa.pad" | "tosa.tile"
        | "tosa.reverse" | "tosa.avg_pool2d" | "tosa.max_pool2d" | "tosa.reduce_sum"
        | "tosa.reduce_max" | "tosa.rsqrt" | "tosa.mul" | "tosa.maximum" | "tosa.minimum" => true,
        "tosa.exp" | "tosa.log" | "tosa.tanh" | "tosa.sigmoid" | "tosa.erf" | "tosa.reciprocal"
        | "tosa.pow" | "tosa.sin" | "tosa.cos" => bits_below(op).is_none_or(|bits| bits <= 8),
        _ => false,
    }
}

/// Ops on integers that the array has between layers, beside those of elements.
fn moves_codes(name: &str) -> bool {
    let moves = ["tosa.transpose", "tosa.slice", "tosa.pad", "tosa.avg_pool2d", "tosa.max_pool2d"];
    let named = ["linalg.transpose", "tensor.pad", "tensor.extract_slice"];
    moves.contains(&name) || named.contains(&name) || name.starts_with("linalg.pooling")
}

/// Bits of the codes of which an op's operand is a function.
fn bits_below(mut op: OperationRef) -> Option<u32> {
    // Patterns are short.
    for _ in 0..16 {
        let operands: Vec<Value> = op.operands().collect();
        let before = operands.into_iter().find_map(|value| {
            let before = constant::defining_op(value)?;
            (before.operand_count() > 0).then_some(before)
        })?;
        if rewrite::is(&before, "quant.dcast") {
            let codes = before.operands().next()?.r#type();
            return crate::mlir::quant::Uniform::of(scalar::element(codes))
                .map(|uniform| uniform.bits);
        }
        op = before;
    }
    None
}

/// What an op does, in a function with quantization casts or without. Comparisons, shifts and such
/// are part of how a network without quantizers rounds.
fn kind(op: OperationRef, casts: bool) -> Kind {
    let name = op.name();
    let name = name.as_string_ref();
    let name = name.as_str().unwrap_or_default();
    let real = |r#type: Option<Type>| r#type.map(form) == Some(Form::Real);
    let reads = real(op.operands().next().map(|value| value.r#type()));
    let result = op.results().next().map(|value| value.r#type());
    if casts && reads && is_operator(name, op) || !casts && !reads && moves_codes(name) {
        return Kind::Operator;
    }
    match name {
        "quant.qcast" => Kind::Quantizer { arithmetic: false },
        "quant.dcast" | "quant.scast" => Kind::Cast,
        "tosa.reshape"
        | "tosa.identity"
        | "tensor.collapse_shape"
        | "tensor.expand_shape"
        | "tensor.cast" => Kind::Reshape,
        "tosa.cast" => match (reads, result.map(form)) {
            (true, Some(Form::Integer(..=16))) => Kind::Quantizer { arithmetic: true },
            (false, Some(Form::Real)) => Kind::Convert,
            (true, Some(Form::Integer(_))) => Kind::Other,
            _ => Kind::Elementwise,
        },
        "tosa.matmul"
        | "tosa.conv2d"
        | "tosa.conv3d"
        | "tosa.depthwise_conv2d"
        | "tosa.transpose_conv2d" => Kind::Layer,
        "tosa.add"
        | "tosa.sub"
        | "tosa.clamp"
        | "tosa.rescale"
        | "tosa.negate"
        | "tosa.floor"
        | "tosa.ceil"
        | "tosa.abs"
        | "tosa.equal"
        | "tosa.greater"
        | "tosa.greater_equal"
        | "tosa.select"
        | "tosa.logical_and"
        | "tosa.logical_or"
        | "tosa.logical_not"
        | "tosa.bitwise_and"
        | "tosa.bitwise_or"
        | "tosa.bitwise_not"
        | "tosa.bitwise_xor"
        | "tosa.arithmetic_right_shift"
        | "tosa.logical_left_shift"
        | "tosa.logical_right_shift"
        | "tosa.intdiv"
        | "linalg.add"
        | "linalg.sub"
        | "linalg.negf"
        | "arith.addf"
        | "arith.subf"
        | "arith.addi"
        | "arith.subi"
        | "arith.extsi"
        | "arith.extui"
        | "arith.trunci"
        | "arith.negf"
        | "arith.extf"
        | "arith.truncf" => Kind::Elementwise,
        "tosa.mul" | "tosa.maximum" | "tosa.minimum" | "linalg.mul" | "linalg.div"
        | "linalg.max" | "linalg.min" | "arith.mulf" | "arith.divf" | "arith.muli"
        | "arith.maximumf" | "arith.minimumf" | "arith.maxsi" | "arith.minsi" => Kind::Scale,
        "arith.sitofp" | "arith.uitofp" => Kind::Convert,
        "arith.fptosi" | "arith.fptoui" => Kind::Quantizer { arithmetic: true },
        "linalg.generic" => generic(op, reads, result.map(form)),
        _ if name.starts_with("linalg.")
            && ["matmul", "matvec", "vecmat", "conv", "mmt4d", "contract"]
                .iter()
                .any(|part| name.contains(part)) =>
        {
            Kind::Layer
        }
        _ => Kind::Other,
    }
}

/// Whether the factors of a product are two computed tensors, one of integers that are no codes.
fn multiplies_sums(op: OperationRef, sources: &HashMap<usize, Source>) -> bool {
    let factors: Vec<Value> = op.operands().take(2).collect();
    let wide = |value: &Value| matches!(form(value.r#type()), Form::Integer(17..));
    factors.iter().all(|value| sources.contains_key(&key(*value))) && factors.iter().any(wide)
}

/// What a `linalg.generic` does, by what is in its body.
fn generic(op: OperationRef, reads: bool, result: Option<Form>) -> Kind {
    let names: Vec<String> = scalar::nested(op)
        .iter()
        .skip(1)
        .filter_map(|op| op.name().as_string_ref().as_str().ok().map(String::from))
        .collect();
    let has = |some: &[&str]| names.iter().any(|name| some.contains(&name.as_str()));
    let reduces = op
        .attribute("iterator_types")
        .is_ok_and(|iterators| iterators.to_string().contains("reduction"));
    let rounding = ["math.roundeven", "math.round", "math.floor", "math.ceil", "math.trunc"];
    let transcendental =
        |name: &String| name.starts_with("math.") && !rounding.contains(&name.as_str());
    let multiplies = has(&["arith.mulf", "arith.muli"]);
    if reduces {
        let layer = multiplies && has(&["arith.addf", "arith.addi"]);
        return if layer { Kind::Layer } else { Kind::Other };
    }
    if names.iter().any(transcendental) {
        return Kind::Other;
    }
    match (reads, result) {
        (true, Some(Form::Integer(_))) if has(&["arith.fptosi", "arith.fptoui"]) => {
            Kind::Quantizer { arithmetic: true }
        }
        (true, Some(Form::Integer(_))) => Kind::Other,
        (false, Some(Form::Real)) => Kind::Convert,
        _ if multiplies || has(&["arith.divf"]) => Kind::Scale,
        _ => Kind::Elementwise,
    }
}

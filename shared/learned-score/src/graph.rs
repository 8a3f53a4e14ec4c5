//! The computation in a model's file: from one row of numbers to one number.

use std::collections::HashSet;

use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Size;
use tract_onnx::pb::type_proto::Value as Type;
use tract_onnx::pb::{GraphProto, ModelProto, TypeProto, ValueInfoProto};
use tract_onnx::prelude::*;

use crate::error::Refusal;

/// Operations that IEEE 754 defines to the last bit, or that move numbers without touching them. With numbers of 64 bits
/// they run on plain loops in one order; exponentials, and kernels for 32 bits, differ from one processor to the next.
const OPERATIONS: [&str; 25] = [
    "Abs",
    "Add",
    "And",
    "Cast",
    "Concat",
    "Constant",
    "Div",
    "Equal",
    "Flatten",
    "Gemm",
    "Greater",
    "Identity",
    "Less",
    "MatMul",
    "Max",
    "Min",
    "Mul",
    "Neg",
    "Not",
    "Or",
    "Relu",
    "Reshape",
    "Sub",
    "Unsqueeze",
    "Where",
];

/// An ONNX file, decoded.
pub(crate) struct File {
    model: ModelProto,
}

/// A computation that is ready to run, on the calling thread alone.
pub(crate) struct Graph {
    plan: Arc<TypedRunnableModel>,
}

impl File {
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let mut rest = bytes;
        let model =
            tract_onnx::onnx().proto_model_for_read(&mut rest).map_err(|e| Refusal::NotOnnx(format!("{e:#}")))?;
        if model.graph.is_none() {
            return Err(Refusal::NotOnnx("it holds no graph".to_owned()));
        }
        Ok(Self { model })
    }

    /// The metadata property called `key`.
    pub(crate) fn metadata(&self, key: &str) -> Option<&str> {
        self.model.metadata_props.iter().find(|property| property.key == key).map(|property| property.value.trim())
    }

    /// The graph, which must make one number of a row of `width` numbers.
    pub(crate) fn graph(&self, width: usize) -> Result<Graph, Refusal> {
        let Some(graph) = &self.model.graph else { return Err(Refusal::NotOnnx("it holds no graph".to_owned())) };
        check_operations(graph)?;
        check_input(graph, width)?;
        check_outputs(graph)?;
        let plan = plan(&self.model, width).map_err(not_runnable)?;
        check_precision(plan.model())?;
        check_output(plan.model())?;
        Ok(Graph { plan })
    }
}

impl Graph {
    /// What the graph makes of `inputs`.
    pub(crate) fn run(&self, inputs: &[f64]) -> Result<f64, Refusal> {
        let row = tract_ndarray::ArrayView2::from_shape((1, inputs.len()), inputs)
            .map_err(|error| Refusal::NotRunnable(error.to_string()))?;
        let outputs = self.plan.run(tvec!(Tensor::from(row.to_owned()).into())).map_err(not_runnable)?;
        let numbers = outputs.first().map(|output| output.to_plain_array_view::<f64>()).transpose();
        let number = numbers.map_err(not_runnable)?.and_then(|view| view.iter().next().copied());
        number.ok_or_else(|| Refusal::NotRunnable("it gives nothing".to_owned()))
    }
}

/// As written in the file: no operation is fused, reordered or replaced by a processor's own.
fn plan(model: &ModelProto, width: usize) -> TractResult<Arc<TypedRunnableModel>> {
    let row = InferenceFact::dt_shape(f64::datum_type(), tvec!(1, width));
    tract_onnx::onnx().model_for_proto_model(model)?.with_input_fact(0, row)?.into_typed()?.into_runnable()
}

fn check_operations(graph: &GraphProto) -> Result<(), Refusal> {
    let foreign = |domain: &str| !domain.is_empty() && domain != "ai.onnx";
    let refused = graph.node.iter().find(|n| foreign(&n.domain) || !OPERATIONS.contains(&n.op_type.as_str()));
    refused.map_or(Ok(()), |node| Err(Refusal::Operation(node.op_type.clone())))
}

/// No number on the way has fewer than 64 bits.
fn check_precision(model: &TypedModel) -> Result<(), Refusal> {
    let narrow = |fact: &TypedFact| fact.datum_type.is_float() && fact.datum_type != f64::datum_type();
    let found = model.nodes().iter().find(|node| node.outputs.iter().any(|output| narrow(&output.fact)));
    found.map_or(Ok(()), |node| Err(Refusal::Operation(format!("{} in single precision", node.op.name()))))
}

/// One input of `[any, width]` numbers of 64 bits.
fn check_input(graph: &GraphProto, width: usize) -> Result<(), Refusal> {
    let constants: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs: Vec<&ValueInfoProto> = graph.input.iter().filter(|i| !constants.contains(i.name.as_str())).collect();
    let refuse = |found: String| {
        let expected = format!("one double[rows, {width}], a column for each of its features");
        Err(Refusal::Shape { what: "input", found, expected })
    };
    let [input] = inputs[..] else { return refuse(format!("{} tensors", inputs.len())) };
    let Some(TypeProto { value: Some(Type::TensorType(tensor)), .. }) = &input.r#type else {
        return refuse("no tensor".to_owned());
    };
    let sizes = tensor.shape.iter().flat_map(|shape| &shape.dim);
    let sizes: Vec<Option<i64>> = sizes
        .map(|dimension| match dimension.value {
            Some(Size::DimValue(size)) => Some(size),
            Some(Size::DimParam(_)) | None => None,
        })
        .collect();
    let fits = matches!(sizes[..], [None | Some(1), Some(columns)] if usize::try_from(columns) == Ok(width));
    if tensor.elem_type != DataType::Double as i32 || !fits {
        let kind = DataType::try_from(tensor.elem_type).unwrap_or_default();
        let sizes: Vec<String> = sizes.iter().map(|s| s.map_or_else(|| "rows".to_owned(), |n| n.to_string())).collect();
        return refuse(format!("{}[{}]", kind.as_str_name().to_lowercase(), sizes.join(", ")));
    }
    Ok(())
}

/// One output, which something in the graph gives.
fn check_outputs(graph: &GraphProto) -> Result<(), Refusal> {
    let given = graph.node.iter().flat_map(|node| &node.output).chain(graph.input.iter().map(|input| &input.name));
    let given: HashSet<&String> = given.chain(graph.initializer.iter().map(|tensor| &tensor.name)).collect();
    match &graph.output[..] {
        [output] if given.contains(&output.name) => Ok(()),
        [output] => Err(Refusal::NotRunnable(format!("nothing gives its output {}", output.name))),
        outputs => Err(output_refused(format!("{} tensors", outputs.len()))),
    }
}

fn check_output(model: &TypedModel) -> Result<(), Refusal> {
    let fact = model.output_fact(0).map_err(not_runnable)?;
    let number = fact.datum_type == f64::datum_type() && fact.shape.volume() == 1.to_dim() && fact.shape.len() <= 2;
    if number { Ok(()) } else { Err(output_refused(format!("{fact:?} for one row"))) }
}

fn output_refused(found: String) -> Refusal {
    Refusal::Shape { what: "output", found, expected: "one double[rows, 1]".to_owned() }
}

#[allow(clippy::needless_pass_by_value, reason = "as map_err hands it over")]
fn not_runnable(error: TractError) -> Refusal {
    Refusal::NotRunnable(format!("{error:#}"))
}

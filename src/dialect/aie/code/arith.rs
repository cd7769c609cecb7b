//! Arithmetic, lane by lane, and constants.

use super::{
    super::{element_of, integer},
    Compiler, number_of,
};
use crate::{
    array::{
        Element,
        code::{Binary, Instruction, Ordering, Predicate, Unary},
    },
    mlir::{
        constant,
        diagnostic::{Result, fail},
    },
};
use melior::ir::{
    Attribute, OperationRef,
    attribute::{FloatAttribute, IntegerAttribute},
    operation::OperationLike,
    r#type::IntegerType,
};

impl Compiler<'_> {
    pub(super) fn arithmetic<'c>(&mut self, op: OperationRef<'c, '_>, name: &str) -> Result<'c> {
        if name == "arith.constant" {
            let value = op.attribute("value").ok();
            let lanes = value.and_then(constant_lanes);
            let lanes =
                lanes.ok_or_else(|| fail(&op, "has a type that is not supported in a core"))?;
            let to = self.results(op)[0];
            self.emit(Instruction::Constant(to, lanes));
            return Ok(());
        }
        if name == "arith.select" {
            let of = self.operands(op, 0)?;
            let to = self.results(op)[0];
            self.emit(Instruction::Select(to, of[0], of[1], of[2]));
            return Ok(());
        }
        if name == "math.fma" {
            let (_, number) = self.result_lanes(op)?;
            let of = self.operands(op, 0)?;
            let to = self.results(op)[0];
            self.emit(Instruction::Fma(to, [of[0], of[1], of[2]], number));
            return Ok(());
        }
        let unary = match name {
            "arith.extsi" | "arith.trunci" | "arith.index_cast" | "arith.sitofp"
            | "arith.fptosi" | "arith.extf" | "arith.truncf" => Some(Unary::Convert),
            "arith.extui" | "arith.index_castui" | "arith.uitofp" => Some(Unary::ConvertUnsigned),
            "arith.fptoui" => Some(Unary::ToUnsigned),
            "arith.negf" => Some(Unary::Neg),
            "math.absi" | "math.absf" => Some(Unary::Abs),
            "math.sqrt" => Some(Unary::Sqrt),
            "math.floor" => Some(Unary::Floor),
            "math.ceil" => Some(Unary::Ceil),
            "math.round" => Some(Unary::Round),
            "math.roundeven" => Some(Unary::RoundEven),
            "math.trunc" => Some(Unary::Trunc),
            "math.ctpop" => Some(Unary::CountOnes),
            "math.ctlz" => Some(Unary::LeadingZeros),
            "math.cttz" => Some(Unary::TrailingZeros),
            _ => None,
        };
        if let Some(unary) = unary {
            let ((_, from), (_, into)) = (self.operand_lanes(op, 0)?, self.result_lanes(op)?);
            let of = self.operand(op, 0)?;
            let to = self.results(op)[0];
            self.emit(Instruction::Unary(unary, to, of, from, into));
            return Ok(());
        }
        if name == "arith.bitcast" {
            let ((_, from), (_, into)) = (self.operand_lanes(op, 0)?, self.result_lanes(op)?);
            let of = self.operand(op, 0)?;
            let to = self.results(op)[0];
            self.emit(Instruction::Bitcast(to, of, from, into));
            return Ok(());
        }
        let binary = match name {
            "arith.cmpi" => integer(op, "predicate").and_then(compare_integers),
            "arith.cmpf" => integer(op, "predicate").and_then(compare_floats),
            _ => binary_of(name),
        };
        let Some(binary) = binary else {
            return Err(fail(&op, "is not supported in a core: the simulator does not execute it"));
        };
        let (_, number) = self.operand_lanes(op, 0)?;
        let (a, b) = (self.operand(op, 0)?, self.operand(op, 1)?);
        let to = self.results(op)[0];
        self.emit(Instruction::Binary(binary, to, a, b, number));
        Ok(())
    }
}

/// The lanes of a constant.
fn constant_lanes(value: Attribute) -> Option<Vec<i64>> {
    let float = |value: f64| value.to_bits() as i64;
    if let Ok(integer) = IntegerAttribute::try_from(value) {
        let width =
            IntegerType::try_from(constant::type_of(value)).map_or(64, |r#type| r#type.width());
        return Some(vec![if width == 1 { integer.value() & 1 } else { integer.value() }]);
    }
    if let Ok(number) = FloatAttribute::try_from(value) {
        number_of(constant::type_of(value))?;
        return Some(vec![float(number.value())]);
    }
    let (extents, element) = constant::shaped(constant::type_of(value))?;
    let element = element_of(element)?;
    let bytes = constant::bytes(value)?;
    let count: usize = extents.iter().product();
    let width = element.bytes();
    let lane = |chunk: &[u8]| {
        let mut bits = [0; 8];
        bits[..width].copy_from_slice(chunk);
        let bits = u64::from_le_bytes(bits);
        match element {
            Element::Bf16 => float(f64::from(f32::from_bits((bits as u32) << 16))),
            Element::F32 => float(f64::from(f32::from_bits(bits as u32))),
            _ => (bits << (64 - 8 * width)) as i64 >> (64 - 8 * width),
        }
    };
    let lanes: Vec<i64> = bytes.chunks(width).map(lane).collect();
    (lanes.len() == count).then_some(lanes)
}

fn binary_of(name: &str) -> Option<Binary> {
    Some(match name {
        "arith.addi" | "arith.addf" => Binary::Add,
        "arith.subi" | "arith.subf" => Binary::Sub,
        "arith.muli" | "arith.mulf" => Binary::Mul,
        "arith.divsi" | "arith.divf" => Binary::Div,
        "arith.divui" => Binary::DivUnsigned,
        "arith.ceildivsi" => Binary::CeilDiv,
        "arith.ceildivui" => Binary::CeilDivUnsigned,
        "arith.floordivsi" => Binary::FloorDiv,
        "arith.remsi" | "arith.remf" => Binary::Rem,
        "arith.remui" => Binary::RemUnsigned,
        "arith.andi" => Binary::And,
        "arith.ori" => Binary::Or,
        "arith.xori" => Binary::Xor,
        "arith.shli" => Binary::Shl,
        "arith.shrsi" => Binary::Shr,
        "arith.shrui" => Binary::ShrUnsigned,
        "arith.maxsi" | "arith.maximumf" => Binary::Max,
        "arith.minsi" | "arith.minimumf" => Binary::Min,
        "arith.maxui" => Binary::MaxUnsigned,
        "arith.minui" => Binary::MinUnsigned,
        "arith.maxnumf" => Binary::MaxNumber,
        "arith.minnumf" => Binary::MinNumber,
        "math.copysign" => Binary::CopySign,
        _ => return None,
    })
}

/// By the numbers of `arith.cmpi`.
fn compare_integers(predicate: i64) -> Option<Binary> {
    use Predicate::{Eq, Ge, GeUnsigned, Gt, GtUnsigned, Le, LeUnsigned, Lt, LtUnsigned, Ne};
    let order = [Eq, Ne, Lt, Le, Gt, Ge, LtUnsigned, LeUnsigned, GtUnsigned, GeUnsigned];
    order.get(usize::try_from(predicate).ok()?).copied().map(Binary::Compare)
}

/// By the numbers of `arith.cmpf`.
fn compare_floats(predicate: i64) -> Option<Binary> {
    use Predicate::{Always, Eq, Ge, Gt, Le, Lt, Ne, Never, Ordered, Unordered, UnorderedOr};
    let order = [
        Never,
        Eq,
        Gt,
        Ge,
        Lt,
        Le,
        Ne,
        Ordered,
        UnorderedOr(Ordering::Eq),
        UnorderedOr(Ordering::Gt),
        UnorderedOr(Ordering::Ge),
        UnorderedOr(Ordering::Lt),
        UnorderedOr(Ordering::Le),
        UnorderedOr(Ordering::Ne),
        Unordered,
        Always,
    ];
    order.get(usize::try_from(predicate).ok()?).copied().map(Binary::Compare)
}

//! Durations and their arithmetic.

use super::{Parsed, Parser};
use crate::ast::{BinaryOp, Duration, Literal};
use crate::error::ParseError;
use crate::lexer::Kind;

/// Longest duration in seconds: a signed 64-bit count of nanoseconds, as in Prometheus.
const MAX_SECONDS: f64 = 9_223_372_036.854_775;

impl Parser<'_> {
    /// A duration that must be greater than zero, as far as that shows without evaluation.
    pub(super) fn positive_duration(&mut self) -> Parsed<Duration> {
        let start = self.span();
        let duration = self.duration(0)?;
        if matches!(duration, Duration::Seconds(Literal(v)) if v.is_nan() || v <= 0.0) {
            return Err(ParseError::syntax("duration must be greater than 0", start.to(self.previous())));
        }
        Ok(duration)
    }

    /// The operand of `offset`: one piece, so that `a offset 5m + b` adds to the selector.
    pub(super) fn offset_duration(&mut self) -> Parsed<Duration> {
        self.nested(|p| {
            if p.take_sign("-").is_some() {
                return Ok(negate(p.offset_duration()?));
            }
            if p.take_sign("+").is_some() {
                return p.offset_duration();
            }
            p.duration_piece()
        })
    }

    /// A duration whose operators bind at least as tightly as `min`.
    fn duration(&mut self, min: u8) -> Parsed<Duration> {
        let mut lhs = self.nested(Self::duration_prefix)?;
        let mut pieces = 1;
        while let Some(op) = self.binary_op().filter(|op| is_arithmetic(*op) && op.precedence() >= min) {
            let sign = self.next();
            pieces += 1;
            if pieces > super::MAX_HEIGHT {
                return Err(self.too_deep());
            }
            let next = if op == BinaryOp::Pow { op.precedence() } else { op.precedence() + 1 };
            let rhs = self.nested(|p| p.duration(next))?;
            if matches!(rhs, Duration::Seconds(Literal(0.0))) && matches!(op, BinaryOp::Div | BinaryOp::Mod) {
                let what = if op == BinaryOp::Div { "division" } else { "modulo" };
                return Err(ParseError::syntax(format!("{what} by zero"), sign));
            }
            lhs = Duration::Binary(op, Box::new(lhs), Box::new(rhs));
        }
        Ok(lhs)
    }

    fn duration_prefix(&mut self) -> Parsed<Duration> {
        if self.take_sign("-").is_some() {
            return Ok(negate(self.nested(|p| p.duration(BinaryOp::Pow.precedence()))?));
        }
        if self.take_sign("+").is_some() {
            return self.nested(|p| p.duration(BinaryOp::Pow.precedence()));
        }
        self.duration_piece()
    }

    fn duration_piece(&mut self) -> Parsed<Duration> {
        let span = self.span();
        let seconds = match *self.peek() {
            Kind::Number(value) => value,
            Kind::Duration(ms) => ms as f64 / 1000.0,
            Kind::Sign("(") => {
                self.next();
                let inner = self.nested(|p| p.duration(0))?;
                self.expect_sign(")")?;
                return Ok(inner);
            }
            Kind::Word => return self.duration_call(),
            _ => return Err(self.unexpected("a number, a duration, step() or range()")),
        };
        self.next();
        if seconds.is_nan() || seconds.abs() > MAX_SECONDS {
            return Err(ParseError::syntax("duration out of range", span));
        }
        Ok(Duration::Seconds(Literal(seconds)))
    }

    fn duration_call(&mut self) -> Parsed<Duration> {
        let word = self.word().to_ascii_lowercase();
        if self.peek_after(1) != &Kind::Sign("(") || !matches!(&*word, "step" | "range" | "min_of" | "max_of") {
            return Err(self.unexpected("a number, a duration, step() or range()"));
        }
        self.next();
        self.expect_sign("(")?;
        if word == "step" || word == "range" {
            self.expect_sign(")")?;
            return Ok(if word == "step" { Duration::Step } else { Duration::Range });
        }
        let a = Box::new(self.nested(|p| p.duration(0))?);
        self.expect_sign(",")?;
        let b = Box::new(self.nested(|p| p.duration(0))?);
        self.expect_sign(")")?;
        Ok(if word == "min_of" { Duration::MinOf(a, b) } else { Duration::MaxOf(a, b) })
    }
}

fn negate(duration: Duration) -> Duration {
    match duration {
        Duration::Seconds(Literal(v)) => Duration::Seconds(Literal(-v)),
        other => Duration::Negate(Box::new(other)),
    }
}

fn is_arithmetic(op: BinaryOp) -> bool {
    op.precedence() >= BinaryOp::Add.precedence() && op != BinaryOp::Atan2
}

//! The syntax tree of an expression.

mod display;
mod operators;
mod visit;

use crate::functions::Function;
use crate::labels::Matcher;
use std::fmt;

pub use operators::{AggregateOp, BinaryOp, UnaryOp};
pub use visit::SelectorRef;

/// A part of the source: bytes `start..end`, and the line and column (both from 1, in characters) of `start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
    /// Line of the first byte.
    pub line: u32,
    /// Column of the first byte.
    pub column: u32,
}

impl Span {
    /// From the start of `self` to the end of `last`.
    #[must_use]
    pub fn to(self, last: Self) -> Self {
        Self { end: last.end.max(self.end), ..self }
    }
}

/// An expression. Equality compares what is said, not where: spans are ignored.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it says.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// A number in an expression. NaN equals itself, so that equal expressions compare equal.
#[derive(Clone, Copy, Debug)]
pub struct Literal(pub f64);

impl PartialEq for Literal {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits() || (self.0.is_nan() && other.0.is_nan())
    }
}

/// The kinds of expression.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A number; a duration such as `5m` is a number of seconds.
    Number(Literal),
    /// A string.
    Text(String),
    /// An instant vector selector.
    Vector(VectorSelector),
    /// A range vector selector.
    Matrix(MatrixSelector),
    /// A subquery: `expr[range:step]`.
    Subquery(Box<Subquery>),
    /// `-expr` or `+expr`.
    Unary(UnaryOp, Box<Expr>),
    /// `(expr)`.
    Paren(Box<Expr>),
    /// Two operands and an operator.
    Binary(Box<BinaryExpr>),
    /// `sum by (job) (expr)` and its like.
    Aggregate(Box<AggregateExpr>),
    /// A function call.
    Call(Call),
}

/// The type of the value that an expression yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// A number.
    Scalar,
    /// A string.
    String,
    /// One sample a series.
    Vector,
    /// A range of samples a series.
    Matrix,
}

impl ValueType {
    /// The name that Prometheus uses in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::String => "string",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
        }
    }
}

/// Selects series and reads their samples at a time.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct VectorSelector {
    /// All matchers. That of the metric name, if there is exactly one for equality, comes first.
    pub matchers: Vec<Matcher>,
    /// `offset`: how far back the samples are read; negative is ahead.
    pub offset: Option<Duration>,
    /// `@`: the fixed time at which the samples are read.
    pub at: Option<At>,
    /// `anchored` or `smoothed`: whether samples beyond the bounds count too.
    pub extension: Option<Extension>,
}

/// How a selector uses samples beyond its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extension {
    /// `anchored`: a range knows the last sample before it.
    Anchored,
    /// `smoothed`: values at the bounds lie on the line between their neighbours.
    Smoothed,
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anchored => "anchored",
            Self::Smoothed => "smoothed",
        })
    }
}

/// Selects series and reads a range of their samples.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixSelector {
    /// Which series, and when.
    pub selector: VectorSelector,
    /// Length of the range.
    pub range: Duration,
}

/// Evaluates an instant vector at many times and yields a range vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    /// The expression to evaluate.
    pub expr: Expr,
    /// Length of the range.
    pub range: Duration,
    /// Distance of the evaluations; the engine's default where it is absent.
    pub step: Option<Duration>,
    /// `offset`.
    pub offset: Option<Duration>,
    /// `@`.
    pub at: Option<At>,
}

/// The time that an `@` modifier fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Milliseconds since the Unix epoch.
    Time(i64),
    /// Start of the query's range.
    Start,
    /// End of the query's range.
    End,
}

/// A length of time, possibly computed: `[5m]`, `[2 * step()]`.
#[derive(Clone, Debug, PartialEq)]
pub enum Duration {
    /// Seconds.
    Seconds(Literal),
    /// `step()`: the step of the query, 0 for an instant query.
    Step,
    /// `range()`: end minus start of the query.
    Range,
    /// `-duration`.
    Negate(Box<Duration>),
    /// Arithmetic: `+ - * / % ^`.
    Binary(BinaryOp, Box<Duration>, Box<Duration>),
    /// `min_of(a, b)`.
    MinOf(Box<Duration>, Box<Duration>),
    /// `max_of(a, b)`.
    MaxOf(Box<Duration>, Box<Duration>),
}

/// How many series of one side match how many of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Cardinality {
    /// One to one; many to many for `and`, `or` and `unless`.
    #[default]
    OneToOne,
    /// `group_left`: many on the left.
    ManyToOne,
    /// `group_right`: many on the right.
    OneToMany,
}

/// Values that stand for missing series: `fill (0)`, `fill_left (0)`, `fill_right (0)`.
#[derive(Clone, Copy, Debug, PartialEq, Default)]
pub struct Fill {
    /// For a series that the left operand lacks.
    pub left: Option<Literal>,
    /// For a series that the right operand lacks.
    pub right: Option<Literal>,
}

impl Fill {
    /// Whether neither side is filled.
    pub fn is_empty(self) -> bool {
        self.left.is_none() && self.right.is_none()
    }
}

/// How the series of two vectors find each other.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct VectorMatching {
    /// Which side may hold many.
    pub cardinality: Cardinality,
    /// True: match `on` the labels; false: match on all but these.
    pub on: bool,
    /// The labels of `on` or `ignoring`.
    pub labels: Vec<String>,
    /// Labels that `group_left` or `group_right` copies from the side of one.
    pub include: Vec<String>,
    /// Values for series without a partner.
    pub fill: Fill,
}

/// Two operands and an operator.
#[derive(Clone, Debug, PartialEq)]
pub struct BinaryExpr {
    /// The operator.
    pub op: BinaryOp,
    /// Left operand.
    pub lhs: Expr,
    /// Right operand.
    pub rhs: Expr,
    /// `bool`: yield 0 or 1 instead of filtering.
    pub return_bool: bool,
    /// How two vectors match; the default where an operand is a scalar.
    pub matching: VectorMatching,
}

/// Which labels make the groups of an aggregation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// By these labels; by none, all in one group.
    By(Vec<String>),
    /// By all labels but these.
    Without(Vec<String>),
}

/// An aggregation over the series of a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregateExpr {
    /// The operator.
    pub op: AggregateOp,
    /// The vector.
    pub expr: Expr,
    /// The parameter of `topk`, `quantile`, `count_values` and their like.
    pub param: Option<Expr>,
    /// The groups.
    pub grouping: Grouping,
}

/// A function call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function.
    pub function: &'static Function,
    /// Its arguments.
    pub args: Vec<Expr>,
}

impl Expr {
    /// The type of the value that the expression yields.
    pub fn value_type(&self) -> ValueType {
        match &self.kind {
            ExprKind::Number(_) => ValueType::Scalar,
            ExprKind::Text(_) => ValueType::String,
            ExprKind::Vector(_) | ExprKind::Aggregate(_) => ValueType::Vector,
            ExprKind::Matrix(_) | ExprKind::Subquery(_) => ValueType::Matrix,
            ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => inner.value_type(),
            ExprKind::Binary(b) => match (b.lhs.value_type(), b.rhs.value_type()) {
                (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                _ => ValueType::Vector,
            },
            ExprKind::Call(call) => call.function.returns,
        }
    }

    /// The expression inside any number of parentheses.
    pub fn unparenthesized(&self) -> &Self {
        let mut expr = self;
        while let ExprKind::Paren(inner) = &expr.kind {
            expr = inner;
        }
        expr
    }
}

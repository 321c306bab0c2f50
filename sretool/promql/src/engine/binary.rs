//! Binary operations.

use super::annotations::Annotations;
use super::data::{ABSENT, Data, Grid, Series, present};
use super::evaluator::{Evaluated, Evaluator};
use super::names::is_metric_label;
use super::{EvalError, native_binary};
use crate::ast::{BinaryExpr, BinaryOp, Cardinality, Span, VectorMatching};
use crate::labels::{Labels, METRIC_NAME};
use crate::quote::Quoted;
use std::collections::{HashMap, HashSet};

/// The value of an operation, and whether a comparison holds. Comparisons yield their left operand.
pub(super) fn apply(op: BinaryOp, a: f64, b: f64) -> (f64, bool) {
    match op {
        BinaryOp::Add => (a + b, true),
        BinaryOp::Sub => (a - b, true),
        BinaryOp::Mul => (a * b, true),
        BinaryOp::Div => (a / b, true),
        BinaryOp::Mod => (a % b, true),
        BinaryOp::Pow => (a.powf(b), true),
        BinaryOp::Atan2 => (a.atan2(b), true),
        BinaryOp::Equal => (a, a == b),
        BinaryOp::NotEqual => (a, a != b),
        BinaryOp::Less => (a, a < b),
        BinaryOp::LessEqual => (a, a <= b),
        BinaryOp::Greater => (a, a > b),
        BinaryOp::GreaterEqual => (a, a >= b),
        BinaryOp::And | BinaryOp::Or | BinaryOp::Unless | BinaryOp::TrimLower | BinaryOp::TrimUpper => (ABSENT, false),
    }
}

pub(super) fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

impl Evaluator<'_> {
    pub fn binary(&mut self, b: &BinaryExpr, span: Span, grid: Grid) -> Evaluated<Data> {
        let (lhs, rhs) = (self.eval(&b.lhs, grid)?, self.eval(&b.rhs, grid)?);
        match (lhs, rhs) {
            (Data::Scalar(a), Data::Scalar(c)) => Ok(Data::Scalar(scalars(b.op, a, &c))),
            (Data::Vector(v), Data::Scalar(s)) => Ok(Data::Vector(self.with_scalar(b, span, v, &s, false)?)),
            (Data::Scalar(s), Data::Vector(v)) => Ok(Data::Vector(self.with_scalar(b, span, v, &s, true)?)),
            (Data::Vector(l), Data::Vector(r)) if b.op.is_set() => Ok(Data::Vector(self.set(b, l, r, grid)?)),
            (Data::Vector(l), Data::Vector(r)) => Ok(Data::Vector(self.match_vectors(b, span, l, r, grid)?)),
            _ => Err(EvalError::Type("binary expression must contain only scalar and instant vector types".into())),
        }
    }

    fn with_scalar(
        &mut self,
        b: &BinaryExpr,
        span: Span,
        mut vector: Vec<Series>,
        s: &[f64],
        swapped: bool,
    ) -> Evaluated<Vec<Series>> {
        for series in &mut vector {
            if b.op.is_trim() || !series.histograms.is_empty() {
                self.combine_with_scalar(b, span, series, s, swapped);
                continue;
            }
            for (value, scalar) in series.values.iter_mut().zip(s) {
                if !present(*value) {
                    continue;
                }
                let (l, r) = if swapped { (*scalar, *value) } else { (*value, *scalar) };
                let (result, holds) = apply(b.op, l, r);
                *value = match () {
                    () if b.return_bool => truth(holds),
                    // A filter keeps the value of the vector, whichever side it stands on.
                    () if b.op.is_comparison() => {
                        if holds {
                            *value
                        } else {
                            ABSENT
                        }
                    }
                    () => result,
                };
            }
        }
        vector.retain(|s| !s.is_empty());
        let filter = b.op.keeps_metric() && !b.return_bool;
        if filter { Ok(vector) } else { self.drop_names(vector) }
    }

    /// An arithmetic operation or comparison between the series of two vectors.
    fn match_vectors(
        &mut self,
        b: &BinaryExpr,
        span: Span,
        lhs: Vec<Series>,
        rhs: Vec<Series>,
        grid: Grid,
    ) -> Evaluated<Vec<Series>> {
        if !b.matching.fill.is_empty() {
            return self.match_filled(b, span, lhs, rhs, grid);
        }
        let swapped = b.matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
        let mut sides: Sides<'_> = HashMap::new();
        let mut order = Vec::new();
        for series in &one {
            sides.entry(signature(&series.labels, &b.matching)).or_default().1.push(series);
        }
        for series in &many {
            let key = signature(&series.labels, &b.matching);
            let (left, _) = sides.entry(key.clone()).or_default();
            if left.is_empty() {
                order.push(key);
            }
            left.push(series);
        }
        check_one_side(&sides, &many, b, grid)?;
        let mut result = Merged::default();
        let filters_first = self.closed();
        for key in order {
            let (many, one) = &sides[&key];
            // Pairs that have no time in common cost time, though they yield nothing.
            self.check_room(many.len().saturating_mul(one.len()).saturating_mul(grid.len))?;
            let mut group =
                Group { binary: b, span, swapped, filters_first, taken: Vec::new(), grid, notes: &mut self.notes };
            group.combine(many, one, &mut result)?;
        }
        let mut series = result.series;
        series.retain(|s| !s.is_empty());
        if b.return_bool { self.drop_names(series) } else { Ok(series) }
    }
}

fn scalars(op: BinaryOp, mut a: Vec<f64>, b: &[f64]) -> Vec<f64> {
    for (a, b) in a.iter_mut().zip(b) {
        let (value, holds) = apply(op, *a, *b);
        *a = if op.is_comparison() { truth(holds) } else { value };
    }
    a
}

/// The labels by which series match.
pub(super) fn signature(labels: &Labels, matching: &VectorMatching) -> Labels {
    let listed = |name: &str| matching.labels.iter().any(|l| l == name);
    if matching.on {
        labels.without(|name| !listed(name))
    } else {
        labels.without(|name| name == METRIC_NAME || listed(name))
    }
}

pub(super) type Sides<'a> = HashMap<Labels, (Vec<&'a Series>, Vec<&'a Series>)>;

/// Fails if the side of one has two series of one signature at a time at which the other side has any series.
pub(super) fn check_one_side(sides: &Sides<'_>, many: &[Series], b: &BinaryExpr, grid: Grid) -> Evaluated<()> {
    for (key, (_, one)) in sides.iter().filter(|(_, (_, one))| one.len() > 1) {
        for i in 0..grid.len {
            let mut there = one.iter().filter(|s| s.there(i));
            let (Some(first), Some(second)) = (there.next(), there.next()) else { continue };
            if !b.matching.fill.is_empty() || many.iter().any(|s| s.there(i)) {
                let side = if b.matching.cardinality == Cardinality::OneToMany { "left" } else { "right" };
                let mut names = [go_string(&first.labels), go_string(&second.labels)];
                names.sort();
                let message = format!(
                    "found duplicate series for the match group {} on the {side} hand-side of the operation: [{}, {}];\
                     many-to-many matching not allowed: matching labels must be unique on one side",
                    go_string(key),
                    names[0],
                    names[1]
                );
                return Err(EvalError::Matching(message));
            }
        }
    }
    Ok(())
}

/// All labels between braces, the name among them, as Prometheus writes series in messages.
fn go_string(labels: &Labels) -> String {
    let pairs: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={}", Quoted(value))).collect();
    format!("{{{}}}", pairs.join(", "))
}

/// Results by their labels: series that alternate in time become one.
#[derive(Default)]
pub(super) struct Merged {
    places: HashMap<Labels, usize>,
    pub series: Vec<Series>,
}

impl Merged {
    /// Adds a series; fails where one of the same labels has a sample at the same time.
    pub fn add(&mut self, series: Series) -> Evaluated<()> {
        let place = *self.places.entry(series.labels.clone()).or_insert(self.series.len());
        let Some(known) = self.series.get_mut(place) else {
            self.series.push(series);
            return Ok(());
        };
        for i in 0..series.values.len() {
            match (known.there(i), series.there(i)) {
                (true, true) => return Err(EvalError::DuplicateLabels),
                (false, true) => known.copy(i, &series),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The series of one signature.
struct Group<'a> {
    binary: &'a BinaryExpr,
    span: Span,
    notes: &'a mut Annotations,
    swapped: bool,
    /// Prometheus 2.42 looks for second matches among what passes a comparison only.
    filters_first: bool,
    /// For each time the results so far, by which a second match shows.
    taken: Vec<HashSet<Labels>>,
    grid: Grid,
}

impl Group<'_> {
    fn combine(&mut self, many: &[&Series], one: &[&Series], result: &mut Merged) -> Evaluated<()> {
        if many.len() > 1 {
            self.taken = vec![HashSet::new(); self.grid.len];
        }
        for left in many {
            for right in one {
                self.pair(left, right, result)?;
            }
        }
        Ok(())
    }

    fn pair(&mut self, left: &Series, right: &Series, result: &mut Merged) -> Evaluated<()> {
        let b = self.binary;
        let labels = result_labels(&left.labels, &right.labels, b);
        if b.op.is_trim() || !left.histograms.is_empty() || !right.histograms.is_empty() {
            return self.native_pair(left, right, labels, result);
        }
        let mut values = vec![ABSENT; self.grid.len];
        for (i, slot) in values.iter_mut().enumerate() {
            let (l, r) = (left.values[i], right.values[i]);
            if !present(l) || !present(r) {
                continue;
            }
            let (x, y) = if self.swapped { (r, l) } else { (l, r) };
            let (value, holds) = apply(b.op, x, y);
            let keep = holds || b.return_bool;
            self.take(i, keep, &labels)?;
            if keep {
                *slot = if b.return_bool { truth(holds) } else { value };
            }
        }
        result.add(Series::new(labels, false, values))
    }

    /// The same where histograms are.
    fn native_pair(&mut self, left: &Series, right: &Series, labels: Labels, result: &mut Merged) -> Evaluated<()> {
        let b = self.binary;
        let mut series = Series::new(labels, false, vec![ABSENT; self.grid.len]);
        for i in 0..self.grid.len {
            let (Some(l), Some(r)) = (left.point(i), right.point(i)) else { continue };
            let (x, y) = if self.swapped { (r, l) } else { (l, r) };
            let Some((value, holds)) = native_binary::apply(b.op, x, y, self.notes, self.span) else { continue };
            let keep = holds || b.return_bool;
            self.take(i, keep, &series.labels)?;
            if keep {
                value.put(&mut series, i, b.return_bool.then_some(holds));
            }
        }
        result.add(series)
    }

    /// Takes a place among the results of a time; fails where it is taken.
    fn take(&mut self, i: usize, keep: bool, labels: &Labels) -> Evaluated<()> {
        let Some(taken) = self.taken.get_mut(i).filter(|_| keep || !self.filters_first) else { return Ok(()) };
        let grouped = self.binary.matching.cardinality != Cardinality::OneToOne;
        let key = if grouped { labels.clone() } else { Labels::default() };
        if taken.insert(key) { Ok(()) } else { Err(EvalError::Matching(multiple(grouped).into())) }
    }
}

pub(super) fn multiple(grouped: bool) -> &'static str {
    if grouped {
        "multiple matches for labels: grouping labels must ensure unique matches"
    } else {
        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
    }
}

pub(super) fn result_labels(many: &Labels, one: &Labels, b: &BinaryExpr) -> Labels {
    let matching = &b.matching;
    let listed = |name: &str| matching.labels.iter().any(|l| l == name);
    let drop_name = !b.op.keeps_metric() || b.return_bool;
    let single = matching.cardinality == Cardinality::OneToOne;
    let mut labels =
        many.without(|name| (drop_name && is_metric_label(name)) || (single && (listed(name) != matching.on)));
    for name in &matching.include {
        labels = labels.with(name, one.get(name));
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matching(on: bool, labels: &[&str], include: &[&str], cardinality: Cardinality) -> VectorMatching {
        let own = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect();
        VectorMatching { cardinality, on, labels: own(labels), include: own(include), ..VectorMatching::default() }
    }

    fn operation(op: BinaryOp, return_bool: bool, matching: VectorMatching) -> BinaryExpr {
        let one = || crate::parse("a").unwrap();
        BinaryExpr { op, lhs: one(), rhs: one(), return_bool, matching }
    }

    #[test]
    fn signatures_leave_out_the_name_unless_it_is_asked_for() {
        let labels = Labels::new([("__name__", "m"), ("a", "1"), ("b", "2")]);
        let of = |on, names: &[&str]| signature(&labels, &matching(on, names, &[], Cardinality::OneToOne)).to_string();
        assert_eq!(of(false, &[]), "{a=\"1\", b=\"2\"}");
        assert_eq!(of(false, &["a"]), "{b=\"2\"}");
        assert_eq!(of(true, &["a", "c"]), "{a=\"1\"}");
        assert_eq!(of(true, &["__name__"]), "m");
        assert_eq!(of(true, &[]), "{}");
    }

    #[test]
    fn results_carry_the_labels_that_the_matching_says() {
        let (many, one) =
            (Labels::new([("__name__", "m"), ("a", "1"), ("b", "2")]), Labels::new([("a", "1"), ("c", "3")]));
        let of = |op, return_bool, m| result_labels(&many, &one, &operation(op, return_bool, m)).to_string();
        let on_a = || matching(true, &["a"], &[], Cardinality::OneToOne);
        assert_eq!(of(BinaryOp::Add, false, on_a()), "{a=\"1\"}");
        assert_eq!(of(BinaryOp::Add, false, matching(false, &["a"], &[], Cardinality::OneToOne)), "{b=\"2\"}");
        assert_eq!(of(BinaryOp::Less, false, VectorMatching::default()), "m{a=\"1\", b=\"2\"}");
        assert_eq!(of(BinaryOp::Less, true, VectorMatching::default()), "{a=\"1\", b=\"2\"}");
        let grouped = matching(true, &["a"], &["b", "c"], Cardinality::ManyToOne);
        assert_eq!(of(BinaryOp::Mul, false, grouped), "{a=\"1\", c=\"3\"}");
    }

    #[test]
    fn operators_follow_ieee_754() {
        for (op, a, b, expected) in [
            (BinaryOp::Add, 1.0, 2.0, 3.0),
            (BinaryOp::Sub, 1.0, 2.0, -1.0),
            (BinaryOp::Mul, 3.0, 2.0, 6.0),
            (BinaryOp::Div, 1.0, 0.0, f64::INFINITY),
            (BinaryOp::Mod, -7.0, 3.0, -1.0),
            (BinaryOp::Pow, 2.0, 10.0, 1024.0),
            (BinaryOp::Atan2, 0.0, 1.0, 0.0),
        ] {
            assert_eq!(apply(op, a, b), (expected, true), "{op}");
        }
        assert!(apply(BinaryOp::Mod, 1.0, 0.0).0.is_nan() && apply(BinaryOp::Div, 0.0, 0.0).0.is_nan());
    }

    #[test]
    fn comparisons_keep_their_left_operand() {
        let holds = |op, a, b| {
            let (value, holds) = apply(op, a, b);
            assert!(value == a || a.is_nan());
            holds
        };
        assert!(holds(BinaryOp::Less, 1.0, 2.0) && !holds(BinaryOp::Less, 2.0, 2.0));
        assert!(holds(BinaryOp::LessEqual, 2.0, 2.0) && holds(BinaryOp::GreaterEqual, 2.0, 2.0));
        assert!(holds(BinaryOp::Greater, f64::INFINITY, 2.0) && !holds(BinaryOp::Greater, f64::NAN, 2.0));
        assert!(holds(BinaryOp::NotEqual, f64::NAN, f64::NAN) && !holds(BinaryOp::Equal, f64::NAN, f64::NAN));
    }
}

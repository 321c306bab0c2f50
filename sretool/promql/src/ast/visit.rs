//! Walks over a tree.

use super::{Duration, Expr, ExprKind, Span, VectorSelector};

/// A selector found in an expression.
#[derive(Clone, Copy, Debug)]
pub struct SelectorRef<'a> {
    /// Which series, and when.
    pub selector: &'a VectorSelector,
    /// Length of its range; none for an instant selector.
    pub range: Option<&'a Duration>,
    /// Where it stands.
    pub span: Span,
}

impl Expr {
    /// Direct children, from left to right.
    pub fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::Number(_) | ExprKind::Text(_) | ExprKind::Vector(_) | ExprKind::Matrix(_) => Vec::new(),
            ExprKind::Subquery(s) => vec![&s.expr],
            ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => vec![inner],
            ExprKind::Binary(b) => vec![&b.lhs, &b.rhs],
            ExprKind::Aggregate(a) => a.param.iter().chain([&a.expr]).collect(),
            ExprKind::Call(call) => call.args.iter().collect(),
        }
    }

    /// Calls `visit` for this expression and everything below it, parents first.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }

    /// All selectors, from left to right. The matchers of labels that `info` takes select nothing by themselves and
    /// are left out.
    pub fn selectors(&self) -> Vec<SelectorRef<'_>> {
        let mut found = Vec::new();
        self.collect_selectors(&mut found);
        found
    }

    fn collect_selectors<'a>(&'a self, found: &mut Vec<SelectorRef<'a>>) {
        let span = self.span;
        match &self.kind {
            ExprKind::Vector(selector) => found.push(SelectorRef { selector, range: None, span }),
            ExprKind::Matrix(m) => found.push(SelectorRef { selector: &m.selector, range: Some(&m.range), span }),
            ExprKind::Call(call) if call.function.name == "info" => {
                call.args.iter().take(1).for_each(|arg| arg.collect_selectors(found));
            }
            _ => self.children().into_iter().for_each(|child| child.collect_selectors(found)),
        }
    }
}

impl VectorSelector {
    /// The metric name that it selects, if one is asked for by equality.
    pub fn metric_name(&self) -> Option<&str> {
        let name = |m: &&crate::Matcher| &*m.name == crate::METRIC_NAME && m.op == crate::MatchOp::Equal;
        self.matchers.iter().find(name).map(|m| &*m.value)
    }
}

//! `and`, `or` and `unless`.

use super::binary::signature;
use super::data::{Grid, Series};
use super::evaluator::{Evaluated, Evaluator};
use super::names;
use crate::ast::{BinaryExpr, BinaryOp, VectorMatching};
use crate::labels::Labels;
use std::collections::HashMap;

impl Evaluator<'_> {
    pub fn set(&self, b: &BinaryExpr, lhs: Vec<Series>, rhs: Vec<Series>, grid: Grid) -> Evaluated<Vec<Series>> {
        let keep = |mut series: Vec<Series>, other: &[Series], wanted: bool| {
            let there = presence(other, &b.matching, grid);
            for s in &mut series {
                let mask = there.get(&signature(&s.labels, &b.matching));
                for i in 0..s.values.len() {
                    if mask.is_some_and(|m| m[i]) != wanted {
                        s.clear(i);
                    }
                }
            }
            series.retain(|s| !s.is_empty());
            series
        };
        Ok(match b.op {
            BinaryOp::And => keep(lhs, &rhs, true),
            BinaryOp::Unless => keep(lhs, &rhs, false),
            _ => {
                let others = keep(rhs, &lhs, false);
                let mut all = lhs;
                all.extend(others);
                // The two sides may hold one series at different times.
                return names::merge(all);
            }
        })
    }
}

/// At which times there is a series of each signature.
fn presence(series: &[Series], matching: &VectorMatching, grid: Grid) -> HashMap<Labels, Vec<bool>> {
    let mut there: HashMap<Labels, Vec<bool>> = HashMap::new();
    for s in series {
        let mask = there.entry(signature(&s.labels, matching)).or_insert_with(|| vec![false; grid.len]);
        for (i, mask) in mask.iter_mut().enumerate() {
            *mask |= s.there(i);
        }
    }
    there
}

//! Functions of one native histogram.

use super::annotations::Note;
use super::data::{Series, present};
use super::evaluator::{Evaluated, Evaluator};
use crate::ast::Span;
use crate::histogram::{Histogram, NanNote};

/// The function of a name.
pub(super) fn find(name: &str) -> Option<fn(&Histogram) -> f64> {
    Some(match name {
        "histogram_avg" => Histogram::mean,
        "histogram_count" => |h| h.count,
        "histogram_stddev" => |h| h.variance().sqrt(),
        "histogram_stdvar" => Histogram::variance,
        "histogram_sum" => |h| h.sum,
        _ => return None,
    })
}

impl Evaluator<'_> {
    /// Applies a function to every histogram and passes over numbers.
    pub fn map_histograms(&mut self, series: Vec<Series>, f: fn(&Histogram) -> f64) -> Evaluated<Vec<Series>> {
        let map = |s: Series| {
            let mut result = s.blank();
            for (value, histogram) in result.values.iter_mut().zip(&s.histograms) {
                if let Some(h) = histogram {
                    *value = f(h);
                }
            }
            result
        };
        let mapped = series.into_iter().filter(|s| !s.histograms.is_empty()).map(map);
        self.drop_names(mapped.filter(|s| s.values.iter().any(|v| present(*v))).collect())
    }
}

impl Evaluator<'_> {
    /// A value of each histogram, with what observations of NaN did to it.
    pub fn native_values(
        &mut self,
        native: &[Series],
        span: Span,
        f: impl Fn(usize, &Histogram) -> (f64, Option<NanNote>),
    ) -> Vec<Series> {
        let mut result = Vec::with_capacity(native.len());
        for series in native {
            let name = series.labels.metric_name();
            let mut values = series.blank();
            for (i, h) in series.histograms.iter().enumerate().filter_map(|(i, h)| Some((i, h.as_ref()?))) {
                let (value, note) = f(i, h);
                values.values[i] = value;
                match note {
                    Some(NanNote::Result) => self.notes.note(Note::QuantileIsNan(name), span),
                    Some(NanNote::Skew) => self.notes.note(Note::QuantileIsSkewed(name), span),
                    Some(NanNote::Excluded) => self.notes.note(Note::NanInNoFraction(name), span),
                    None => {}
                }
            }
            result.extend(Some(values).filter(|s| !s.is_empty()));
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_a_histogram() {
        let h = Histogram {
            count: 4.0,
            sum: 10.0,
            zero_count: 2.0,
            zero_threshold: 0.5,
            positive: vec![(3, 2.0)],
            ..Histogram::default()
        };
        let of = |name| find(name).unwrap()(&h);
        assert_eq!((of("histogram_count"), of("histogram_sum"), of("histogram_avg")), (4.0, 10.0, 2.5));
        // Two observations stand at zero and two at the geometric middle of 4 and 8.
        let middle = 32f64.sqrt();
        let variance = (2.5 * 2.5 + (middle - 2.5) * (middle - 2.5)) / 2.0;
        assert!((of("histogram_stdvar") - variance).abs() < 1e-12);
        assert!((of("histogram_stddev") - variance.sqrt()).abs() < 1e-12);
        assert!(find("histogram_quantile").is_none());
    }
}

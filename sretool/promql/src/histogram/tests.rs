use super::*;

fn exponential(schema: i32, counts: &[f64]) -> Histogram {
    let positive: Vec<_> = (0..).zip(counts.iter().copied()).collect();
    let count = counts.iter().sum();
    Histogram { schema, count, sum: count, positive, ..Histogram::default() }
}

fn custom(bounds: &[f64], counts: &[f64]) -> Histogram {
    Histogram { schema: CUSTOM_SCHEMA, bounds: bounds.into(), ..exponential(CUSTOM_SCHEMA, counts) }
}

fn bounds(h: &Histogram) -> Vec<(f64, f64, f64)> {
    h.buckets().map(|b| (b.lower, b.upper, b.count)).collect()
}

#[test]
fn bounds_follow_from_schema_and_index() {
    assert_eq!(bounds(&exponential(0, &[1.0, 2.0])), [(0.5, 1.0, 1.0), (1.0, 2.0, 2.0)]);
    assert_eq!(bounds(&exponential(-1, &[1.0, 2.0])), [(0.25, 1.0, 1.0), (1.0, 4.0, 2.0)]);
    let fine = bounds(&exponential(1, &[1.0, 2.0, 3.0]));
    assert_eq!(fine[2], (2f64.sqrt(), 2.0, 3.0));
    let last = Histogram { positive: vec![(1024, 1.0), (1025, 1.0)], ..Histogram::default() };
    assert_eq!(bounds(&last)[0].1, f64::MAX);
    assert_eq!(bounds(&last)[1], (f64::MAX, f64::INFINITY, 1.0));
    let ends = [f64::NEG_INFINITY, f64::INFINITY];
    assert_eq!(bounds(&custom(&[5.0], &[1.0, 2.0])), [(ends[0], 5.0, 1.0), (5.0, ends[1], 2.0)]);
}

#[test]
fn absurd_indices_and_schemas_do_no_harm() {
    for schema in [-53, -9, -4, 0, 8, 52, i32::MIN, i32::MAX] {
        for index in [i32::MIN, -5000, 0, 5000, i32::MAX] {
            let h = Histogram { schema, count: 1.0, positive: vec![(index, 1.0)], ..Histogram::default() };
            let (value, _) = h.quantile(0.5);
            assert!(value >= 0.0 || value.is_nan() || h.is_custom(), "{schema} {index}: {value}");
            let mut total = Total::of(&h);
            assert_eq!(total.add(&exponential(0, &[1.0])).is_err(), h.is_custom());
            assert!(!h.trimmed(1.0, Keep::Below).to_string().is_empty());
            assert!(!h.is_reset_after(&h));
        }
    }
}

#[test]
fn negative_and_zero_buckets_come_in_order() {
    let h = Histogram {
        zero_threshold: 0.6,
        zero_count: 3.0,
        negative: vec![(0, 1.0), (1, 2.0)],
        ..exponential(0, &[4.0, 5.0])
    };
    let expected = [(-2.0, -1.0, 2.0), (-1.0, -0.6, 1.0), (-0.6, 0.6, 3.0), (0.6, 1.0, 4.0), (1.0, 2.0, 5.0)];
    assert_eq!(bounds(&h), expected);
    assert_eq!(h.to_string(), "{count:9, sum:9, [-2,-1):2, [-1,-0.5):1, [-0.6,0.6]:3, (0.5,1]:4, (1,2]:5}");
}

#[test]
fn spans_become_buckets() {
    let buckets = Histogram::buckets_of_spans(&[(2, 2), (1, 1)], &[1.0, 2.0, 3.0]);
    assert_eq!(buckets, Some(vec![(2, 1.0), (3, 2.0), (5, 3.0)]));
    for (spans, counts) in [(&[(0, 2)][..], &[1.0][..]), (&[(0, 1)], &[1.0, 2.0]), (&[(0, 1), (-1, 1)], &[1.0, 2.0])] {
        assert_eq!(Histogram::buckets_of_spans(spans, counts), None);
    }
    assert_eq!(Histogram::buckets_of_spans(&[(i32::MAX, 2)], &[1.0, 2.0]), None);
}

fn sum(a: &Histogram, b: &Histogram) -> Histogram {
    let mut total = Total::of(a);
    total.add(b).unwrap();
    total.value()
}

#[test]
fn sums_take_the_coarser_schema() {
    let fine = exponential(1, &[1.0, 2.0, 3.0, 4.0]);
    let total = sum(&fine, &exponential(0, &[10.0, 0.0, 20.0]));
    assert_eq!((total.schema, total.count), (0, 40.0));
    assert_eq!(total.positive, [(0, 11.0), (1, 5.0), (2, 24.0)]);
    assert_eq!(sum(&exponential(0, &[10.0]), &fine).positive, [(0, 11.0), (1, 5.0), (2, 4.0)]);
}

#[test]
fn zero_buckets_widen_to_the_larger_and_to_the_end_of_a_bucket() {
    let narrow = Histogram { zero_threshold: 0.5, zero_count: 1.0, ..exponential(0, &[2.0, 3.0, 4.0]) };
    let wide = Histogram { zero_threshold: 1.5, zero_count: 10.0, ..exponential(0, &[]) };
    let total = sum(&narrow, &wide);
    assert_eq!((total.zero_threshold, total.zero_count), (2.0, 16.0));
    assert_eq!(total.positive, [(2, 4.0)]);
    let other = sum(&wide, &narrow);
    assert_eq!((other.zero_threshold, other.zero_count, other.positive), (2.0, 16.0, vec![(2, 4.0)]));
}

#[test]
fn custom_bounds_that_differ_leave_the_common_ones() {
    let mut total = Total::of(&custom(&[1.0, 2.0, 4.0], &[1.0, 2.0, 3.0, 4.0]));
    let merge = total.subtract(&custom(&[2.0, 3.0], &[1.0, 1.0, 1.0])).unwrap();
    assert!(merge.bounds_reconciled && !merge.reset_collision);
    let total = total.value();
    assert_eq!((&*total.bounds, &total.positive[..]), (&[2.0][..], &[(0, 2.0), (1, 5.0)][..]));
    assert_eq!(Total::of(&total).add(&exponential(0, &[1.0])), Err(Incompatible));
}

#[test]
fn reset_hints_of_a_sum() {
    use ResetHint::{Gauge, NotReset, Reset, Unknown};
    for (a, b, expected, collision) in [
        (Reset, Reset, Reset, false),
        (Gauge, Reset, Gauge, false),
        (NotReset, Gauge, Gauge, false),
        (Unknown, NotReset, Unknown, false),
        (NotReset, Unknown, Unknown, false),
        (Reset, NotReset, Unknown, true),
    ] {
        let hinted = |reset_hint| Histogram { reset_hint, ..exponential(0, &[1.0]) };
        let mut total = Total::of(&hinted(a));
        let merge = total.add(&hinted(b)).unwrap();
        assert_eq!((total.value().reset_hint, merge.reset_collision), (expected, collision), "{a:?} {b:?}");
    }
}

#[test]
fn means_do_not_overflow() {
    let big = exponential(0, &[f64::MAX / 1.5]);
    let mut mean = Mean::of(&big);
    mean.add(&big).unwrap();
    mean.add(&big).unwrap();
    assert_eq!(mean.value().positive, big.positive);
    let mut small = Mean::of(&exponential(0, &[1.0, 5.0]));
    small.add(&exponential(0, &[2.0])).unwrap();
    assert_eq!(small.value().positive, [(0, 1.5), (1, 2.5)]);
}

#[test]
fn resets_show_by_what_has_fallen() {
    let before = Histogram { zero_threshold: 0.1, zero_count: 2.0, ..exponential(1, &[1.0, 2.0]) };
    let reset = |f: fn(&mut Histogram)| {
        let mut now = before.clone();
        now.count += 5.0;
        f(&mut now);
        now.is_reset_after(&before)
    };
    assert!(!reset(|_| {}) && !reset(|h| h.positive.push((9, 5.0))));
    assert!(reset(|h| h.count = 1.0) && reset(|h| h.zero_count = 1.0) && reset(|h| h.positive[1].1 = 1.0));
    assert!(reset(|h| h.positive.truncate(1)) && reset(|h| h.schema = 2) && reset(|h| h.zero_threshold = 0.05));
    assert!(reset(|h| h.reset_hint = ResetHint::Reset));
    assert!(!reset(|h| {
        h.count = 0.0;
        h.reset_hint = ResetHint::NotReset;
    }));
    // A coarser schema and a wider zero bucket compare after the same is done to the one before.
    assert!(!reset(|h| {
        h.schema = 0;
        h.positive = vec![(0, 1.0), (1, 2.0)];
    }));
    assert!(reset(|h| h.zero_threshold = 0.9));
    assert!(custom(&[1.0], &[5.0, 1.0]).is_reset_after(&custom(&[1.0, 2.0], &[5.5, 0.0, 0.0])));
    assert!(!custom(&[1.0], &[5.0, 1.0]).is_reset_after(&custom(&[2.0], &[4.0, 1.0])));
}

#[test]
fn quantiles_interpolate_on_a_logarithmic_scale() {
    let h = exponential(0, &[0.0, 4.0]);
    assert_eq!(h.quantile(0.5), (2f64.sqrt(), None));
    assert_eq!((h.quantile(0.0).0, h.quantile(1.0).0), (1.0, 2.0));
    assert_eq!((h.quantile(-0.1).0, h.quantile(1.1).0), (f64::NEG_INFINITY, f64::INFINITY));
    assert!(h.quantile(f64::NAN).0.is_nan() && Histogram::default().quantile(0.5).0.is_nan());
    let c = custom(&[5.0, 10.0], &[1.0, 2.0, 1.0]);
    assert_eq!([0.125, 0.5, 0.99].map(|q| c.quantile(q).0), [2.5, 7.5, 10.0]);
    let nan = Histogram { count: 8.0, sum: f64::NAN, ..h };
    assert_eq!(nan.quantile(0.25).1, Some(NanNote::Skew));
    assert_eq!(nan.quantile(0.9).1, Some(NanNote::Result));
}

#[test]
fn fractions_are_the_inverse_of_quantiles() {
    let h = Histogram { zero_threshold: 0.5, zero_count: 2.0, count: 10.0, ..exponential(0, &[2.0, 6.0]) };
    for q in [0.1, 0.3, 0.55, 0.9] {
        let (share, note) = h.fraction(f64::NEG_INFINITY, h.quantile(q).0);
        assert!((share - q).abs() < 1e-12 && note.is_none(), "{q}: {share}");
    }
    assert_eq!(h.fraction(3.0, 2.0).0, 0.0);
    assert_eq!(h.fraction(f64::NEG_INFINITY, f64::INFINITY).0, 1.0);
}

#[test]
fn trimming_divides_the_bucket_that_holds_the_value() {
    let h = custom(&[0.0, 10.0, 20.0], &[0.0, 4.0, 2.0, 1.0]);
    let below = h.trimmed(15.0, Keep::Below);
    assert_eq!((below.count, below.sum, &below.positive[..]), (5.0, 32.5, &[(1, 4.0), (2, 1.0)][..]));
    let above = h.trimmed(15.0, Keep::Above);
    assert_eq!(above.positive, [(2, 1.0), (3, 1.0)]);
    assert_eq!(h.trimmed(f64::INFINITY, Keep::Below), h);
    assert_eq!(h.trimmed(f64::NAN, Keep::Above).positive, []);
}

#[test]
fn scaling_below_zero_makes_a_gauge() {
    let h = exponential(0, &[1.0, 2.0]);
    assert_eq!((h.times(2.0).positive, h.times(2.0).reset_hint), (vec![(0, 2.0), (1, 4.0)], ResetHint::Unknown));
    assert_eq!((h.times(-1.0).reset_hint, h.over(-1.0).reset_hint), (ResetHint::Gauge, ResetHint::Gauge));
    let over_zero = h.over(0.0);
    assert!(over_zero.positive.is_empty() && over_zero.count == f64::INFINITY);
}

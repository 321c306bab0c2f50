//! Confidence intervals from bootstrap draws.

/// The interval that holds the true difference with probability `1 − risk`, from the observed difference and those of
/// the draws, in ascending order. Percentiles of draws alone are too narrow where there are few `blocks` to draw from;
/// they are widened by as much as Student's distribution is wider than the normal one.
pub(super) fn interval(observed: f64, sorted: &[f64], risk: f64, blocks: f64) -> Option<(f64, f64)> {
    let tail = (risk / 2.0).clamp(1e-6, 0.5);
    let at = |q: f64| sorted.get(((sorted.len().saturating_sub(1)) as f64 * q).round() as usize).copied();
    let (low, high) = (at(tail)?, at(1.0 - tail)?);
    let z = normal(tail);
    let wider = if z > 0.0 { student(z, (blocks - 1.0).max(2.0)) / z } else { 1.0 };
    // A difference outside its own draws (a quantile at the edge of two modes) still lies in its interval.
    Some((observed - wider * (observed - low).max(0.0), observed + wider * (high - observed).max(0.0)))
}

/// The standard normal distribution's upper quantile, to 5e-4 (Abramowitz and Stegun 26.2.23).
fn normal(tail: f64) -> f64 {
    let t = (-2.0 * tail.ln()).sqrt();
    let above = 2.515_517 + t * (0.802_853 + t * 0.010_328);
    let below = 1.0 + t * (1.432_788 + t * (0.189_269 + t * 0.001_308));
    (t - above / below).max(0.0)
}

/// Student's quantile with `degrees` of freedom at the normal quantile `z` (Abramowitz and Stegun 26.7.5).
fn student(z: f64, degrees: f64) -> f64 {
    let (z3, z5, z7) = (z.powi(3), z.powi(5), z.powi(7));
    let first = (z3 + z) / 4.0;
    let second = (5.0 * z5 + 16.0 * z3 + 3.0 * z) / 96.0;
    let third = (3.0 * z7 + 19.0 * z5 + 17.0 * z3 - 15.0 * z) / 384.0;
    z + first / degrees + second / degrees.powi(2) + third / degrees.powi(3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        for (tail, expected) in [(0.5, 0.0), (0.05, 1.645), (0.025, 1.960), (0.005, 2.576), (0.001, 3.090)] {
            assert!((normal(tail) - expected).abs() < 1e-3, "{tail}: {}", normal(tail));
        }
        for (tail, degrees, expected) in [(0.025, 10.0, 2.228), (0.025, 30.0, 2.042), (0.005, 13.0, 3.012)] {
            let found = student(normal(tail), degrees);
            assert!((found - expected).abs() < 0.01, "{tail} {degrees}: {found}");
        }
    }

    #[test]
    fn few_blocks_widen_the_interval_and_it_holds_the_observation() {
        let draws: Vec<f64> = (0..=1000).map(|i| f64::from(i) / 1000.0 - 0.5).collect();
        let (few_low, few_high) = interval(0.0, &draws, 0.05, 6.0).unwrap();
        let (many_low, many_high) = interval(0.0, &draws, 0.05, 1e6).unwrap();
        assert!((many_low + 0.475).abs() < 1e-3 && (many_high - 0.475).abs() < 1e-3);
        assert!(few_low < 1.2 * many_low && few_high > 1.2 * many_high);
        let (low, high) = interval(2.0, &draws, 0.05, 10.0).unwrap();
        assert!(low <= 2.0 && high >= 2.0);
        assert_eq!(interval(0.0, &[], 0.05, 10.0), None);
    }
}

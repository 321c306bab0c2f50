//! Vertical axes.

/// How values are spread over an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    /// From 0.
    Linear,
    /// Each decade as high as the next: for latencies, whose tail is orders above their body.
    Log,
}

/// An axis that holds some values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `value`.
pub(super) fn nice(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].iter().map(|m| m * power).find(|v| *v >= value * (1.0 - 1e-9)).unwrap_or(value)
}

/// The largest of 1, 2, 5 times a power of ten that is at most `value`.
fn nice_below(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    [5.0, 2.0].iter().map(|m| m * power).find(|v| *v <= value * (1.0 + 1e-9)).unwrap_or(power)
}

impl Axis {
    /// The axis of round ends that holds all values.
    pub(super) fn around(values: impl Iterator<Item = f64> + Clone, scale: Scale) -> Self {
        let high = values.clone().fold(0.0, f64::max);
        match scale {
            Scale::Linear => {
                let step = nice(high / 4.0);
                Self { scale, low: 0.0, high: step * (high / step).ceil().max(1.0) }
            }
            Scale::Log => {
                let low = values.filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
                let (low, high) = if low.is_finite() { (nice_below(low), nice(high)) } else { (1.0, 10.0) };
                Self { scale, low, high: if high > low { high } else { low * 10.0 } }
            }
        }
    }

    /// Where a value is: 0 at the bottom, 1 at the top.
    pub(super) fn place(&self, value: f64) -> f64 {
        let place = match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Log => (value.max(self.low) / self.low).ln() / (self.high / self.low).ln(),
        };
        place.clamp(0.0, 1.0)
    }

    /// Whether a value is within the axis.
    pub(super) fn holds(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// Round values to label.
    pub(super) fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let step = nice(self.high / 5.0);
                (0..=(self.high / step).round() as u32).map(|i| f64::from(i) * step).collect()
            }
            Scale::Log => {
                let decades = (self.high / self.low).log10();
                // Few decades leave room for more than their beginnings.
                let within: &[f64] = if decades <= 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
                let first = self.low.log10().floor() as i32;
                let decade = |exponent: i32| within.iter().map(move |m| m * 10f64.powi(exponent));
                let all = (first..=first + decades.ceil() as i32 + 1).flat_map(decade);
                all.filter(|value| self.holds(*value * (1.0 - 1e-9)) || self.holds(*value * (1.0 + 1e-9))).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_round() {
        for (value, expected) in [(0.0, 1.0), (0.3, 0.5), (1.0, 1.0), (1.1, 2.0), (249.0, 500.0), (1000.0, 1000.0)] {
            assert!((nice(value) - expected).abs() < 1e-9, "{value}");
        }
        for (value, expected) in [(0.3, 0.2), (1.0, 1.0), (4.9, 2.0), (0.07, 0.05)] {
            assert!((nice_below(value) - expected).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn a_log_axis_gives_each_decade_the_same_room() {
        let axis = Axis::around([1.0, 30.0, 1000.0].into_iter(), Scale::Log);
        assert_eq!((axis.place(1.0), axis.place(1000.0)), (0.0, 1.0));
        assert!((axis.place(10.0) - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(axis.ticks().len(), 4);
        assert_eq!(axis.place(0.0), 0.0, "a zero has no logarithm and lies at the bottom");
    }

    #[test]
    fn a_linear_axis_starts_at_zero_and_holds_its_values() {
        let axis = Axis::around([3.0, 37.0].into_iter(), Scale::Linear);
        assert!(axis.holds(37.0) && !axis.holds(41.0) && axis.ticks().first() == Some(&0.0));
        assert!((3..=7).contains(&axis.ticks().len()), "{:?}", axis.ticks());
        let equal = Axis::around([5.0, 5.0].into_iter(), Scale::Log);
        assert!(equal.place(5.0).is_finite());
    }
}

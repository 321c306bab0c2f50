//! Scales and their labels.

use super::Chart;
use crate::clock;
use crate::theme::Glyphs;
use crate::units::{Unit, axis_label};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// The value axis: from `low` at the bottom to `high` at the top.
#[derive(Clone, Debug)]
pub(super) struct ValueAxis {
    low: f64,
    high: f64,
    tick: f64,
    rows: u16,
    unit: Unit,
}

impl ValueAxis {
    pub(super) fn new(chart: &Chart<'_>, rows: u16) -> Self {
        let values = || chart.series.iter().flat_map(|s| s.samples).map(|s| s.v).filter(|v| v.is_finite());
        let low = values().fold(0.0, f64::min);
        let data_high = values().fold(chart.at_least, f64::max);
        // A threshold far above the data would press the data flat; the legend still names it.
        let near = |t: &&super::Threshold| t.value.is_finite() && t.value <= data_high * 3.0;
        let high = chart.thresholds.iter().filter(near).map(|t| t.value).fold(data_high, f64::max);
        let high = if high > low { high } else { low + 1.0 };
        let wanted = f64::from((rows / 3).clamp(1, 5));
        let tick = nice((high - low) / wanted, chart.unit);
        Self { low: (low / tick).floor() * tick, high: (high / tick).ceil() * tick, tick, rows, unit: chart.unit }
    }

    pub(super) fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    fn share(&self, value: f64) -> f64 {
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The row of a value, from the top.
    pub(super) fn row(&self, value: f64) -> u16 {
        let last = f64::from(self.rows.saturating_sub(1));
        ((1.0 - self.share(value)) * last).round() as u16
    }

    /// The dot of a value, from the top.
    pub(super) fn dot(&self, value: f64, dots: usize) -> usize {
        let last = dots.saturating_sub(1) as f64;
        ((1.0 - self.share(value)) * last).round() as usize
    }

    fn ticks(&self) -> impl Iterator<Item = f64> {
        let count = ((self.high - self.low) / self.tick).round().min(50.0) as u32;
        let (low, tick) = (self.low, self.tick);
        (0..=count).map(move |i| low + f64::from(i) * tick)
    }

    fn label(&self, value: f64) -> String {
        // Adding up steps leaves 0.30000000000000004 and -0: neither is meant.
        axis_label(self.unit, if value.abs() < self.tick * 1e-6 { 0.0 } else { value })
    }

    pub(super) fn label_width(&self) -> u16 {
        self.ticks().map(|v| self.label(v).chars().count()).max().unwrap_or(0) as u16
    }

    /// Labels, right-aligned, and the axis in the last column of `area`.
    pub(super) fn render(&self, chart: &Chart<'_>, area: Rect, buffer: &mut Buffer) {
        let [bar, mark] = Glyphs::new(chart.ascii).axis;
        let axis_x = area.right() - 1;
        for y in area.top()..area.bottom() {
            buffer.set_string(axis_x, y, bar, chart.theme.faint);
        }
        let mut used = None;
        for value in self.ticks() {
            let y = area.y + self.row(value);
            if used == Some(y) || y >= area.bottom() {
                continue;
            }
            used = Some(y);
            let label = self.label(value);
            let x = axis_x.saturating_sub(label.chars().count() as u16).max(area.x);
            buffer.set_string(x, y, label, chart.theme.dim);
            buffer.set_string(axis_x, y, mark, chart.theme.faint);
        }
    }
}

/// The next of 1, 2, 5 times a power of ten; seconds beyond a minute step by minutes and hours.
fn nice(step: f64, unit: Unit) -> f64 {
    const LONG: [f64; 10] = [60.0, 120.0, 300.0, 600.0, 1_800.0, 3_600.0, 7_200.0, 21_600.0, 43_200.0, 86_400.0];
    if step <= 0.0 || !step.is_finite() {
        return 1.0;
    }
    if unit == Unit::Seconds && step > 30.0 {
        return LONG.into_iter().find(|long| *long >= step).unwrap_or(step);
    }
    let power = 10_f64.powi(step.log10().floor() as i32);
    let factors = [1.0, 2.0, 2.5, 5.0, 10.0];
    // The tolerance keeps 0.1 + 0.2 from climbing to the next factor.
    factors.into_iter().map(|f| f * power).find(|nice| *nice >= step * (1.0 - 1e-9)).unwrap_or(10.0 * power)
}

/// The time axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeAxis {
    start_ms: i64,
    end_ms: i64,
}

impl TimeAxis {
    pub(super) fn new(chart: &Chart<'_>) -> Self {
        Self { start_ms: chart.start_ms, end_ms: chart.end_ms.max(chart.start_ms + 1) }
    }

    /// The dot of a time, from the left; none outside of the axis.
    pub(super) fn dot(&self, t: i64, dots: usize) -> Option<usize> {
        if !(self.start_ms..=self.end_ms).contains(&t) {
            return None;
        }
        let share = (t - self.start_ms) as f64 / (self.end_ms - self.start_ms) as f64;
        Some((share * dots.saturating_sub(1) as f64).round() as usize)
    }

    /// As many labels as fit with air between them; the first at the left end, the last at the right.
    pub(super) fn render(&self, chart: &Chart<'_>, area: Rect, buffer: &mut Buffer) {
        let span = self.end_ms - self.start_ms;
        let label = |t| clock::axis(t, span, chart.utc_offset_s);
        let width = label(self.start_ms).len() as u16;
        if area.width < width {
            return;
        }
        let gaps = (area.width / (width + 12)).clamp(1, 6);
        let count = if area.width >= 2 * width + 2 { gaps + 1 } else { 1 };
        for i in 0..count {
            let share = |total: i64| total * i64::from(i) / i64::from(gaps);
            let text = label(self.start_ms + share(span));
            let x = area.x + share(i64::from(area.width - width)) as u16;
            buffer.set_string(x, area.y, text, chart.theme.dim);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round() {
        assert_eq!(nice(0.3, Unit::Short), 0.5);
        assert_eq!(nice(23.0, Unit::Short), 25.0);
        assert_eq!(nice(0.0, Unit::Short), 1.0);
        assert_eq!(nice(100.0, Unit::Seconds), 120.0);
        assert_eq!(nice(0.1 + 0.2, Unit::Ratio), 0.5);
    }
}

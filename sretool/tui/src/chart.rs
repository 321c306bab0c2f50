//! A time-series chart for terminals.
//!
//! Two rules make it trustworthy: a gap stays a gap (a NaN or a missing step breaks the line), and within a column the
//! lowest and the highest value are both drawn, so that a spike or dip of one sample survives every width.

mod axis;
mod canvas;
mod line;
mod spark;

use crate::theme::{Glyphs, Theme};
use crate::units::{Unit, format};
use axis::{TimeAxis, ValueAxis};
use canvas::Canvas;
use promql::Sample;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

pub use line::{Column, columns, runs};
pub use spark::spark;

/// One line of a chart.
#[derive(Clone, Debug)]
pub struct Series<'a> {
    /// In the legend.
    pub name: String,
    /// In order of time.
    pub samples: &'a [Sample],
    /// Colour of the line.
    pub style: Style,
    /// Drawn where only ASCII is allowed.
    pub mark: char,
}

/// A horizontal line that the series should stay below or above.
#[derive(Clone, Debug, PartialEq)]
pub struct Threshold {
    /// Where.
    pub value: f64,
    /// In the legend.
    pub name: String,
}

/// A chart, ready to be drawn.
#[derive(Clone, Debug)]
pub struct Chart<'a> {
    /// The lines; the first is drawn over all others.
    pub series: Vec<Series<'a>>,
    /// Threshold lines.
    pub thresholds: Vec<Threshold>,
    /// Left end, ms.
    pub start_ms: i64,
    /// Right end, ms.
    pub end_ms: i64,
    /// Time between two samples, ms; more than one and a half of it is a gap.
    pub step_ms: i64,
    /// Of the values.
    pub unit: Unit,
    /// The value axis reaches at least this far.
    pub at_least: f64,
    /// Seconds between UTC and the times shown.
    pub utc_offset_s: i32,
    /// Colours.
    pub theme: Theme,
    /// ASCII or Unicode.
    pub ascii: bool,
}

/// Last, smallest and largest value of a line; NaN counts as absent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stats {
    /// The newest.
    pub last: f64,
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
}

/// The legend's numbers of a line, unless it has no values. The last one is the last sample's, be it NaN.
pub fn stats(samples: &[Sample]) -> Option<Stats> {
    let mut values = samples.iter().map(|s| s.v).filter(|v| !v.is_nan());
    let first = values.next()?;
    let (min, max) = values.fold((first, first), |(min, max), v| (min.min(v), max.max(v)));
    Some(Stats { last: samples.last()?.v, min, max })
}

impl Chart<'_> {
    /// Whether any line has a value.
    pub fn has_data(&self) -> bool {
        self.series.iter().any(|s| s.samples.iter().any(|sample| sample.v.is_finite()))
    }

    /// Draws axes, thresholds, lines and, space permitting, the legend.
    pub fn render(&self, area: Rect, buffer: &mut Buffer) {
        if area.width < 4 || area.height < 1 {
            return;
        }
        let legend = self.legend(area);
        let legend_height = (legend.len() as u16).min(area.height.saturating_sub(4));
        let plot_height = area.height - legend_height;
        // One row for the times, where the plot keeps three.
        let time_height = u16::from(plot_height > 3);
        let rows = plot_height - time_height;
        let values = ValueAxis::new(self, rows);
        let label_width = if area.width >= 24 { values.label_width() } else { 0 };
        let axis_width = if label_width > 0 { label_width + 1 } else { 0 };
        let plot = Rect { x: area.x + axis_width, width: area.width - axis_width, height: rows, ..area };
        if label_width > 0 {
            values.render(self, Rect { width: axis_width, height: rows, ..area }, buffer);
        }
        self.plot(&values, plot, buffer);
        if time_height > 0 {
            let row = Rect { y: area.y + rows, height: 1, ..plot };
            TimeAxis::new(self).render(self, row, buffer);
        }
        for (i, line) in legend.iter().take(legend_height as usize).enumerate() {
            buffer.set_line(area.x, area.y + plot_height + i as u16, line, area.width);
        }
    }

    fn plot(&self, values: &ValueAxis, plot: Rect, buffer: &mut Buffer) {
        let glyphs = Glyphs::new(self.ascii);
        for threshold in self.thresholds.iter().filter(|t| values.contains(t.value)) {
            let y = plot.y + values.row(threshold.value);
            for x in plot.left()..plot.right() {
                buffer[(x, y)].set_symbol(glyphs.threshold).set_style(self.theme.threshold);
            }
        }
        let mut canvas = Canvas::new(plot.width, plot.height, self.ascii);
        let time = TimeAxis::new(self);
        // The first series comes last, over the others.
        for series in self.series.iter().rev() {
            canvas.pen(series.style, series.mark);
            line::draw(series.samples, self.step_ms, &mut canvas, &time, values);
        }
        canvas.render(plot, buffer);
    }

    /// One line a series with numbers where there is room for all of them, else all names on one line.
    fn legend(&self, area: Rect) -> Vec<Line<'_>> {
        let full = area.height >= 9 + self.series.len() as u16 && area.width >= 40;
        let entries = self.series.iter().map(|series| self.entry(series, full));
        let thresholds = self.thresholds.iter().map(|t| self.threshold_entry(t));
        if full {
            return entries.chain(thresholds).map(Line::from).collect();
        }
        if area.height < 5 {
            return Vec::new();
        }
        vec![Line::from(entries.chain(thresholds).flatten().collect::<Vec<_>>())]
    }

    fn mark(&self, series: &Series<'_>) -> Span<'static> {
        let mark = if self.ascii { series.mark.to_string() } else { Glyphs::new(false).line.repeat(2) };
        Span::styled(mark, series.style)
    }

    fn entry(&self, series: &Series<'_>, full: bool) -> Vec<Span<'static>> {
        let (text, dim) = (self.theme.text, self.theme.dim);
        let Some(stats) = stats(series.samples) else {
            return vec![self.mark(series), Span::styled(format!(" {} no data  ", series.name), dim)];
        };
        let last = format(self.unit, stats.last);
        if !full {
            let name = Span::styled(format!(" {} ", series.name), dim);
            return vec![self.mark(series), name, Span::styled(format!("{last}  "), text)];
        }
        let width = self.series.iter().map(|s| s.name.chars().count()).max().unwrap_or(0);
        let numbers = [("last", last), ("min", format(self.unit, stats.min)), ("max", format(self.unit, stats.max))];
        let mut spans = vec![self.mark(series), Span::styled(format!(" {:width$}", series.name), text)];
        for (name, value) in numbers {
            spans.push(Span::styled(format!("  {name} "), dim));
            spans.push(Span::styled(format!("{value:<9}"), text));
        }
        spans
    }

    fn threshold_entry(&self, threshold: &Threshold) -> Vec<Span<'static>> {
        let glyphs = Glyphs::new(self.ascii);
        let value = format(self.unit, threshold.value);
        let text = format!(" {} {value}  ", threshold.name);
        vec![Span::styled(glyphs.threshold.repeat(2), self.theme.threshold), Span::styled(text, self.theme.dim)]
    }
}

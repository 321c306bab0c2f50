//! A time-series chart for terminals.
//!
//! Two rules make it trustworthy: a gap stays a gap (a NaN or a missing step breaks the line), and within a column the
//! lowest and the highest value are both drawn, so that a spike or dip of one sample survives every width.

mod axis;
mod canvas;
mod line;
mod spark;

use crate::theme::{Glyphs, Theme};
use crate::units::{self, Unit, axis_label};
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
        let label_width = if area.width >= 24 { values.label_width().min(area.width / 3) } else { 0 };
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

    /// A table with a line a series where there is room for all of them, else all names on one line.
    fn legend(&self, area: Rect) -> Vec<Line<'_>> {
        let thresholds = self.thresholds.iter().map(|t| self.threshold_entry(t));
        if area.height >= 10 + self.series.len() as u16 && area.width >= 40 {
            return self.legend_table(area.width).into_iter().chain(thresholds.map(Line::from)).collect();
        }
        if area.height < 5 {
            return Vec::new();
        }
        let entries: Vec<_> = self.series.iter().map(|series| self.entry(series)).chain(thresholds).collect();
        let line = Line::from(entries.concat());
        if line.width() <= usize::from(area.width) { vec![line] } else { vec![self.narrow_legend(area.width)] }
    }

    /// Names alone, cut to equal shares of the width.
    fn narrow_legend(&self, width: u16) -> Line<'static> {
        let share = usize::from(width) / self.series.len().max(1);
        let room = share.saturating_sub(self.mark_width() + 2);
        let entry = |series: &Series<'_>| {
            let name: String = if series.name.chars().count() <= room {
                series.name.clone()
            } else {
                let ellipsis = Glyphs::new(self.ascii).ellipsis;
                series.name.chars().take(room.saturating_sub(1)).collect::<String>() + ellipsis
            };
            [self.mark(series), Span::styled(format!(" {name} "), self.theme.dim)]
        };
        Line::from(self.series.iter().flat_map(entry).collect::<Vec<_>>())
    }

    fn mark(&self, series: &Series<'_>) -> Span<'static> {
        let mark = if self.ascii { series.mark.to_string() } else { Glyphs::new(false).line.repeat(2) };
        Span::styled(mark, series.style)
    }

    /// The axis names the unit in full, so that the legend need not.
    fn short(&self, value: f64) -> String {
        units::cell(self.unit, Some(value)).unwrap_or_else(|| units::NO_DATA.to_owned())
    }

    fn legend_table(&self, width: u16) -> Vec<Line<'static>> {
        let numbers = |series: &Series<'_>| {
            stats(series.samples).map(|stats| [stats.last, stats.min, stats.max].map(|v| self.short(v)))
        };
        let rows: Vec<_> = self.series.iter().map(|series| (series, numbers(series))).collect();
        let longest = rows.iter().filter_map(|(_, n)| n.as_ref()).flatten().map(|n| n.chars().count()).max();
        let cell = longest.unwrap_or(0).max(7) + 2;
        let names = self.series.iter().map(|s| s.name.chars().count()).max().unwrap_or(0);
        let names = names.min(usize::from(width).saturating_sub(3 * cell + 4));
        let head = ["last", "min", "max"].map(|name| format!("{name:>cell$}")).concat();
        let indent = names + self.mark_width() + 1;
        let mut lines = vec![Line::styled(format!("{:indent$}{head}", ""), self.theme.dim)];
        for (series, numbers) in rows {
            let name: String = series.name.chars().take(names).collect();
            let text = match numbers {
                Some(numbers) => numbers.map(|number| format!("{number:>cell$}")).concat(),
                None => format!("{:>cell$}", units::NO_DATA),
            };
            let name = Span::styled(format!(" {name:names$}"), self.theme.dim);
            lines.push(Line::from(vec![self.mark(series), name, Span::styled(text, self.theme.text)]));
        }
        lines
    }

    fn mark_width(&self) -> usize {
        if self.ascii { 1 } else { 2 }
    }

    fn entry(&self, series: &Series<'_>) -> Vec<Span<'static>> {
        let last = stats(series.samples).map_or_else(|| units::NO_DATA.to_owned(), |stats| self.short(stats.last));
        let name = Span::styled(format!(" {} ", series.name), self.theme.dim);
        vec![self.mark(series), name, Span::styled(format!("{last}  "), self.theme.text)]
    }

    fn threshold_entry(&self, threshold: &Threshold) -> Vec<Span<'static>> {
        let glyphs = Glyphs::new(self.ascii);
        let value = axis_label(self.unit, threshold.value);
        let text = format!(" {} {value}  ", threshold.name);
        let mark = glyphs.threshold.repeat(self.mark_width());
        vec![Span::styled(mark, self.theme.threshold), Span::styled(text, self.theme.dim)]
    }
}

//! Panels with a chart.

use super::Ui;
use crate::chart::{Chart, Series, Threshold};
use crate::model::series;
use crate::queries::QueryId;
use promql::{Labels, Sample};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Marks of the lines where only ASCII is allowed.
const MARKS: [char; 6] = ['*', '+', 'o', 'x', '@', '%'];

/// What a chart panel shows.
pub(super) struct Plot<'a> {
    pub title: String,
    pub lines: Vec<PlotLine<'a>>,
    pub thresholds: Vec<Threshold>,
    pub queries: &'a [QueryId],
    /// The value axis reaches at least this far.
    pub at_least: f64,
    /// What to do about an empty chart.
    pub next: &'a str,
}

pub(super) struct PlotLine<'a> {
    pub name: String,
    pub samples: &'a [Sample],
    pub style: Option<Style>,
}

impl<'a> Plot<'a> {
    pub(super) fn new(title: impl Into<String>, queries: &'a [QueryId]) -> Self {
        let (lines, thresholds) = (Vec::new(), Vec::new());
        Self { title: title.into(), lines, thresholds, queries, at_least: 0.0, next: "Widen the time range with -." }
    }

    pub(super) fn line(mut self, name: impl Into<String>, samples: &'a [Sample]) -> Self {
        self.lines.push(PlotLine { name: name.into(), samples, style: None });
        self
    }

    pub(super) fn styled(mut self, name: impl Into<String>, samples: &'a [Sample], style: Style) -> Self {
        self.lines.push(PlotLine { name: name.into(), samples, style: Some(style) });
        self
    }

    pub(super) fn threshold(mut self, name: &str, value: Option<f64>) -> Self {
        self.thresholds.extend(value.map(|value| Threshold { value, name: name.to_owned() }));
        self
    }

    pub(super) fn at_least(mut self, value: f64) -> Self {
        self.at_least = value;
        self
    }
}

impl Ui<'_> {
    /// One line for each series of an answer, named by `name`.
    pub(super) fn all_series(&self, id: QueryId, name: impl Fn(&Labels) -> String) -> Vec<PlotLine<'_>> {
        let line = |s| {
            let s: &promql::MatrixSeries = s;
            PlotLine { name: name(&s.labels), samples: &s.samples, style: None }
        };
        let mut lines: Vec<_> = series(self.state.value(id)).iter().map(line).collect();
        lines.sort_by(|a, b| a.name.cmp(&b.name));
        lines
    }

    /// The samples of the only series of an answer.
    pub(super) fn only_series(&self, id: QueryId) -> &[Sample] {
        series(self.state.value(id)).first().map_or(&[], |s| &s.samples)
    }

    pub(super) fn plot(&self, plot: Plot<'_>, area: Rect, buffer: &mut Buffer) {
        let Some(body) = self.panel(area, &plot.title, "", plot.queries, buffer) else { return };
        let Some(id) = plot.queries.first().copied() else { return };
        let (start_ms, end_ms, step_ms) = self.state.chart_span(id.subject());
        let series = plot.lines.into_iter().enumerate().map(|(i, line)| Series {
            name: line.name,
            samples: line.samples,
            style: line.style.unwrap_or(self.theme.series[i % self.theme.series.len()]),
            mark: MARKS[i % MARKS.len()],
        });
        let chart = Chart {
            series: series.collect(),
            thresholds: plot.thresholds,
            start_ms,
            end_ms,
            step_ms,
            unit: id.spec().unit,
            at_least: plot.at_least,
            utc_offset_s: self.state.config.utc_offset_s,
            theme: self.theme,
            ascii: self.state.config.ascii,
        };
        if chart.has_data() {
            let inner = Rect { x: body.area.x + 1, width: body.area.width.saturating_sub(2), ..body.area };
            chart.render(inner, buffer);
            self.age(&body, buffer);
        } else {
            let what = format!("no data: {}", id.spec().meaning);
            self.empty(body.area, &what, plot.next, Some(id), buffer);
        }
    }
}

/// Divides an area into equal columns with air between them.
pub(super) fn columns(area: Rect, count: u16) -> Vec<Rect> {
    let count = count.max(1);
    let width = (area.width.saturating_sub(2 * (count - 1))) / count;
    let place = |i| {
        let x = area.x + i * (width + 2);
        // The last one takes what the division left over.
        Rect { x, width: if i + 1 == count { area.right().saturating_sub(x) } else { width }, ..area }
    };
    (0..count).map(place).collect()
}

/// Divides an area into a grid.
pub(super) fn grid(area: Rect, across: u16, down: u16) -> Vec<Rect> {
    let down = down.max(1);
    let height = area.height / down;
    let row = |i| {
        let y = area.y + i * height;
        Rect { y, height: if i + 1 == down { area.bottom() - y } else { height }, ..area }
    };
    (0..down).map(row).flat_map(|row| columns(row, across)).collect()
}

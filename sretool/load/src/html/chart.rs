//! Line charts as inline SVG.

use crate::format::{digits, escape};
use std::fmt::Write as _;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 220.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 24.0;

/// One line.
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) color: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

/// How the horizontal axis is labelled.
pub(super) enum Axis<'a> {
    /// Seconds from the start.
    Seconds,
    /// A label for each whole number.
    Labels(&'a dyn Fn(f64) -> String),
}

/// A chart of lines that share both axes; the vertical one starts at 0.
pub(super) struct Chart<'a> {
    pub(super) title: &'static str,
    pub(super) lines: Vec<Line>,
    pub(super) x: Axis<'a>,
}

/// The smallest of 1, 2, 5 times a power of ten that is at least `value`.
fn nice(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].iter().map(|m| m * power).find(|v| *v >= value * (1.0 - 1e-9)).unwrap_or(value)
}

impl Chart<'_> {
    /// The chart as an `<svg>` element.
    pub(super) fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let x_max = points().map(|p| p.0).fold(0.0, f64::max).max(1e-9);
        let step = nice(points().map(|p| p.1).fold(0.0, f64::max) / 4.0);
        let y_max = step * (points().map(|p| p.1).fold(0.0, f64::max) / step).ceil().max(1.0);
        let at = |(x, y): (f64, f64)| {
            (LEFT + x / x_max * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - y / y_max * (HEIGHT - TOP - BOTTOM))
        };
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\
             <title>{}</title>",
            escape(self.title)
        );
        self.legend(&mut svg);
        self.grid(&mut svg, (x_max, y_max, step), &at);
        for line in &self.lines {
            let path: Vec<_> = line.points.iter().map(|p| at(*p)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
            let _ = write!(
                svg,
                "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\" points=\"{}\"/>",
                line.color,
                path.join(" ")
            );
        }
        svg.push_str("</svg>");
        svg
    }

    fn legend(&self, svg: &mut String) {
        let _ = write!(svg, "<text x=\"{LEFT}\" y=\"14\">{}</text>", escape(self.title));
        let mut x = WIDTH - RIGHT;
        for line in self.lines.iter().rev() {
            x -= 22.0 + 6.5 * line.name.len() as f64;
            let _ = write!(
                svg,
                "<rect x=\"{x:.1}\" y=\"6\" width=\"10\" height=\"10\" fill=\"{}\"/><text x=\"{:.1}\" y=\"14\">{}</text>",
                line.color,
                x + 14.0,
                escape(line.name)
            );
        }
    }

    fn grid(&self, svg: &mut String, (x_max, y_max, step): (f64, f64, f64), at: &dyn Fn((f64, f64)) -> (f64, f64)) {
        for i in 0..=(y_max / step).round() as u32 {
            let value = f64::from(i) * step;
            let (left, y) = at((0.0, value));
            let _ = write!(
                svg,
                "<line x1=\"{left}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"var(--line)\"/>\
                 <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                left - 6.0,
                y + 4.0,
                digits(value)
            );
        }
        let x_step = match self.x {
            Axis::Seconds => nice(x_max / 10.0).max(1.0),
            Axis::Labels(_) => 1.0,
        };
        for i in 0..=(x_max / x_step + 1e-9) as u32 {
            let value = f64::from(i) * x_step;
            let label = match self.x {
                Axis::Seconds => format!("{value} s"),
                Axis::Labels(label) => label(value),
            };
            let (x, _) = at((value, 0.0));
            let _ = write!(
                svg,
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                HEIGHT - 8.0,
                escape(&label)
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        for (value, expected) in [(0.0, 1.0), (0.3, 0.5), (1.0, 1.0), (1.1, 2.0), (249.0, 500.0), (1000.0, 1000.0)] {
            assert!((nice(value) - expected).abs() < 1e-9, "{value}");
        }
    }

    #[test]
    fn points_stay_inside_the_picture() {
        let points = vec![(0.0, 0.0), (5.0, 37.0), (10.0, 12.0)];
        let svg = Chart { title: "t", lines: vec![Line { name: "a", color: "red", points }], x: Axis::Seconds }.svg();
        let path = svg.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
        for pair in path.split(' ') {
            let (x, y) = pair.split_once(',').unwrap();
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            assert!((LEFT..=WIDTH - RIGHT).contains(&x) && (TOP..=HEIGHT - BOTTOM).contains(&y), "{pair}");
        }
        assert!(svg.contains("10 s"));
    }

    #[test]
    fn a_chart_without_points_has_axes() {
        let svg = Chart { title: "t", lines: vec![], x: Axis::Seconds }.svg();
        assert!(svg.contains("<line") && !svg.contains("NaN") && !svg.contains("inf"));
    }
}

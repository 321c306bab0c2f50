//! Line charts as inline SVG, with their legend beside the title.

use super::axis::{Axis, Scale};
use crate::format::{digits, escape};
use std::fmt::Write as _;

/// The size of a chart that shares a row with another, in the units of its view box (pixels where it has that width).
pub(super) const WIDTH: f64 = 620.0;
pub(super) const HEIGHT: f64 = 220.0;
pub(super) const LEFT: f64 = 58.0;
pub(super) const RIGHT: f64 = 14.0;
pub(super) const TOP: f64 = 10.0;
pub(super) const BOTTOM: f64 = 24.0;

/// Colours of lines, in order; more lines begin again.
pub(super) const COLORS: [&str; 6] = ["var(--c0)", "var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c5)"];

/// One line; a point without a value is a gap.
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, Option<f64>)>,
}

/// What the horizontal axis means.
#[derive(Clone, Copy)]
pub(super) enum Across {
    /// Seconds from the start; the run's duration, after which it drained.
    Seconds(f64),
    /// Nines: 1 is 90 %, 2 is 99 %.
    Nines,
}

/// A chart of lines that share both axes.
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) lines: Vec<Line>,
    pub(super) across: Across,
    pub(super) scale: Scale,
    /// Horizontal lines with a name, drawn where they are within the picture.
    pub(super) limits: Vec<(f64, String)>,
}

impl Chart {
    /// A linear chart over the seconds of a run.
    pub(super) fn by_second(title: &str, lines: Vec<Line>, duration_s: f64) -> Self {
        let across = Across::Seconds(duration_s);
        Self { title: title.to_owned(), lines, across, scale: Scale::Linear, limits: Vec::new() }
    }

    /// The chart as a `<figure>` on a card.
    pub(super) fn figure(&self) -> String {
        let mut figure = format!("<figure class=\"card\"><figcaption>{}", escape(&self.title));
        for (line, color) in self.lines.iter().zip(COLORS.iter().cycle()) {
            let name = escape(&line.name);
            let _ = write!(figure, "<span class=\"key\"><i style=\"background:{color}\"></i>{name}</span>");
        }
        let _ = write!(figure, "</figcaption>{}</figure>", self.svg());
        figure
    }

    fn svg(&self) -> String {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let x_max = points().map(|point| point.0).fold(0.0, f64::max).max(1e-9);
        let axis = Axis::around(points().filter_map(|point| point.1), self.scale);
        let at_x = |x: f64| LEFT + x / x_max * (WIDTH - LEFT - RIGHT);
        let at_y = |y: f64| HEIGHT - BOTTOM - axis.place(y) * (HEIGHT - TOP - BOTTOM);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\"><title>{}</title>",
            escape(&self.title)
        );
        grid(&mut svg, &axis, WIDTH);
        self.ticks(&mut svg, x_max, &at_x);
        for (value, name) in self.limits.iter().filter(|(value, _)| axis.holds(*value)) {
            let y = at_y(*value);
            let _ = write!(
                svg,
                "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"var(--odd)\" \
                 stroke-dasharray=\"5 4\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                WIDTH - RIGHT - 2.0,
                y - 4.0,
                escape(name)
            );
        }
        // The first line last, so that it lies above the others.
        let lines: Vec<_> = self.lines.iter().zip(COLORS.iter().cycle()).collect();
        for (line, color) in lines.into_iter().rev() {
            for stretch in line.points.split(|point| point.1.is_none()).filter(|stretch| !stretch.is_empty()) {
                let place = |&(x, y): &(f64, Option<f64>)| format!("{:.1},{:.1}", at_x(x), at_y(y.unwrap_or(0.0)));
                draw(&mut svg, color, &stretch.iter().map(place).collect::<Vec<_>>());
            }
        }
        svg.push_str("</svg>");
        svg
    }

    fn ticks(&self, svg: &mut String, x_max: f64, at_x: &dyn Fn(f64) -> f64) {
        match self.across {
            Across::Seconds(duration_s) => seconds(svg, x_max, duration_s, at_x),
            Across::Nines => {
                for n in 0..=(x_max + 1e-9) as u32 {
                    let label = match n {
                        0 => "p0".to_owned(),
                        1 => "p90".to_owned(),
                        2 => "p99".to_owned(),
                        n => format!("p99.{}", "9".repeat(n as usize - 2)),
                    };
                    tick(svg, at_x(f64::from(n)), &label);
                }
                // Half way to 90 % on this scale is 68 %; the median is what people look for.
                tick(svg, at_x(2f64.log10()), "p50");
            }
        }
    }
}

/// A line, or a dot where there is only one point.
fn draw(svg: &mut String, color: &str, places: &[String]) {
    let _ = match places {
        [only] => {
            let (x, y) = only.split_once(',').unwrap_or(("0", "0"));
            write!(svg, "<circle cx=\"{x}\" cy=\"{y}\" r=\"2\" fill=\"{color}\"/>")
        }
        places => write!(
            svg,
            "<polyline fill=\"none\" stroke=\"{color}\" stroke-width=\"1.5\" stroke-linejoin=\"round\" points=\"{}\"/>",
            places.join(" ")
        ),
    };
}

/// Labels of the seconds; beyond the duration the run drained.
pub(super) fn seconds(svg: &mut String, x_max: f64, duration_s: f64, at_x: &dyn Fn(f64) -> f64) {
    let minutes = x_max > 300.0;
    let step = if minutes {
        super::axis::nice(x_max / 60.0 / 8.0).max(1.0) * 60.0
    } else {
        super::axis::nice(x_max / 8.0).max(1.0)
    };
    for i in 0..=(x_max / step + 1e-9) as u32 {
        let value = f64::from(i) * step;
        let label = if minutes { format!("{} min", value / 60.0) } else { format!("{value} s") };
        tick(svg, at_x(value), &label);
    }
    if x_max > duration_s + 0.5 {
        let x = at_x(duration_s);
        let _ = write!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{}\" stroke=\"var(--dim)\" stroke-dasharray=\"2 3\">\
             <title>the last request was due; the rest is drain</title></line>",
            HEIGHT - BOTTOM
        );
    }
}

fn tick(svg: &mut String, x: f64, label: &str) {
    let y = HEIGHT - 8.0;
    let _ = write!(svg, "<text x=\"{x:.1}\" y=\"{y}\" text-anchor=\"middle\">{}</text>", escape(label));
}

/// Horizontal lines and their labels.
pub(super) fn grid(svg: &mut String, axis: &Axis, width: f64) {
    for value in axis.ticks() {
        let y = HEIGHT - BOTTOM - axis.place(value) * (HEIGHT - TOP - BOTTOM);
        let _ = write!(
            svg,
            "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"var(--line)\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            width - RIGHT,
            LEFT - 6.0,
            y + 4.0,
            label(value)
        );
    }
}

/// Round numbers without the digits that make columns line up elsewhere.
fn label(value: f64) -> String {
    if value >= 100.0 { digits(value) } else { format!("{}", (value * 1e6).round() / 1e6) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: Vec<(f64, Option<f64>)>, across: Across, scale: Scale) -> String {
        let lines = vec![Line { name: "a<b".into(), points }];
        let limits = vec![(20.0, "p95<20ms".into()), (1e9, "far".into())];
        Chart { title: "t".into(), lines, across, scale, limits }.figure()
    }

    fn places(figure: &str) -> Vec<Vec<(f64, f64)>> {
        let lines = figure.split("points=\"").skip(1).map(|part| part.split('"').next().unwrap());
        let pair = |pair: &str| {
            let (x, y) = pair.split_once(',').unwrap();
            (x.parse().unwrap(), y.parse().unwrap())
        };
        lines.map(|line| line.split(' ').map(pair).collect()).collect()
    }

    #[test]
    fn points_stay_inside_the_picture_and_gaps_are_gaps() {
        let points = vec![(0.0, Some(1.0)), (5.0, Some(37.0)), (6.0, None), (7.0, Some(3.0)), (10.0, Some(12.0))];
        for scale in [Scale::Linear, Scale::Log] {
            let figure = chart(points.clone(), Across::Seconds(10.0), scale);
            let lines = places(&figure);
            assert_eq!(lines.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
            let inside =
                |&(x, y): &(f64, f64)| (LEFT..=WIDTH - RIGHT).contains(&x) && (TOP..=HEIGHT - BOTTOM).contains(&y);
            assert!(lines.iter().flatten().all(inside), "{lines:?}");
            assert!(figure.contains("10 s") && figure.contains("a&lt;b") && figure.contains("p95&lt;20ms"));
            assert!(!figure.contains("far"), "a limit outside the picture would squeeze the lines");
        }
    }

    #[test]
    fn a_chart_without_points_has_axes_and_a_single_point_is_a_dot() {
        let figure = chart(vec![], Across::Seconds(1.0), Scale::Log);
        assert!(figure.contains("<line") && !figure.contains("NaN") && !figure.contains("inf"), "{figure}");
        assert!(chart(vec![(1.0, Some(2.0))], Across::Seconds(1.0), Scale::Linear).contains("<circle"));
    }

    #[test]
    fn axes_are_labelled_in_their_units() {
        let nines = chart(vec![(0.0, Some(1.0)), (3.0, Some(9.0))], Across::Nines, Scale::Log);
        assert!(["p0", "p50", "p90", "p99", "p99.9"].iter().all(|label| nines.contains(&format!(">{label}<"))));
        let long = chart(vec![(0.0, Some(1.0)), (3600.0, Some(9.0))], Across::Seconds(3500.0), Scale::Linear);
        assert!(long.contains(">10 min<") && long.contains("the rest is drain"));
    }
}

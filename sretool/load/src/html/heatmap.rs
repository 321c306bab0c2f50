//! Response times over time: how many requests of each moment took how long.

use super::axis::{Axis, Scale};
use super::chart::{BOTTOM, HEIGHT, LEFT, RIGHT, TOP, grid, seconds};
use crate::totals::Second;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// It has a row of its own.
const WIDTH: f64 = 2.0 * super::chart::WIDTH + 40.0;

/// At most so many columns; longer runs have several seconds in one.
const COLUMNS: usize = 150;

/// Rows of a decade: neighbours differ by a quarter.
const ROWS: f64 = 10.0;

/// Steps of the colour.
const LEVELS: usize = 8;

/// The heatmap as a `<figure>`; none where nothing was answered.
pub(super) fn figure(rows: &[Second], duration_s: f64) -> Option<String> {
    let (cells, step) = cells(rows);
    let most = *cells.values().max()?;
    let edge = |row: i32| 10f64.powf(f64::from(row) / ROWS);
    let axis = Axis::around(cells.keys().flat_map(|(_, row)| [edge(*row), edge(row + 1)]), Scale::Log);
    let last = rows.last().map_or(1.0, |second| second.t).max(1.0);
    let at_x = |t: f64| LEFT + t / last * (WIDTH - LEFT - RIGHT);
    let at_y = |ms: f64| HEIGHT - BOTTOM - axis.place(ms) * (HEIGHT - TOP - BOTTOM);
    let mut paths = vec![String::new(); LEVELS];
    for ((column, row), count) in &cells {
        let level = if most > 1 { (*count as f64).ln() / (most as f64).ln() } else { 1.0 };
        let path = &mut paths[((level * LEVELS as f64) as usize).min(LEVELS - 1)];
        let (x, right) = (at_x(*column as f64 * step), at_x(((*column + 1) as f64 * step).min(last)));
        let (bottom, y) = (at_y(edge(*row)), at_y(edge(row + 1)));
        // A little over the edge, so that no seam shows between cells.
        let _ = write!(path, "M{x:.1} {y:.1}h{:.1}v{:.1}h-{0:.1}z", right - x + 0.2, bottom - y + 0.2);
    }
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\
         <title>Response times over time</title>"
    );
    grid(&mut svg, &axis, WIDTH);
    seconds(&mut svg, last, duration_s, &at_x);
    for (level, path) in paths.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
        let _ = write!(svg, "<path d=\"{path}\" fill=\"var(--c0)\" fill-opacity=\"{:.2}\"/>", opacity(level));
    }
    svg.push_str("</svg>");
    let key = |level: usize| format!("<i style=\"background:var(--c0);opacity:{:.2}\"></i>", opacity(level));
    let keys: String = (0..LEVELS).step_by(2).chain([LEVELS - 1]).map(key).collect();
    Some(format!(
        "<figure class=\"card wide\"><figcaption>Response times (ms) over time<span class=\"key\">1 request {keys} \
         {} requests in a cell</span></figcaption>{svg}</figure>",
        crate::format::count(most)
    ))
}

fn opacity(level: usize) -> f64 {
    0.14 + 0.86 * level as f64 / (LEVELS - 1) as f64
}

/// Requests by column and row, and the seconds of a column. The row of a time in ms is its logarithm.
fn cells(rows: &[Second]) -> (BTreeMap<(usize, i32), u64>, f64) {
    let mut cells = BTreeMap::new();
    let last = rows.last().map_or(0.0, |second| second.t);
    let step = (last / COLUMNS as f64).ceil().max(1.0);
    for second in rows {
        // A row ends some ms after its second does, and the last may be no second of its own.
        let column = ((second.t - second.seconds / 2.0).max(0.0) / step) as usize;
        for (us, count) in second.latency().pairs() {
            let row = ((us.max(1) as f64 / 1e3).log10() * ROWS).floor() as i32;
            *cells.entry((column, row)).or_default() += count;
        }
    }
    (cells, step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn every_request_is_in_a_cell() {
        let report = report(&[]);
        let (cells, step) = cells(&report.seconds);
        assert_eq!(step, 1.0);
        assert_eq!(cells, BTreeMap::from([((0, 10), 50), ((1, 10), 50)]), "10 ms, fifty in each second");
        let mut long = report.seconds.clone();
        for (i, second) in long.iter_mut().enumerate() {
            second.t = 1000.0 * (i as f64 + 1.0);
        }
        let (cells, step) = super::cells(&long);
        assert_eq!((step, cells.values().sum::<u64>()), (14.0, 100));
    }

    #[test]
    fn the_figure_has_a_path_a_level_and_nothing_without_answers() {
        let figure = figure(&report(&[]).seconds, 2.0).unwrap();
        assert_eq!(figure.matches("<path").count(), 1);
        assert!(figure.contains("50 requests in a cell") && !figure.contains("NaN"), "{figure}");
        assert_eq!(super::figure(&[], 2.0), None);
    }
}

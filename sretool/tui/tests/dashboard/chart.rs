//! The two promises of the chart, at every width: gaps stay gaps, single samples survive.

use promql::Sample;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tui::chart::{Chart, Series, Threshold, columns, runs, spark, stats};
use tui::units::Unit;
use tui::{Glyphs, Theme, ThemeName};

const STEP: i64 = 1_000;
const COUNT: i64 = 240;

fn series(value: impl Fn(i64) -> f64) -> Vec<Sample> {
    (0..=COUNT).map(|i| Sample { t: i * STEP, v: value(i) }).collect()
}

fn chart(samples: &[Sample], ascii: bool) -> Chart<'_> {
    let theme = Theme::new(ThemeName::Mono);
    Chart {
        series: vec![Series { name: "a".into(), samples, style: theme.text, mark: '*' }],
        thresholds: Vec::new(),
        start_ms: 0,
        end_ms: COUNT * STEP,
        step_ms: STEP,
        unit: Unit::Short,
        at_least: 10.0,
        utc_offset_s: 0,
        theme,
        ascii,
    }
}

fn draw(chart: &Chart<'_>, width: u16, height: u16) -> Vec<Vec<String>> {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    chart.render(buffer.area, &mut buffer);
    (0..height).map(|y| (0..width).map(|x| buffer[(x, y)].symbol().to_owned()).collect()).collect()
}

/// Cells of the plot that hold a part of the line; widths under 24 have no axis and heights under 4 no other rows.
fn inked(cell: &str, ascii: bool) -> bool {
    if ascii { cell == "*" } else { cell.chars().all(|c| ('\u{2801}'..='\u{28ff}').contains(&c)) }
}

#[test]
fn a_spike_and_a_dip_of_one_sample_survive_every_width() {
    for ascii in [false, true] {
        for width in 4..=200 {
            for at in [1, 60, 119, 239] {
                let spike = series(|i| if i == at { 10.0 } else { 5.0 });
                let rows = draw(&chart(&spike, ascii), width, 3);
                assert!(rows[0].iter().any(|cell| inked(cell, ascii)), "spike at {at}, width {width}: {rows:?}");
                let dip = series(|i| if i == at { 0.0 } else { 5.0 });
                let rows = draw(&chart(&dip, ascii), width, 3);
                assert!(rows[2].iter().any(|cell| inked(cell, ascii)), "dip at {at}, width {width}: {rows:?}");
            }
        }
    }
}

#[test]
fn a_gap_wider_than_a_column_stays_empty_at_every_width() {
    // A third of the time is missing, once as NaN and once as absent samples.
    let nan = series(|i| if (80..160).contains(&i) { f64::NAN } else { 5.0 });
    let absent: Vec<_> = nan.iter().copied().filter(|s| !s.v.is_nan()).collect();
    for samples in [&nan, &absent] {
        for width in 4..=200_u16 {
            let rows = draw(&chart(samples, false), width, 3);
            let axis = if width >= 24 { rows[0].iter().position(|c| c == "│" || c == "┤").unwrap() + 1 } else { 0 };
            let plot = usize::from(width) - axis;
            let ink: Vec<bool> =
                (0..usize::from(width)).map(|x| rows.iter().any(|row| inked(&row[x], false))).collect();
            // Every cell whose dots all lie within the gap, with a dot's width of air.
            let second = |dot: usize| dot as f64 / (2 * plot - 1) as f64 * COUNT as f64;
            let air = COUNT as f64 / (2 * plot - 1) as f64;
            for cell in (0..plot).filter(|c| second(2 * c) > 80.0 + air && second(2 * c + 1) < 160.0 - air) {
                assert!(!ink[axis + cell], "cell {cell} of width {width}: {rows:?}");
            }
            assert!(ink[axis] && ink[usize::from(width) - 1], "the ends are drawn, width {width}: {rows:?}");
        }
    }
}

#[test]
fn one_missing_step_breaks_the_line() {
    let mut samples = series(|_| 1.0);
    samples.remove(100);
    assert_eq!(runs(&samples, STEP).iter().map(|run| run.len()).collect::<Vec<_>>(), [100, 140]);
    let infinite = series(|i| if i == 7 { f64::INFINITY } else { 1.0 });
    assert_eq!(runs(&infinite, STEP).len(), 2);
    assert!(runs(&[], STEP).is_empty());
}

#[test]
fn a_late_scrape_is_no_gap() {
    let samples: Vec<_> = (0..10).map(|i| Sample { t: i * STEP + i % 2 * 400, v: 1.0 }).collect();
    assert_eq!(runs(&samples, STEP).len(), 1);
}

#[test]
fn columns_keep_first_last_smallest_and_largest() {
    let samples: Vec<_> = [3.0, 9.0, 1.0, 4.0].iter().enumerate().map(|(i, v)| Sample { t: i as i64, v: *v }).collect();
    let columns = columns(&samples, |_| Some(0));
    assert_eq!(columns.len(), 1);
    assert_eq!((columns[0].first, columns[0].last, columns[0].min, columns[0].max), (3.0, 4.0, 1.0, 9.0));
}

#[test]
fn a_lonely_sample_is_a_dot() {
    let one = [Sample { t: COUNT * STEP / 2, v: 5.0 }];
    for width in 4..100 {
        let ink = draw(&chart(&one, false), width, 3).concat().iter().filter(|cell| inked(cell, false)).count();
        assert_eq!(ink, 1, "width {width}");
    }
}

#[test]
fn extreme_values_never_panic() {
    for v in [0.0, -1e300, 1e300, f64::MIN_POSITIVE, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let samples = series(|i| if i % 2 == 0 { v } else { 1.0 });
        for (width, height) in [(1, 1), (4, 1), (24, 2), (60, 12), (200, 60)] {
            draw(&chart(&samples, false), width, height);
        }
    }
    let mut inverted = chart(&[], true);
    (inverted.start_ms, inverted.end_ms) = (10, 0);
    assert!(!inverted.has_data());
    draw(&inverted, 30, 10);
}

#[test]
fn thresholds_are_drawn_where_near_and_named_where_far() {
    let samples = series(|_| 5.0);
    let mut chart = chart(&samples, true);
    chart.thresholds =
        vec![Threshold { value: 8.0, name: "near".into() }, Threshold { value: 900.0, name: "far".into() }];
    let rows = draw(&chart, 60, 16);
    let text: Vec<String> = rows.iter().map(|row| row.concat()).collect();
    assert_eq!(text.iter().filter(|line| line.contains("----------")).count(), 1, "{text:#?}");
    assert!(text.iter().any(|line| line.contains("near 8")) && text.iter().any(|line| line.contains("far 900")));
}

#[test]
fn the_legend_tells_last_smallest_and_largest() {
    let samples = series(|i| {
        if i == 3 {
            1.0
        } else if i == 9 {
            9.0
        } else {
            5.0
        }
    });
    let stats = stats(&samples).unwrap();
    assert_eq!((stats.last, stats.min, stats.max), (5.0, 1.0, 9.0));
    let text: String = draw(&chart(&samples, false), 60, 16).into_iter().flatten().collect();
    assert!(text.contains("last      min      max") && text.contains("a        5        1        9"), "{text}");
    assert_eq!(tui::chart::stats(&series(|_| f64::NAN)), None);
}

#[test]
fn a_large_chart_reads_well() {
    let samples = series(|i| match i {
        100..120 => f64::NAN,
        200 => 9.5,
        _ => 4.0 + 3.0 * (i as f64 / 20.0).sin(),
    });
    let mut chart = chart(&samples, false);
    chart.thresholds = vec![Threshold { value: 8.0, name: "limit".into() }];
    let rows = draw(&chart, 100, 16);
    insta::assert_snapshot!(
        "chart",
        rows.iter().map(|row| row.concat().trim_end().to_owned() + "\n").collect::<String>()
    );
}

#[test]
fn sparklines_keep_spikes_dips_and_gaps() {
    let glyphs = Glyphs::new(false);
    for width in 8..80 {
        let line = |samples: &[Sample]| spark(samples, 0, COUNT * STEP, STEP, width, &glyphs);
        let spike = line(&series(|i| if i == 77 { 10.0 } else { 1.0 }));
        assert!(spike.contains('█') && spike.chars().count() == width, "width {width}: {spike}");
        assert!(line(&series(|i| if i == 77 { 0.0 } else { 10.0 })).contains('▁'), "width {width}");
        let gap = line(&series(|i| if (80..160).contains(&i) { f64::NAN } else { 5.0 }));
        assert!(gap.trim().contains(' '), "width {width}: {gap}");
    }
    assert_eq!(spark(&[], 0, 10, 1, 5, &glyphs), "     ");
}

//! Start timestamps.

use crate::check;

#[test]
fn a_start_inside_of_the_window_stands_for_zero() {
    check(
        "load 1m
            known_total@st -30s -90s -150s
            known_total 10 20 30
            unknown_total 10 20 30

        eval instant at 2m increase(known_total[3m])
            {} 30

        eval instant at 2m increase(unknown_total[3m])
            {} 30

        eval instant at 2m increase(unknown_total[2m30s])
            {} 25

        eval instant at 2m increase(known_total[2m30s])
            {} 25

        eval instant at 0 increase(known_total[1m])
            {} 10

        eval instant at 0 increase(unknown_total[1m])",
    );
}

#[test]
fn a_later_start_is_a_reset_though_the_value_rises() {
    check(
        "load 1m
            c_total@st -30s -30s
            c_total 5 9

        eval instant at 1m resets(c_total[2m])
            {} 1

        eval instant at 1m irate(c_total[2m])
            {} 0.15

        eval instant at 1m idelta(c_total[2m])
            {} 4

        eval instant at 1m start_timestamp(c_total)
            {} 30

        eval instant at 1m start_timestamp(c_total + 0)",
    );
}

#[test]
fn starts_that_overlap_are_warned_of() {
    check(
        "load 1m
            c_total@st -30s -90s -150s
            c_total 5 9 12
            d_total@st -30s -70s -110s
            d_total 5 9 12

        eval instant at 2m increase(c_total[5m])
            expect no_warn
            {} 12

        eval instant at 2m increase(d_total[5m])
            expect warn msg: PromQL warning: sample has start time that overlaps with previous sample timestamp for metric \"d_total\" (1:10)
            {} 12",
    );
}

#[test]
fn histograms_have_starts_too() {
    check(
        "load 1m
            h@st -30s -30s
            h {{schema:0 count:2 sum:2 buckets:[2]}} {{schema:0 count:3 sum:3 buckets:[3]}}

        eval instant at 1m resets(h[2m])
            {} 1

        eval instant at 0 increase(h[1m])
            {} {{schema:0 count:2 sum:2 buckets:[2]}}

        eval instant at 1m start_timestamp(h)
            {} 30",
    );
}

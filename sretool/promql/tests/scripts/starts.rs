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

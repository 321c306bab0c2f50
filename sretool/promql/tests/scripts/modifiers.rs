//! `fill`, `info`, `anchored` and `smoothed`.

use crate::check;

#[test]
fn missing_partners_are_filled() {
    check(
        "load 1m
            errors{code=\"a\"} 5
            errors{code=\"b\"} 7
            requests{code=\"a\"} 50
            requests{code=\"c\"} 30

        eval instant at 0 errors / requests
            {code=\"a\"} 0.1

        eval instant at 0 errors / fill_left (0) requests
            {code=\"a\"} 0.1
            {code=\"c\"} 0

        eval instant at 0 errors + fill_right (1) requests
            {code=\"a\"} 55
            {code=\"b\"} 8

        eval instant at 0 errors + fill (0) requests
            {code=\"a\"} 55
            {code=\"b\"} 7
            {code=\"c\"} 30

        eval instant at 0 errors > bool fill (10) requests
            {code=\"a\"} 0
            {code=\"b\"} 0
            {code=\"c\"} 0

        eval instant at 0 errors < fill (10) requests
            errors{code=\"a\"} 5
            errors{code=\"b\"} 7
            {code=\"c\"} 10

        eval instant at 0 nothing + fill (1) nothing",
    );
}

#[test]
fn groups_are_filled() {
    check(
        "load 1m
            used{disk=\"x\", host=\"1\"} 10
            used{disk=\"y\", host=\"1\"} 20
            used{disk=\"x\", host=\"2\"} 30
            size{host=\"1\"} 100
            size{host=\"3\"} 300

        eval instant at 0 used / on (host) group_left fill_right (60) size
            {disk=\"x\", host=\"1\"} 0.1
            {disk=\"y\", host=\"1\"} 0.2
            {disk=\"x\", host=\"2\"} 0.5

        eval instant at 0 used + on (host) group_left fill_left (0) size
            {disk=\"x\", host=\"1\"} 110
            {disk=\"y\", host=\"1\"} 120
            {host=\"3\"} 300

        eval instant at 0 used + on (host) fill (0) size
            expect fail msg: multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)

        eval instant at 0 size + on () fill (0) used
            expect fail",
    );
}

#[test]
fn info_metrics_lend_their_labels() {
    check(
        "load 1m
            up{job=\"api\", instance=\"1\"} 1 0
            up{job=\"api\", instance=\"2\"} 1 1
            target_info{job=\"api\", instance=\"1\", version=\"7\", zone=\"north\"} 1 1
            build_info{job=\"api\", instance=\"1\", commit=\"abc\"} 1 1

        eval instant at 0 info(up)
            up{job=\"api\", instance=\"1\", version=\"7\", zone=\"north\"} 1
            up{job=\"api\", instance=\"2\"} 1

        eval instant at 0 info(up, {version=~\".+\"})
            up{job=\"api\", instance=\"1\", version=\"7\"} 1

        eval instant at 0 info(up, {version=~\".*\"})
            up{job=\"api\", instance=\"1\", version=\"7\"} 1
            up{job=\"api\", instance=\"2\"} 1

        eval instant at 0 info(up, {__name__=\"build_info\"})
            up{job=\"api\", instance=\"1\", commit=\"abc\"} 1
            up{job=\"api\", instance=\"2\"} 1

        eval instant at 0 info(up, {__name__=~\"build_info|target_info\", commit=~\".+\"})
            up{job=\"api\", instance=\"1\", commit=\"abc\"} 1

        eval instant at 0 sum by (zone) (info(up, {zone=~\".+\"}))
            {zone=\"north\"} 1

        eval range from 0 to 1m step 1m info(up{instance=\"1\"}, {zone=~\".+\"})
            up{job=\"api\", instance=\"1\", zone=\"north\"} 1 0

        eval instant at 0 info({__name__=~\"up|target_info\", instance=\"1\"}, {zone=~\".+\"})
            up{job=\"api\", instance=\"1\", zone=\"north\"} 1
            target_info{job=\"api\", instance=\"1\", version=\"7\", zone=\"north\"} 1",
    );
}

#[test]
fn info_metrics_that_contradict_each_other_are_refused() {
    check(
        "load 1m
            up{job=\"api\", instance=\"1\"} 1
            a_info{job=\"api\", instance=\"1\", zone=\"north\"} 1
            b_info{job=\"api\", instance=\"1\", zone=\"south\"} 1
            c_info{job=\"api\", instance=\"1\", x=\"1\"} 1
            c_info{job=\"api\", instance=\"1\", x=\"2\"} 1

        eval instant at 0 info(up, {__name__=~\"a_info|b_info\"})
            expect fail regex: conflicting label: zone

        eval instant at 0 info(up, {__name__=\"c_info\"})
            expect fail regex: found duplicate series for info metric

        eval instant at 0 info(up, {__name__!=\"b_info\", __name__!=\"c_info\"})
            up{job=\"api\", instance=\"1\", zone=\"north\"} 1",
    );
}

#[test]
fn anchored_ranges_know_the_sample_before_them() {
    check(
        "load 30s
            c_total 0 10 20 5 15 25

        eval instant at 75s increase(c_total[30s] anchored)
            {} 10

        eval instant at 75s increase(c_total[30s])

        eval instant at 100s increase(c_total[30s] anchored)
            {} 5

        eval instant at 150s increase(c_total[120s] anchored)
            {} 35

        eval instant at 150s rate(c_total[100s] anchored)
            {} 0.35

        eval instant at 150s delta(c_total[120s] anchored)
            {} 15

        eval instant at 150s resets(c_total[45s] anchored)
            {} 0

        eval instant at 100s resets(c_total[30s] anchored)
            {} 1

        eval instant at 100s changes(c_total[30s] anchored)
            {} 1

        eval instant at 1h increase(c_total[30s] anchored)

        eval instant at 75s max_over_time(c_total[30s] anchored)
            expect fail msg: anchored modifier can only be used with: changes, delta, increase, rate, resets - not with max_over_time",
    );
}

#[test]
fn smoothed_values_lie_between_samples() {
    check(
        "load 30s
            g 0 30 60 0

        eval instant at 15s g smoothed
            g 15

        eval instant at 45s g smoothed
            g 45

        eval instant at 75s g smoothed
            g 30

        eval instant at 30s g smoothed
            g 30

        eval instant at 2m g smoothed
            g 0

        eval instant at 60s increase(g[30s] smoothed)
            {} 30

        eval instant at 45s increase(g[30s] smoothed)
            {} 30

        eval instant at 75s delta(g[30s] smoothed)
            {} -15

        eval instant at 75s increase(g[30s] smoothed)
            expect info regex: might not be a counter
            {} 15

        eval instant at 45s resets(g[30s] smoothed)
            expect fail msg: smoothed modifier can only be used with: delta, increase, rate - not with resets",
    );
}

#[test]
fn histograms_are_anchored_and_smoothed_too() {
    check(
        "load 30s
            h {{schema:0 count:2 sum:2 buckets:[2]}} {{schema:0 count:6 sum:6 buckets:[6]}} {{schema:0 count:8 sum:8 buckets:[8]}}

        eval instant at 45s increase(h[30s] anchored)
            {} {{schema:0 count:4 sum:4 counter_reset_hint:gauge buckets:[4]}}

        eval instant at 45s increase(h[30s] smoothed)
            {} {{schema:0 count:3 sum:3 counter_reset_hint:gauge buckets:[3]}}

        eval instant at 45s h smoothed
            h {{schema:0 count:7 sum:7 buckets:[7]}}",
    );
}
